/**
 * What one target is still to be told: a bounded queue in the order of the bans, one delivery at a time, pauses that grow
 * while deliveries fail. What does not fit, is too old or cannot succeed is dropped, counted and said once.
 */
import type { BanView } from '../control/protocol.js';
import { messageOf } from '../core/errors.js';
import {
  NOTIFY_AGE_SECONDS_MAX,
  NOTIFY_BACKOFF_MS_MAX,
  NOTIFY_BACKOFF_MS_MIN,
  NOTIFY_QUEUE_MAX,
} from '../core/limits.js';
import type { Log } from '../core/log.js';
import { DeliveryError } from './failure.js';
import type { NotifyMetrics } from './metrics.js';
import { channelOf, describeTarget, type Route } from './spec.js';

export interface OutboxOptions {
  readonly route: Route;
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
  readonly queueMax?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly backoffMs?: { readonly min: number; readonly max: number };
}

export class Outbox {
  readonly route: Route;
  readonly #options: OutboxOptions;
  readonly #now: () => number;
  #queue: BanView[] = [];
  /** At the head of the queue, being delivered now. */
  #busy = 0;
  #seen: number;
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

  /** Ids begin anew: what waits stays, what comes is new whatever its id. */
  forget(): void {
    this.#seen = 0;
  }

  /** Takes a ban, in the order of ids; one that was seen before, or of a jail of others, is passed over. */
  offer(ban: BanView): void {
    if (ban.id <= this.#seen) return;
    this.#seen = ban.id;
    if (!this.route.jails.has(ban.jail)) return;
    this.#queue.push(ban);
    if (this.#queue.length > (this.#options.queueMax ?? NOTIFY_QUEUE_MAX)) {
      this.#queue.splice(this.#busy, 1);
      this.#dropped(1, 'too many wait');
    }
    this.#wake?.();
  }

  /** Ends the work; a delivery under way may take until `graceMs`, then it will be repeated by the next start. */
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

  async #run(): Promise<void> {
    const { together, gatherMs } = this.#options;
    while (!this.#stopped) {
      if (this.#queue.length === 0) {
        await this.#woken(undefined);
        continue;
      }
      this.#dropOld();
      this.#busy = Math.min(together, this.#queue.length);
      if (this.#busy === 0) continue;
      const pause = await this.#deliver(this.#queue.slice(0, this.#busy));
      this.#busy = 0;
      this.#options.moved();
      await this.#sleep(pause ?? gatherMs);
    }
  }

  /** Undefined when done with; else the pause before the next try, ms. */
  async #deliver(bans: readonly BanView[]): Promise<number | undefined> {
    const { send, log, metrics, route } = this.#options;
    const channel = channelOf(route.target);
    try {
      await send(bans);
      metrics.sent.inc({ channel });
      if (this.#failures > 0) log('notice', `${describeTarget(route.target)}: delivered again`);
      this.#failures = 0;
    } catch (error) {
      metrics.failed.inc({ channel });
      const permanent = error instanceof DeliveryError && error.permanent;
      if (!permanent) return this.#again(error);
      this.#dropped(bans.length, messageOf(error));
    }
    this.#queue.splice(0, bans.length);
    return undefined;
  }

  #again(error: unknown): number {
    const { log, route, backoffMs = { min: NOTIFY_BACKOFF_MS_MIN, max: NOTIFY_BACKOFF_MS_MAX } } = this.#options;
    const asked = error instanceof DeliveryError ? error.retryAfterMs : undefined;
    const grown = Math.min(backoffMs.max, backoffMs.min * 2 ** Math.min(this.#failures, 20));
    // Half of it by chance, so that many hosts do not come back to one receiver together.
    const pause = Math.max(asked ?? 0, grown / 2 + (Math.random() * grown) / 2);
    if (this.#failures++ === 0)
      log('warning', `${describeTarget(route.target)}: ${messageOf(error)}; it is tried again until it is taken`);
    return pause;
  }

  #dropOld(): void {
    const oldest = this.#now() - NOTIFY_AGE_SECONDS_MAX * 1000;
    const fresh = this.#queue.findIndex((ban) => Date.parse(ban.time) >= oldest);
    const old = fresh < 0 ? this.#queue.length : fresh;
    if (old === 0) return;
    this.#queue.splice(0, old);
    this.#dropped(old, 'they are of yesterday');
    this.#options.moved();
  }

  #dropped(count: number, reason: string): void {
    const { log, metrics, route } = this.#options;
    metrics.dropped.inc({ channel: channelOf(route.target) }, count);
    log('error', `${describeTarget(route.target)}: ${count} bans are not told: ${reason}`);
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
