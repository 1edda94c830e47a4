/**
 * What one target is still to be told: a bounded queue in the order of the bans, one delivery at a
 * time, pauses that grow while deliveries fail. What does not fit stays in the agent's ledger until
 * it does; what is too old or cannot succeed is dropped, counted and said once.
 */

import type { Receiver } from '../control/follower.js';
import type { BanView } from '../control/protocol.js';
import { type PauseBounds, pauseAfter, spread } from '../core/backoff.js';
import { messageOf } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { NOTIFY_QUEUE_MAX } from '../core/service-limits.js';
import { counted } from '../core/text.js';
import {
  NOTIFY_AGE_SECONDS_MAX,
  NOTIFY_BACKOFF_MS_MAX,
  NOTIFY_BACKOFF_MS_MIN,
} from '../core/timeouts.js';
import type { NotifyMetrics } from './metrics.js';
import { DeliveryError } from './news.js';
import { describeTarget, type NotifyRoute } from './targets.js';

export interface OutboxOptions {
  readonly route: NotifyRoute;
  /** Tells the target; rejects with `DeliveryError`. */
  readonly send: (bans: readonly BanView[]) => Promise<void>;
  /** Bans of one delivery, at most. */
  readonly together: number;
  /** After a delivery, further bans are gathered for so long, ms. */
  readonly gatherMs: number;
  readonly log: Log;
  readonly metrics: NotifyMetrics;
  /** Called when `done` has moved. */
  readonly moved: () => void;
  /** Called when there is room again after an offer that found none. */
  readonly room: () => void;
  readonly queueMax?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly backoffMs?: PauseBounds;
}

/** What keeps a target from being told. */
export interface DeliveryTrouble {
  /** ISO 8601. */
  readonly time: string;
  /** Safe to show: no secret, nothing unescaped. */
  readonly reason: string;
}

export class Outbox implements Receiver {
  readonly route: NotifyRoute;
  readonly #options: OutboxOptions;
  readonly #now: () => number;
  #queue: BanView[] = [];
  #seen: number;
  /** A ban found no room: none is taken until half of the queue is free. */
  #full = false;
  #trouble: DeliveryTrouble | undefined;
  #lost = 0;
  #stopped = false;
  #failures = 0;
  #wake: (() => void) | undefined;
  #running: Promise<void>;

  /** `seen`: id of the last ban that this target is done with. */
  constructor(seen: number, options: OutboxOptions) {
    this.route = options.route;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#seen = seen;
    this.#running = this.#run();
  }

  /** Everything up to this id is told, dropped or of no concern. */
  get done(): number {
    const first = this.#queue[0];
    return first === undefined ? this.#seen : first.id - 1;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** When the first that waits was banned, ISO 8601. */
  get oldest(): string | undefined {
    return this.#queue[0]?.time;
  }

  /** Bans that were dropped. */
  get dropped(): number {
    return this.#lost;
  }

  get seen(): number {
    return this.#seen;
  }

  get hasRoom(): boolean {
    return !this.#full;
  }

  /** Why the last delivery failed; undefined when it did not. */
  get trouble(): DeliveryTrouble | undefined {
    return this.#trouble;
  }

  forget(): void {
    this.#seen = 0;
  }

  pass(id: number): void {
    if (!this.#full) this.#seen = Math.max(this.#seen, id);
  }

  offer(ban: BanView): void {
    if (this.#full || ban.id <= this.#seen) return;
    if (this.route.jails.has(ban.jail)) {
      this.#full = this.#queue.length >= this.#max;
      if (this.#full) return;
      this.#queue.push(ban);
    }
    this.#seen = ban.id;
    this.#wake?.();
  }

  /**
   * Ends the work; a delivery under way may take until `graceMs`, then it will be repeated by the
   * next start.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([this.#running, late]);
    clearTimeout(timer);
  }

  get #max(): number {
    return this.#options.queueMax ?? NOTIFY_QUEUE_MAX;
  }

  async #run(): Promise<void> {
    const { together, gatherMs } = this.#options;
    while (!this.#stopped) {
      if (this.#queue.length === 0) {
        await this.#woken(undefined);
        continue;
      }
      this.#dropOld();
      const bans = this.#queue.slice(0, together);
      if (bans.length === 0) continue;
      const pause = await this.#deliver(bans);
      this.#options.moved();
      await this.#sleep(pause ?? gatherMs);
    }
  }

  /** Undefined when done with; else the pause before the next try, ms. */
  async #deliver(bans: readonly BanView[]): Promise<number | undefined> {
    const { send, log, metrics, route } = this.#options;
    const channel = route.target.kind;
    try {
      await send(bans);
      metrics.sent.inc({ channel });
      if (this.#failures > 0) log('notice', `${describeTarget(route.target)}: delivered again`);
      this.#failures = 0;
      this.#trouble = undefined;
    } catch (error) {
      metrics.failed.inc({ channel });
      this.#trouble = { time: new Date(this.#now()).toISOString(), reason: messageOf(error) };
      const permanent = error instanceof DeliveryError && error.permanent;
      if (!permanent) return this.#again(error);
      this.#drop(bans.length, messageOf(error));
    }
    this.#take(bans.length);
    return undefined;
  }

  /** The first of the queue are done with. */
  #take(count: number): void {
    this.#queue.splice(0, count);
    if (!this.#full || this.#queue.length > this.#max / 2) return;
    this.#full = false;
    this.#options.room();
  }

  #again(error: unknown): number {
    const {
      log,
      route,
      backoffMs = { first: NOTIFY_BACKOFF_MS_MIN, last: NOTIFY_BACKOFF_MS_MAX },
    } = this.#options;
    const asked = error instanceof DeliveryError ? error.retryAfterMs : undefined;
    const pause = Math.max(asked ?? 0, spread(pauseAfter(this.#failures, backoffMs)));
    if (this.#failures++ === 0)
      log(
        'warning',
        `${describeTarget(route.target)}: ${messageOf(error)}; it is tried again until it is taken`,
      );
    return pause;
  }

  #dropOld(): void {
    const oldest = this.#now() - NOTIFY_AGE_SECONDS_MAX * 1000;
    const fresh = this.#queue.findIndex((ban) => Date.parse(ban.time) >= oldest);
    const old = fresh < 0 ? this.#queue.length : fresh;
    if (old === 0) return;
    this.#take(old);
    this.#drop(old, 'they are more than a day old');
    this.#options.moved();
  }

  #drop(count: number, reason: string): void {
    this.#lost += count;
    const { log, metrics, route } = this.#options;
    metrics.dropped.inc({ channel: route.target.kind }, count);
    log(
      'error',
      `${describeTarget(route.target)}: ${counted(count, 'ban')} ${count === 1 ? 'is' : 'are'} not told: ${reason}`,
    );
  }

  /** A pause that only `stop` ends early. */
  async #sleep(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    while (!this.#stopped && performance.now() < end) await this.#woken(end - performance.now());
  }

  #woken(milliseconds: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = milliseconds === undefined ? undefined : setTimeout(() => wake(), milliseconds);
      const wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      this.#wake = wake;
    });
  }
}
