/**
 * What the agent does, followed while somebody looks: one subscription for all viewers. Failures
 * are not among its events: a storm of them would be told one by one. Their number comes with the
 * status.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlClient } from '../control/client.js';
import type { StreamEvent } from '../control/protocol.js';
import { inBackground } from '../core/background.js';
import type { BanjourEvent } from '../core/decision.js';
import { EXIT, messageOf, OperatorError } from '../core/errors.js';
import type { BanPage } from './api.js';
import { BanList, type BanSearch } from './bans.js';

const FOLLOWED: readonly BanjourEvent[] = ['ban', 'unban', 'takeover', 'under-attack'];
/** The list is kept up for so long after the last who looked, ms: reading it anew costs more. */
const LINGER_MS = 5 * 60_000;
/** Pause before the agent is asked again after it was silent, ms. */
const PAUSE_MS = 2_000;
/** How long a question waits for the list to be read, ms. */
const PATIENCE_MS = 15_000;

export interface AgentFollowerOptions {
  /** A client whose requests end with the signal. */
  readonly connect: (signal: AbortSignal) => Pick<ControlClient, 'events' | 'bansInPieces'>;
  readonly heard: (event: StreamEvent) => void;
  /** The agent began to answer, or ceased to. */
  readonly changed: () => void;
  /** The two letters of the country that an address is in, where that is known. */
  readonly countryOf: (target: string) => string | undefined;
}

export class AgentFollower {
  readonly #options: AgentFollowerOptions;
  readonly #list: BanList;
  #following: AbortController | undefined;
  #linger: NodeJS.Timeout | undefined;
  #isCurrent = false;
  /** Why the agent is not followed. */
  #trouble: string | undefined;
  /** Those who wait for the list. */
  #waiting: (() => void)[] = [];

  constructor(options: AgentFollowerOptions) {
    this.#options = options;
    this.#list = new BanList(options.countryOf);
  }

  /** True while everything that happens is heard of. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** Somebody looks: what follows is kept for a while. */
  want(): void {
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => this.stop(), LINGER_MS);
    this.#linger.unref();
    if (this.#following !== undefined) return;
    this.#following = new AbortController();
    inBackground(this.#follow(this.#following.signal));
  }

  stop(): void {
    clearTimeout(this.#linger);
    this.#following?.abort();
    this.#following = undefined;
    this.#lose(undefined);
    this.#list.clear();
  }

  /** A page of the list. Throws `OperatorError` when there is none because the agent is silent. */
  async page(query: BanSearch): Promise<BanPage> {
    this.want();
    if (!this.#isCurrent) await this.#read();
    const page = this.#list.page(query);
    if (!this.#isCurrent && page.total === 0)
      throw new OperatorError(
        this.#trouble ?? 'the agent has not said yet which bans are in force',
        { hint: 'systemctl status banjour', exitCode: EXIT.unavailable },
      );
    return { ...page, isCurrent: this.#isCurrent };
  }

  /** Resolves when the list is there, when it cannot be had, or after a while. */
  #read(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #release(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#followOnce(signal);
        this.#lose('the agent has ended the stream of events');
      } catch (error) {
        this.#lose(messageOf(error));
      }
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Until the agent goes; a list that cannot be read ends it, too. */
  async #followOnce(outer: AbortSignal): Promise<void> {
    const own = new AbortController();
    const end = () => own.abort();
    outer.addEventListener('abort', end, { once: true });
    const client = this.#options.connect(own.signal);
    let reading: Promise<void> = Promise.resolve();
    try {
      await client.events((event) => this.#hear(event), own.signal, {
        only: FOLLOWED,
        opened: () => {
          reading = this.#readList(client).catch((error) => {
            own.abort();
            throw error;
          });
          inBackground(reading, () => undefined);
        },
      });
    } finally {
      outer.removeEventListener('abort', end);
      own.abort();
      await reading;
    }
  }

  async #readList(client: ReturnType<AgentFollowerOptions['connect']>): Promise<void> {
    this.#list.begin();
    for await (const bans of client.bansInPieces()) this.#list.add(bans);
    this.#list.done();
    this.#isCurrent = true;
    this.#trouble = undefined;
    this.#release();
    this.#options.changed();
  }

  #hear(event: StreamEvent): void {
    if (event.event === 'ban') this.#list.put(event);
    else if (event.event === 'unban') this.#list.remove(event);
    this.#options.heard(event);
  }

  #lose(trouble: string | undefined): void {
    const before = this.#isCurrent;
    this.#isCurrent = false;
    this.#trouble = trouble;
    this.#release();
    if (before) this.#options.changed();
  }
}
