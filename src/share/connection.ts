/**
 * One connection to the engine, from the first listing until something fails: what the engine says
 * goes to the agent, what the agent bans goes to the engine, side by side.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Feed, Follower, type FollowerOptions } from '../control/follower.js';
import type { Positions } from '../control/positions.js';
import type { BanView, ShareView } from '../control/protocol.js';
import { inBackground } from '../core/background.js';
import { OperatorError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { SHARE_OWN_MAX } from '../core/service-limits.js';
import type { EngineNews, ShareEngine } from './engine.js';
import { Inbox, type InboxOptions } from './inbox.js';
import type { ShareMetrics } from './metrics.js';
import { PublishQueue } from './publish.js';

/** What of status.sock and share.sock is used. */
export interface ShareAgent extends Feed {
  bans(query: { jail?: string; address?: string }): Promise<readonly BanView[]>;
  shareStatus(): Promise<ShareView>;
}

export interface ConnectionOptions {
  readonly engine: ShareEngine;
  /** What this host is called there. */
  readonly host: string;
  readonly agent: ShareAgent;
  /** Takes what other hosts decided. */
  readonly decisions: InboxOptions['agent'];
  /** What the agent said of itself before. */
  readonly view: ShareView;
  readonly positions: Positions;
  readonly metrics: ShareMetrics;
  readonly log: Log;
  readonly now: () => number;
  readonly spared: InboxOptions['spared'];
  readonly times: ConnectionTimes;
  readonly pauses?: FollowerOptions['pauses'];
  /** The first listing is done: what others decided is known here. */
  readonly listening: () => void;
  /** Another host turned out to have this one's name. */
  readonly namesake?: () => void;
}

interface ConnectionTimes {
  /** How often the engine is told of this host, and the agent asked what it wants, ms. */
  readonly heartbeat: number;
  /** When everything is listed and compared once more: first, and then each time, ms. */
  readonly listAgainFirst: number;
  readonly listAgain: number;
}

/** Keys of the file of positions. */
const HISTORY = 'history';
const ENGINE = 'engine';
/** Positions are written at most this often, ms. */
const WRITE_MS = 500;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #ending = new AbortController();
  readonly #inbox: Inbox;
  readonly #queue: PublishQueue;
  readonly #follower: Follower;
  #fail: (error: unknown) => void = () => undefined;
  /** Of this host, in the listing that is under way. */
  #own = new Map<string, number>();
  /** What it is to have; asked for only where that listing is longer than its bound. */
  #wanted: ReadonlySet<string> | undefined;
  /** A decision of another host with this one's name is held; the same in that listing. */
  #isNamesake = false;
  #isNamesakeListed = false;
  #isPublishing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ConnectionOptions) {
    const { engine, agent, decisions, log, metrics, now, positions, view, pauses, spared } =
      options;
    this.#options = options;
    const { signal } = this.#ending;
    const inbox = { engine: engine.where, agent: decisions, log, metrics, signal, now, spared };
    this.#inbox = new Inbox(inbox);
    this.#queue = new PublishQueue({
      seen: positions.of(HISTORY),
      rules: view.publish,
      bans: (query) => agent.bans(query),
      filled: () => this.#publish(),
      room: () => this.#follower.ring(),
      failed: (error) => this.#fail(error),
      now,
    });
    this.#follower = new Follower({
      feed: agent,
      log,
      begin: (newest) => {
        this.#queue.begin(newest);
        return [this.#queue];
      },
      moved: () => this.#keep(),
      // Of unbans before it nothing is told: all is compared.
      opened: () => this.#queue.compare(),
      unbanned: (event) => this.#queue.unbanned(event),
      ...(pauses === undefined ? {} : { pauses }),
    });
  }

  get held(): number {
    return this.#inbox.held;
  }

  get published(): number {
    return this.#queue.published;
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  /** Another host shares its bans under this one's name. */
  get hasNamesake(): boolean {
    return this.#isNamesake;
  }

  /** Why the agent takes nothing; undefined while it does. */
  get problem(): string | undefined {
    return this.#inbox.problem;
  }

  /** Rejects with what ended it, or resolves when `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { engine, positions } = this.#options;
    const end = () => this.#ending.abort();
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    const broken = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    const ending = this.#ending.signal;
    const work = [
      engine.run(positions.wordOf(ENGINE), (news) => this.#take(news), ending),
      this.#follower.run(),
      this.#beat(ending),
    ];
    // When one of them fails, the others fail because of it: only the first failure is told.
    for (const one of work) inBackground(one, () => undefined);
    try {
      await Promise.race([broken, ...work, aborted(ending)]);
    } finally {
      signal.removeEventListener('abort', end);
      end();
      this.#queue.stop();
      this.#follower.stop();
      clearTimeout(this.#timer);
      this.#note();
    }
  }

  async #take(news: EngineNews): Promise<void> {
    const { listing, own, position } = news;
    const isNamesake = news.put.some(({ host }) => host === this.#options.host);
    if (isNamesake && !this.#isNamesake) {
      this.#isNamesake = true;
      this.#options.namesake?.();
    }
    if (listing !== undefined) {
      this.#isNamesakeListed ||= isNamesake;
      this.#queue.listingBegins();
      await this.#noteOwn(own);
    }
    await this.#inbox.take(news);
    if (listing === 'end') {
      this.#queue.listed(this.#own);
      this.#own = new Map();
      this.#wanted = undefined;
      this.#isNamesake = this.#isNamesakeListed;
      this.#isNamesakeListed = false;
      this.#options.listening();
    }
    if (position !== undefined) {
      this.#options.positions.set(ENGINE, position);
      this.#keep();
    }
  }

  /**
   * What this host has in force is kept however much it is: the comparison takes it that the engine
   * lacks what is not kept, and would tell it anew after each listing. The bound is for what others
   * write in this host's name.
   */
  async #noteOwn(own: ReadonlyMap<string, number>): Promise<void> {
    for (const [key, until] of own) {
      if (this.#own.size >= SHARE_OWN_MAX && !this.#own.has(key)) {
        this.#wanted ??= await this.#queue.wanted();
        if (!this.#wanted.has(key)) continue;
      }
      this.#own.set(key, until);
    }
  }

  /** Tells the engine all that waits, piece by piece. */
  #publish(): void {
    if (this.#isPublishing) return;
    this.#isPublishing = true;
    inBackground(this.#publishAll(), (error) => this.#fail(error));
  }

  async #publishAll(): Promise<void> {
    const { engine, metrics } = this.#options;
    // What comes in one go is told in one go.
    await new Promise(setImmediate);
    for (;;) {
      const changes = this.#queue.next();
      if (changes.length === 0 || this.#ending.signal.aborted) break;
      await engine.publish(changes);
      const bans = changes.filter(({ kind }) => kind === 'ban').length;
      metrics.told('ban', bans);
      metrics.told('lift', changes.length - bans);
      this.#queue.taken(changes);
      this.#keep();
    }
    this.#isPublishing = false;
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { engine, agent, times, view } = this.#options;
    let next = performance.now() + times.listAgainFirst;
    while (!signal.aborted) {
      await sleep(times.heartbeat, undefined, { signal });
      await engine.heartbeat();
      // Follower and inbox wait for an agent that is away.
      const now = await agent.shareStatus().catch(() => undefined);
      if (now !== undefined) this.#queue.adopt(now.publish);
      if (now !== undefined && `${now.accept}` !== `${view.accept}`)
        throw new OperatorError('the jail shared accepts other origins now');
      if (performance.now() < next && !(this.problem !== undefined && now?.enabled === true))
        continue;
      engine.listAgain();
      next = performance.now() + times.listAgain;
    }
  }

  /** Soon: many changes at once cost one write. */
  #keep(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      try {
        this.#note();
        this.#options.positions.write();
      } catch (error) {
        this.#fail(error);
      }
    }, WRITE_MS);
  }

  #note(): void {
    this.#options.positions.set(HISTORY, this.#queue.done);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
