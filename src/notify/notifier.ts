/** What tells people of bans: one follower, one outbox per target, the file of positions. */

import { type Feed, Follower, type FollowerOptions } from '../control/follower.js';
import { Positions } from '../control/positions.js';
import type { Log } from '../core/log.js';
import { NOTIFY_DIGEST_BANS_MAX } from '../core/service-limits.js';
import { NotifyMetrics } from './metrics.js';
import type { Channel } from './news.js';
import { type DeliveryTrouble, Outbox, type OutboxOptions } from './outbox.js';
import type { Sender } from './sender.js';
import { describeTarget, keyOf, type NotifyRoute } from './targets.js';

export interface NotifierOptions {
  readonly routes: readonly NotifyRoute[];
  readonly sender: Pick<Sender, 'send'>;
  readonly feed: Feed;
  readonly positionsPath: string;
  readonly log: Log;
  /** Mails: bans within this time after one are told together, ms. */
  readonly digestMs: number;
  readonly metrics?: NotifyMetrics;
  readonly pauses?: FollowerOptions['pauses'];
  readonly backoffMs?: OutboxOptions['backoffMs'];
}

/** Deliveries under way may take so long when the service stops, ms. */
const STOP_GRACE_MS = 5_000;

/** Positions are written at most this often, ms. */
const WRITE_MS = 100;

export interface TargetView {
  readonly target: string;
  readonly jails: readonly string[];
  /** Bans that wait here to be told. */
  readonly waiting: number;
  /** When the first of them was banned, ISO 8601; null when none waits. */
  readonly oldest: string | null;
  /** Bans that it was not told of and never will be, since the start. */
  readonly dropped: number;
  /** There are more: they wait in the agent's ledger until there is room for them here. */
  readonly full: boolean;
  /** Why the last delivery failed; null when it did not. */
  readonly trouble: DeliveryTrouble | null;
  /** Id of the last ban that is done with; null before the agent was met. */
  readonly done: number | null;
}

export class Notifier {
  readonly metrics: NotifyMetrics;
  readonly #options: NotifierOptions;
  readonly #positions: Positions;
  readonly #follower: Follower;
  readonly #outboxes = new Map<string, Outbox>();
  #timer: NodeJS.Timeout | undefined;
  #failed: (error: unknown) => void = () => undefined;

  /** Throws `OperatorError` when the positions cannot be read. */
  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#positions = Positions.open(options.positionsPath);
    this.metrics = options.metrics ?? new NotifyMetrics(() => this.#waiting());
    this.#follower = new Follower({
      feed: options.feed,
      begin: (newest) => this.#begin(newest),
      moved: () => this.#keep(),
      log: options.log,
      counted: () => this.metrics.events.inc(),
      gap: () => this.metrics.gaps.inc(),
      ...(options.pauses === undefined ? {} : { pauses: options.pauses }),
    });
  }

  /** Runs until `stop`; rejects when positions cannot be kept. */
  async run(): Promise<void> {
    const broken = new Promise<never>((_, reject) => {
      this.#failed = reject;
    });
    try {
      await Promise.race([this.#follower.run(), broken]);
    } finally {
      this.#follower.stop();
      await Promise.all([...this.#outboxes.values()].map((outbox) => outbox.stop(STOP_GRACE_MS)));
      clearTimeout(this.#timer);
    }
    this.#write();
  }

  stop(): void {
    this.#follower.stop();
  }

  /** For companion.sock: no secret in it. */
  view(): TargetView[] {
    return this.#options.routes.map(({ target, jails }) => {
      const outbox = this.#outboxes.get(keyOf(target));
      return {
        target: describeTarget(target),
        jails: [...jails.keys()],
        waiting: outbox?.waiting ?? 0,
        oldest: outbox?.oldest ?? null,
        dropped: outbox?.dropped ?? 0,
        full: outbox?.hasRoom === false,
        trouble: outbox?.trouble ?? null,
        done: outbox?.done ?? null,
      };
    });
  }

  /** The first answer of the agent: new targets begin with what comes from now on. */
  #begin(newest: number): readonly Outbox[] {
    const { routes } = this.#options;
    this.#positions.keep(new Set(routes.map(({ target }) => keyOf(target))));
    for (const route of routes) {
      const key = keyOf(route.target);
      const stored = this.#positions.of(key) ?? newest;
      // An id above the newest one comes from another ledger.
      const done = stored > newest ? 0 : stored;
      if (stored > newest) this.metrics.gaps.inc();
      this.#positions.set(key, done);
      this.#outboxes.set(key, this.#outbox(route, done));
    }
    // At once: a crash before the first write would make the next start begin with what comes from
    // then on.
    this.#keepNow();
    return [...this.#outboxes.values()];
  }

  #outbox(route: NotifyRoute, done: number): Outbox {
    const { sender, log, digestMs, backoffMs } = this.#options;
    const isMail = route.target.kind === 'mail';
    return new Outbox(done, {
      route,
      send: (bans) => sender.send(route, bans),
      together: isMail ? NOTIFY_DIGEST_BANS_MAX : 1,
      gatherMs: isMail ? digestMs : 0,
      log,
      metrics: this.metrics,
      moved: () => this.#keep(),
      room: () => this.#follower.ring(),
      ...(backoffMs === undefined ? {} : { backoffMs }),
    });
  }

  /** Soon: many bans at once cost one write; what a crash forgets is told twice. */
  #keep(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#keepNow();
    }, WRITE_MS);
  }

  #keepNow(): void {
    try {
      this.#write();
    } catch (error) {
      this.#failed(error);
    }
  }

  #write(): void {
    for (const [key, outbox] of this.#outboxes) this.#positions.set(key, outbox.done);
    this.#positions.write();
  }

  #waiting(): ReadonlyMap<Channel, number> {
    const sums = new Map<Channel, number>();
    for (const { route, waiting } of this.#outboxes.values()) {
      const channel = route.target.kind;
      sums.set(channel, (sums.get(channel) ?? 0) + waiting);
    }
    return sums;
  }
}
