/**
 * Shared bans: one connection to the engine after another, as long as the part runs. Whatever fails
 * ends a connection; the next one begins with a listing, so that what was missed on either side is
 * found by comparing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OperatorError } from '../core/errors.js';
import { escapeUntrusted } from '../core/text.js';
import { SHARE_BACKOFF_MS_MAX, SHARE_BACKOFF_MS_MIN } from '../core/timeouts.js';
import { Connection, type ConnectionOptions } from './connection.js';
import type { EngineOptions, ShareEngine } from './engine.js';
import { ShareMetrics } from './metrics.js';

export interface ShareOptions
  extends Pick<ConnectionOptions, 'agent' | 'desk' | 'positions' | 'log' | 'pauses'> {
  /** Makes an engine that is not yet open. Throws `OperatorError`, e.g. for a secret. */
  readonly engine: (options: EngineOptions) => ShareEngine;
  readonly host: string;
  readonly now?: () => number;
  /** Tests shorten these, ms. */
  readonly times?: Partial<typeof TIMES>;
}

const TIMES = {
  backoffMin: SHARE_BACKOFF_MS_MIN,
  backoffMax: SHARE_BACKOFF_MS_MAX,
  // A cut network is noticed by it.
  heartbeat: 10_000,
  listAgainFirst: 120_000,
  listAgain: 600_000,
};

/** For companion.sock: no secret in it. */
export interface ShareStatus {
  readonly engine: string;
  readonly host: string;
  /** ISO 8601; null while the engine is not listened to. */
  readonly connectedSince: string | null;
  /** Why there is none, or why the agent takes nothing; null when all is well. */
  readonly trouble: string | null;
  /** Bans of this host at the engine, changes that wait, bans of other hosts there. */
  readonly published: number;
  readonly waiting: number;
  readonly held: number;
}

export class ShareService {
  readonly metrics: ShareMetrics;
  readonly #options: ShareOptions;
  readonly #times: typeof TIMES;
  readonly #now: () => number;
  readonly #abort = new AbortController();
  #connection: Connection | undefined;
  #since: number | undefined;
  #where = '';
  #trouble: string | undefined;

  constructor(options: ShareOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
    this.#now = options.now ?? Date.now;
    this.metrics = new ShareMetrics(() => {
      const { published, waiting, held, connectedSince } = this.status();
      return { isConnected: connectedSince !== null, published, waiting, held };
    });
  }

  /** Runs until `stop`; rejects when positions cannot be kept. */
  async run(): Promise<void> {
    const { signal } = this.#abort;
    const backoff = new Backoff(this.#times.backoffMin, this.#times.backoffMax);
    while (!signal.aborted) {
      try {
        await this.#connect(signal);
      } catch (error) {
        if (!signal.aborted) this.#fail(error);
      }
      // A connection that came to listen is no reason to wait long for the next one.
      if (this.#since !== undefined) backoff.reset();
      this.#since = undefined;
      this.#options.positions.write();
      await sleep(backoff.next(), undefined, { signal }).catch(() => undefined);
    }
  }

  stop(): void {
    this.#abort.abort();
  }

  /** One line: what it does, or why it does not. */
  get summary(): string {
    if (this.#trouble !== undefined) return `bans are not shared: ${this.#trouble}`;
    if (this.#since === undefined) return 'bans are not shared yet';
    const problem = this.#connection?.problem;
    return `bans are shared through ${this.#where}${problem === undefined ? '' : `; ${problem}`}`;
  }

  status(): ShareStatus {
    const connection = this.#connection;
    return {
      engine: this.#where,
      host: this.#options.host,
      connectedSince: this.#since === undefined ? null : new Date(this.#since).toISOString(),
      trouble: this.#trouble ?? connection?.problem ?? null,
      published: connection?.published ?? 0,
      waiting: connection?.waiting ?? 0,
      held: connection?.held ?? 0,
    };
  }

  /** From the first word to the engine until something fails: rejects, unless it was stopped. */
  async #connect(signal: AbortSignal): Promise<void> {
    const { agent, desk, host, positions, log, pauses } = this.#options;
    const view = await agent.shareStatus();
    const engine = this.#options.engine({ host, origins: view.accept, now: this.#now });
    this.#where = engine.where;
    try {
      await engine.open();
      this.#connection = new Connection({
        ...{ engine, agent, desk, view, positions, log },
        ...{ metrics: this.metrics, now: this.#now, times: this.#times },
        ...(pauses === undefined ? {} : { pauses }),
        listening: () => this.#listening(),
      });
      await this.#connection.run(signal);
    } finally {
      this.#connection = undefined;
      await engine.close();
    }
  }

  #listening(): void {
    if (this.#since !== undefined) return;
    this.#since = Date.now();
    this.#options.log('notice', `bans are shared through ${this.#where}`);
    this.#trouble = undefined;
  }

  #fail(error: unknown): void {
    this.metrics.failures.inc();
    const reason = escapeUntrusted(messageOf(error), 400);
    const hint = error instanceof OperatorError ? error.hint : undefined;
    if (this.#trouble !== reason)
      this.#options.log(
        'warning',
        `bans are not shared: ${reason}${hint === undefined ? '' : ` (${hint})`}; it is tried again`,
      );
    this.#trouble = reason;
  }
}

/** Pauses that grow, half of each by chance, so that many hosts do not come back together. */
export class Backoff {
  readonly #min: number;
  readonly #max: number;
  #pause: number;

  constructor(min = SHARE_BACKOFF_MS_MIN, max = SHARE_BACKOFF_MS_MAX) {
    this.#min = min;
    this.#max = max;
    this.#pause = min;
  }

  /** Milliseconds until the next try. */
  next(): number {
    const pause = this.#pause;
    this.#pause = Math.min(this.#max, pause * 2);
    return pause / 2 + (Math.random() * pause) / 2;
  }

  reset(): void {
    this.#pause = this.#min;
  }
}
