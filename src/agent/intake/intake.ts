/**
 * The intake loop: source -> filter -> batches of events. One of the two places that know the order
 * of the stages.
 *
 * Owns the source and the filter bank of one thread. Reads while there are credits, so that a log
 * storm stays in the journal and not on the heap; polls fast while things happen and slower when
 * quiet (journald coalesces its change notice by 250 ms, so waiting for it would cost more than it
 * saves).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FilterEvent } from '../../core/decision.js';
import type { Batch, EntrySource, ReadPosition } from '../../core/entry.js';
import { messageOf } from '../../core/errors.js';
import { BATCH_ENTRIES_MAX, EDGE_BATCHES_MAX } from '../../core/limits.js';
import { FIRST_ENTRIES_MAX } from '../../core/service-limits.js';
import { isoTime, plus, wallClock } from '../../core/time.js';
import { AHEAD_SECONDS_MAX, EDGE_AFTER_MS } from '../../core/timeouts.js';
import type { Demotion, FilterBank } from '../../filter/bank.js';
import { trimMemory, trimNowAndThen } from '../memory.js';
import { isAtOrBefore, notBehind } from '../source-clocks.js';
import { type Edge, isWarm, judged, openFor } from './edge.js';
import type { Credited, FromIntake, IntakePhase, IntakePlan } from './protocol.js';
import { Credits, isOwn, positionOf } from './protocol.js';

/** Idle turns begin this short, ms: an attack comes in several entries. */
const POLL_MS_MIN = 2;
/** Pause of a quiet journal, ms: half of it is the mean delay of a first entry. */
const POLL_MS = 15;
/**
 * The same after a long silence: looks are more than half of what an idle agent takes. A first ban
 * takes 5 ms besides.
 */
const POLL_MS_MAX = 25;
/**
 * A source that waits blocks this thread for so long at most, ms; orders end it. Coming back costs
 * as much as several looks.
 */
const WAIT_MS = 1_000;
/** The same where no order ends it: so short that nobody waits for an answer, ms. */
const WAIT_DEAF_MS = 200;
/**
 * What a long silence is, ms: longer than Dovecot lets an attacker wait between two guesses (15 s).
 */
const POLL_SLOW_MS = 20_000;
/** After the last entry the pause stays short for so long, ms. */
const POLL_FAST_MS = 500;
/**
 * A position without events is handed on this often, ms: what is read twice after a crash is
 * bounded by it.
 */
const PULSE_MS = 1_000;
/**
 * Counters are handed on at most this often while entries come, ms: a progress bar and the metrics
 * read them.
 */
const STATS_MS = 250;

export class Intake {
  readonly #plan: IntakePlan;
  readonly #source: EntrySource;
  readonly #bank: FilterBank;
  readonly #post: (message: FromIntake) => void;
  readonly #orders: number | undefined;
  readonly #mark: ReadPosition | undefined;
  readonly #credits: Credits;
  #stopped = false;
  #wake: (() => void) | undefined;
  #phase: IntakePhase = 'opening';
  #entriesRead = 0;
  #entriesCut = 0;
  #entriesUnreadable = 0;
  /** Up to here all is judged; absent where that is not known. */
  #position: ReadPosition | undefined;
  /** The last entry read. */
  #reached: ReadPosition | undefined;
  #postedAt = 0;
  #statsAt = 0;
  #uncounted = false;
  #unposted = false;
  #toldAhead = false;
  #openedAt = 0;
  #makeEdge: (() => Edge) | undefined;
  #edge: Edge | undefined;
  /** More is stored than one look takes. */
  #hasMany = false;
  #endTrims: (() => void) | undefined;

  /**
   * `orders`: see `IntakeWork`. `makeEdge`: where the newest entries need not wait for the stored
   * ones; called once. `credits`: those that another thread gives back.
   */
  constructor(
    plan: IntakePlan,
    source: EntrySource,
    bank: FilterBank,
    post: (message: FromIntake) => void,
    orders?: number,
    makeEdge?: () => Edge,
    credits = new Credits(),
  ) {
    this.#plan = plan;
    this.#source = source;
    this.#bank = bank;
    this.#post = post;
    this.#orders = orders;
    this.#makeEdge = makeEdge;
    this.#credits = credits;
    this.#mark = plan.start.kind === 'resume' ? plan.start.mark : undefined;
  }

  /** One batch was committed, or one of the edge judged. */
  credit(of: Credited = 'batch'): void {
    this.#credits.give(of);
    this.credited();
  }

  /** Another thread has given credits back, after there were none. */
  credited(): void {
    this.#wake?.();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  /** Reads until `stop` or the end of the source; throws what the source throws. */
  async run(): Promise<void> {
    try {
      const report = openFor(
        this.#source,
        this.#bank,
        this.#plan.jails,
        positionOf(this.#plan.start),
      );
      this.#openedAt = performance.now();
      this.#phase = this.#mark === undefined ? 'catch-up' : 'warm-up';
      this.#post({ type: 'opened', gap: report.gap });
      await this.#loop();
    } finally {
      this.#endTrims?.();
      this.#leaveEdge();
      this.#source.close();
    }
  }

  async #loop(): Promise<void> {
    let activeAt = 0;
    while (!this.#stopped) {
      if (this.#credits.left('batch') <= 0) {
        // The main thread is busy with stored entries: the newest are looked at meanwhile.
        if (await this.#lookAtEdge()) await new Promise(setImmediate);
        else if (this.#credits.left('batch') <= 0 && !this.#stopped) await this.#woken();
        continue;
      }
      const most = this.#entriesRead === 0 ? FIRST_ENTRIES_MAX : BATCH_ENTRIES_MAX;
      const batch = this.#source.next(most);
      this.#hasMany ||= batch.read >= most;
      for (const notice of batch.notices)
        this.#post({ type: 'notice', level: 'warning', message: notice });
      if (batch.read > 0) {
        if (batch.isOfOthers !== true) activeAt = performance.now();
        await this.#take(batch);
        if (batch.ended) break;
        await this.#lookAtEdge();
        // Messages of the main thread (credits, pings, stop) are read here.
        await new Promise(setImmediate);
        continue;
      }
      if (batch.position !== undefined) {
        this.#position = batch.position;
        this.#reached = batch.position;
        this.#unposted = true;
      }
      // A stream says itself when it has ended; until then its writer is only slow.
      if (batch.ended || (!this.#plan.follow && this.#plan.source.kind !== 'export')) break;
      // A replay's pipe that is dry is not live: its entries keep their own time.
      if (this.#plan.follow && this.#phase !== 'live') this.#arrive();
      this.#pulse();
      this.#source.poll();
      await this.#pause(performance.now() - activeAt);
    }
    if (!this.#stopped) {
      this.#phase = 'ended';
      this.#send([], []);
      this.#postStats();
      this.#post({ type: 'ended' });
    }
  }

  async #take(batch: Batch): Promise<void> {
    const others = batch.entries.filter((entry) => !isOwn(entry, this.#plan.self));
    const report = await judged(this.#bank, others, () => this.#stopped);
    // Who goes on reads the batch again.
    if (report === undefined) return;
    this.#entriesRead += batch.read;
    this.#entriesCut += batch.cut;
    this.#entriesUnreadable += batch.unreadable;
    // With an older position what was judged behind it would be written, and counted once more.
    this.#position = batch.position;
    this.#reached = batch.reached ?? batch.position ?? this.#reached;
    this.#unposted = batch.position !== undefined;
    this.#uncounted = true;
    this.#tellDemoted(report.demoted);
    this.#tellAhead(batch);
    const warm: FilterEvent[] = [];
    const events: FilterEvent[] = [];
    for (const event of report.events) (isWarm(event, this.#mark) ? warm : events).push(event);
    if (
      this.#phase === 'warm-up' &&
      this.#position &&
      this.#mark &&
      !isAtOrBefore(this.#position, this.#mark)
    )
      this.#phase = 'catch-up';
    if (events.length > 0 || warm.length > 0) this.#send(warm, events);
    this.#pulse();
  }

  #tellDemoted(demoted: readonly Demotion[]): void {
    for (const { jail, regex, place } of demoted)
      this.#post({
        type: 'notice',
        level: 'warning',
        message: `[${jail}] ${regex} at ${place.file}:${place.line} is too slow on a log line: it runs in the linear matcher from now on`,
      });
  }

  /** Says once that entries are dated ahead of this host's clock. */
  #tellAhead({ entries, position }: Batch): void {
    if (this.#toldAhead || !this.#plan.follow) return;
    const limit = plus(wallClock.now(), AHEAD_SECONDS_MAX);
    const ahead = [...entries.map(({ realtime }) => realtime), position?.time].find(
      (time) => (time ?? 0) > limit,
    );
    if (ahead === undefined) return;
    this.#toldAhead = true;
    this.#post({
      type: 'notice',
      level: 'warning',
      message: `${this.#plan.id}: an entry is dated ahead, ${isoTime(ahead)}: the clock of its host is or was wrong; the others are judged by their own times`,
    });
  }

  /** The place that is to be stored: none that lies before the stored one. */
  get #toStore(): ReadPosition | undefined {
    const [position, mark] = [this.#position, this.#mark];
    if (this.#phase === 'warm-up' || position === undefined || mark === undefined)
      return this.#phase === 'warm-up' ? undefined : position;
    if (position.cursor !== mark.cursor && isAtOrBefore(position, mark)) return undefined;
    return notBehind(position, mark);
  }

  /**
   * Judges the newest entries once much is to be read, or reading takes long; true when more of
   * them may be there.
   */
  async #lookAtEdge(): Promise<boolean> {
    const isLong = performance.now() - this.#openedAt >= EDGE_AFTER_MS;
    if (this.#phase === 'live' || !(this.#hasMany || isLong)) return false;
    try {
      const edge = this.#openEdge();
      if (edge === undefined) return false;
      for (let looks = 0; looks < EDGE_BATCHES_MAX && this.#credits.left('edge') > 0; looks++) {
        const batch = await edge.next(() => this.#stopped);
        if (batch === undefined) return false;
        const { warm, events, demoted } = batch;
        this.#tellDemoted(demoted);
        if (warm.length + events.length === 0) continue;
        this.#credits.spend('edge');
        this.#post({ type: 'edge', warm, events });
      }
      return this.#credits.left('edge') > 0;
    } catch (error) {
      this.#leaveEdge();
      this.#post({
        type: 'notice',
        level: 'warning',
        message: `${this.#plan.id}: the newest entries wait until the stored ones are read: ${messageOf(error)}`,
      });
      return false;
    }
  }

  #openEdge(): Edge | undefined {
    const make = this.#makeEdge;
    this.#makeEdge = undefined;
    if (make === undefined) return this.#edge;
    this.#edge = make();
    this.#edge.open(this.#plan.jails, this.#mark, this.#plan.self);
    return this.#edge;
  }

  #leaveEdge(): void {
    this.#edge?.close();
    this.#edge = undefined;
  }

  /** The end of the journal was reached for the first time. */
  #arrive(): void {
    this.#leaveEdge();
    this.#phase = 'live';
    this.#send([], []);
    this.#postStats();
    trimMemory();
    this.#endTrims ??= trimNowAndThen();
  }

  /** Hands position and counters on now and then, events or not. */
  #pulse(): void {
    const now = performance.now();
    // A storm of events posts its positions all the time: its counters must not wait for a pause in
    // it.
    const due = now - this.#postedAt >= PULSE_MS && this.#unposted;
    if (due) this.#send([], []);
    if (due || (this.#uncounted && now - this.#statsAt >= STATS_MS)) this.#postStats();
  }

  #send(warm: readonly FilterEvent[], events: readonly FilterEvent[]): void {
    this.#credits.spend('batch');
    this.#unposted = false;
    this.#postedAt = performance.now();
    const position = this.#toStore;
    const isBehind = position !== undefined && this.#position !== this.#reached;
    this.#post({
      type: 'batch',
      phase: this.#phase,
      warm,
      events,
      ...(position === undefined ? {} : { position }),
      ...(isBehind ? { isBehind } : {}),
    });
  }

  #postStats(): void {
    this.#statsAt = performance.now();
    this.#uncounted = false;
    const progress = this.#source.progress?.();
    const streams = this.#source.streams?.();
    this.#post({
      type: 'stats',
      stats: {
        phase: this.#phase,
        entriesRead: this.#entriesRead,
        entriesCut: this.#entriesCut,
        entriesUnreadable: this.#entriesUnreadable,
        ...(this.#reached === undefined ? {} : { position: this.#reached }),
        ...(progress === undefined ? {} : { progress }),
        jails: this.#bank.stats(),
        ...(streams === undefined ? {} : { streams }),
      },
    });
  }

  /** Until there may be something to do; `quiet` is how long nothing was read, ms. */
  async #pause(quiet: number): Promise<void> {
    const [interval, until] =
      quiet < POLL_FAST_MS
        ? [POLL_MS_MIN, POLL_FAST_MS]
        : quiet < POLL_SLOW_MS
          ? [POLL_MS, POLL_SLOW_MS]
          : [POLL_MS_MAX, Number.POSITIVE_INFINITY];
    const most = Math.min(
      this.#orders === undefined ? WAIT_DEAF_MS : WAIT_MS,
      until - quiet,
      this.#pulseIn(),
    );
    if (this.#source.wait?.(interval, Math.max(1, Math.ceil(most)), this.#orders) !== true)
      await sleep(interval);
    // Lets in what the wait was ended for.
    else await new Promise(setImmediate);
  }

  /** When the next pulse has something to hand on, ms from now. */
  #pulseIn(): number {
    const now = performance.now();
    return Math.min(
      this.#unposted ? this.#postedAt + PULSE_MS - now : Number.POSITIVE_INFINITY,
      this.#uncounted ? this.#statsAt + STATS_MS - now : Number.POSITIVE_INFINITY,
    );
  }

  /** Until something was said to this thread, or it is time to look at the edge. */
  async #woken(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      // An immediate that is made while messages come in runs before more do, and the next wait
      // would not hear of those.
      this.#wake = () => setImmediate(resolve);
      const hasEdge = this.#edge !== undefined || this.#makeEdge !== undefined;
      if (hasEdge && this.#phase !== 'live') timer = setTimeout(resolve, POLL_MS);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }
}
