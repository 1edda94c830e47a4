/**
 * The main thread's pipeline: events -> jail -> ledger -> firewall. One of the two places that know
 * the order of the stages; what follows the ledger is the part of its `Enforcer`. It also takes
 * operators' decisions, at the ledger step.
 *
 * Order of every change: the ledger first (wanted), then the kernel, then the announcement, then
 * the ledger again (in force or refused). A crash at any point leaves a ledger from which the next
 * start makes the kernel right and says what was not said.
 */

import {
  type BanRecord,
  banKey,
  type Decision,
  type FilterEvent,
  type WeighedAttempt,
} from '../core/decision.js';
import type { JailName, SourceId } from '../core/names.js';
import { type EpochMicros, laterOf, MICROS_PER_SECOND, type SetClock } from '../core/time.js';
import type { Jails } from '../jail/jails.js';
import type { AllowContext, JailContext, JailOutcome, Judgement } from '../jail/judgement.js';
import { ReportedFailures } from '../jail/reported-failures.js';
import type { CommitReport } from '../ledger/ledger.js';
import { Enforcer, type EnforcerDeps, type Settled } from './enforcer.js';
import type { PendingIgnoreChecks } from './ignorecommand.js';
import type { FromIntake } from './intake/protocol.js';
import { SourceClocks } from './source-clocks.js';
import { UnsavedAttempts } from './unsaved-attempts.js';

export type IntakeBatch = Extract<FromIntake, { type: 'batch' }>;
type EdgeBatch = Pick<Extract<FromIntake, { type: 'edge' }>, 'warm' | 'events'>;

/** `wall` is for live batches, operators and expiry. */
export interface PipelineDeps extends EnforcerDeps {
  readonly jails: Jails;
  readonly allow: AllowContext;
  /**
   * Set to each entry's time while stored entries are judged; the firewall of a replay reads it.
   */
  readonly stored: SetClock;
  /** For rndtime. */
  readonly random: () => number;
  /**
   * Stored entries are judged one by one, each ban with the kernel's answer, so that everything is
   * said in the order in which it happened: for a replay. Without it they are judged and written in
   * runs, as fast as they are read.
   */
  readonly inOrder?: boolean;
  /** A login of an address that is not allowed anyway, in order with what is announced. */
  readonly succeeded?: (event: FilterEvent) => void;
  /** A live ban is in force; `entry` is the time of the entry that decided it. */
  readonly timed?: (record: BanRecord, entry: EpochMicros) => void;
  /**
   * What must not happen behind a batch that was taken, e.g. a ledger that refuses; whoever runs
   * the pipeline ends.
   */
  readonly broken: (error: unknown) => void;
}

/** What becomes of no decision: known at once. */
const NOTHING_SETTLED: Promise<readonly Settled[]> = Promise.resolve([]);

export class Pipeline {
  readonly #parts: PipelineDeps;
  readonly #context: JailContext;
  readonly #enforcer: Enforcer;
  readonly #clocks: SourceClocks;
  readonly #edgeClocks: SourceClocks;
  /** Jails whose newest entries are judged while stored ones of their source are read. */
  readonly #edges = new Map<SourceId, Set<JailName>>();
  readonly #unsaved = new UnsavedAttempts();
  /** Failures that a service reported before their lines came. */
  readonly #reported = new ReportedFailures();

  constructor(parts: PipelineDeps) {
    this.#parts = parts;
    const { ledger, allow, random, jails, wall, inOrder } = parts;
    this.#clocks = new SourceClocks(
      () => jails.shortestFindtime,
      inOrder === true ? undefined : wall,
    );
    this.#edgeClocks = new SourceClocks(() => jails.shortestFindtime, wall);
    this.#enforcer = new Enforcer(parts, (ban) => jails.retract(ban, this.#context));
    this.#context = {
      allowed: (jail, address) => allow.allowed(jail, address),
      coversAllowed: (jail, prefix) => allow.coversAllowed(jail, prefix),
      openBan: (jail, target) => ledger.openBan(jail, target),
      previousBans: (jail, target) => ledger.previousBans(jail, target),
      random,
      // Floors of the edge and of operators lie ahead of stored entries, and never of the wall.
      latest: () =>
        inOrder === true ? this.#clocks.latest : laterOf(this.#clocks.latest, wall.now()),
    };
  }

  /**
   * Judges a batch. When it resolves, decisions and position are in the ledger. Live, the kernel
   * follows on its own, so that a slow kernel never holds the reader; stored entries wait for it,
   * so that everything is said in order.
   */
  async take(source: SourceId, told: IntakeBatch): Promise<void> {
    const { jails, wall } = this.#parts;
    const batch = this.#unsaved.withoutKnown(told, source);
    for (const event of batch.warm) jails.observe(event, this.#context);
    const events = this.#unreported(batch.events, source);
    if (batch.phase === 'live') {
      this.leave(source);
      const now = this.#clocks.live(wall.now());
      this.#judge(events, () => now, source, batch).catch(this.#parts.broken);
      return;
    }
    // What expired in between is over before the next entry counts, so decisions do not depend on
    // how entries fall into batches. Most events are followed by nothing that has to be waited for.
    for (let from = 0; from < events.length; ) {
      const first = events[from];
      const now = this.#reach(source, first?.time ?? (0 as EpochMicros));
      const { over } = this.#clocks;
      if (this.#isDue(over)) await this.expire(over);
      const to = this.#runEnd(events, from, now);
      const isLast = to === events.length;
      const clock = (event: FilterEvent) =>
        event === first ? now : this.#reach(source, event.time);
      const run = from === 0 && isLast ? events : events.slice(from, to);
      const settled = this.#judge(run, clock, source, isLast ? batch : undefined);
      if (settled !== NOTHING_SETTLED) await settled;
      from = to;
    }
    // Where batches end is chance: a replay does not go by it.
    if (batch.position !== undefined && this.#parts.inOrder !== true)
      this.#clocks.reach(source, batch.position.time);
    else if (batch.position !== undefined) this.#show(batch.position.time);
    if (events.length === 0) await this.#commit([], source, batch);
    if (batch.phase !== 'ended') return;
    // Nothing comes any more that could gainsay the last entry.
    if (this.#parts.inOrder === true) await this.expire(this.#clocks.latest);
    this.leave(source);
  }

  /** Failures are going to be reported: from now on lines are matched with them. */
  expectReports(): void {
    this.#reported.expect();
  }

  /**
   * A failure that its service reports, with its session. It counts at once where no line told it
   * before, and is remembered beyond a restart when its line comes. While stored entries are read
   * the lines alone count. False for a failure that is not `counted`: its line will not count.
   */
  report(event: FilterEvent, isCounted = true): void {
    const { wall, inOrder } = this.#parts;
    if (inOrder !== true && this.#clocks.active) return;
    if (!this.#reported.report(event)) return;
    if (!isCounted) {
      this.#parts.jails.attempted(event, this.#context);
      return;
    }
    const now = inOrder === true ? event.time : this.#clocks.live(wall.now());
    const { decisions, attempts } = this.#weigh([event], () => now, undefined);
    this.#reported.weighed(event, attempts);
    if (decisions.length === 0) return;
    const report = this.#parts.ledger.commit({ decisions });
    this.#settleExpired(report);
    this.#enforcer.apply(report).catch(this.#parts.broken);
  }

  /** What no report told before; the attempts of those that did are written with the position. */
  #unreported(events: readonly FilterEvent[], source: SourceId): readonly FilterEvent[] {
    if (!this.#reported.isUsed) return events;
    const left: FilterEvent[] = [];
    for (const line of events) {
      const { event, attempts } = this.#reported.line(line);
      if (event !== undefined) left.push(event);
      this.#unsaved.remember(attempts, source);
    }
    return left;
  }

  /**
   * Judges the newest entries while stored ones of the source are still read. Only bans come of it,
   * and no position: the same entries come once more in their turn, and are then found answered.
   * After a crash in between nothing is missing.
   */
  takeEdge(source: SourceId, { warm, events }: EdgeBatch): void {
    const { jails, ledger, announcer, broken } = this.#parts;
    for (const { jail } of [...warm, ...events]) this.#edgeOf(source).add(jail);
    for (const event of warm) jails.edge.observe(event, this.#context);
    const clock = ({ time }: FilterEvent) => this.#edgeClocks.reach(source, time);
    const { decisions, wouldBan } = jails.edge.judge(events, clock, this.#context);
    for (const decision of wouldBan) announcer.wouldBan(decision);
    if (decisions.length === 0) return;
    const report = ledger.commit({ decisions });
    this.#settleExpired(report);
    this.#enforcer.apply(report).catch(broken);
  }

  /**
   * The time at which an entry of this time is judged, which is also that of what is said of it.
   */
  #reach(source: SourceId, time: EpochMicros): EpochMicros {
    const now = this.#clocks.reach(source, time);
    this.#parts.stored.set(now);
    return now;
  }

  #show(time: EpochMicros): void {
    const { stored } = this.#parts;
    if (time > stored.now()) stored.set(time);
  }

  /**
   * The source is not read any more, or has no stored entries left: its clock holds nobody back.
   */
  leave(source: SourceId): void {
    this.#clocks.leave(source);
    this.#edgeClocks.leave(source);
    for (const jail of this.#edges.get(source) ?? []) this.#parts.jails.edge.leave(jail);
    this.#edges.delete(source);
  }

  #edgeOf(source: SourceId): Set<JailName> {
    const jails = this.#edges.get(source) ?? new Set();
    this.#edges.set(source, jails);
    return jails;
  }

  /**
   * Ends the bans in force whose time is up on the wall; bans of stored entries end in the entries'
   * own time.
   */
  expireByWall(): Promise<void> {
    return this.expire(this.#parts.wall.now(), this.#clocks.active);
  }

  #isDue(now: EpochMicros): boolean {
    const next = this.#parts.ledger.nextEnd();
    return next !== undefined && next <= now;
  }

  /**
   * Ends the bans whose time is up at `now`, or of them those in force; resolves when the kernel
   * has answered.
   */
  async expire(now: EpochMicros, inForceOnly = false): Promise<void> {
    const { ledger, jails } = this.#parts;
    if (!this.#isDue(now)) return;
    const ended = ledger.expire(now, { inForceOnly });
    for (const ban of ended) jails.expired(ban);
    await this.#enforcer.apply({ bans: [], ended });
  }

  /** Carries out operators' (and other) decisions; resolves when the kernel has answered. */
  async decide(
    decisions: readonly Decision[],
  ): Promise<{ readonly bans: readonly Settled[]; readonly ended: readonly BanRecord[] }> {
    const { jails, ledger } = this.#parts;
    const report = ledger.commit({ decisions });
    for (const decision of decisions)
      if (decision.kind === 'unban' && decision.reason === 'operator')
        jails.forget(decision.target, {
          upTo: decision.time,
          ...(decision.jail === undefined ? {} : { jail: decision.jail }),
        });
    this.#settleExpired(report);
    return { bans: await this.#enforcer.apply(report), ended: report.ended };
  }

  /**
   * Puts bans into the kernel that the ledger took over from elsewhere; resolves when it has
   * answered.
   */
  enforce(bans: readonly BanRecord[]): Promise<readonly Settled[]> {
    return this.#enforcer.apply({ bans, ended: [] });
  }

  /** Attempts that were weighed and are in no ledger yet. */
  get unsavedAttempts(): readonly WeighedAttempt[] {
    return this.#unsaved.attempts();
  }

  /** Bans that an ignorecommand is asked about. */
  get questions(): PendingIgnoreChecks {
    return this.#enforcer.questions;
  }

  /** Resolves when nothing is under way to the kernel. */
  idle(): Promise<void> {
    return this.#enforcer.idle();
  }

  /** Finishes what is under way to the kernel; see `Enforcer.stop`. */
  stop(): Promise<void> {
    return this.#enforcer.stop();
  }

  /** Batches under way to the kernel. */
  get underWay(): number {
    return this.#enforcer.underWay;
  }

  /**
   * The end of the run of stored events from `from` on during which no ban ends, not even one
   * decided in it.
   */
  #runEnd(events: readonly FilterEvent[], from: number, now: EpochMicros): number {
    const { inOrder, jails, ledger } = this.#parts;
    if (inOrder === true) return from + 1;
    const next = ledger.nextEnd();
    const own = now + jails.shortestBan * MICROS_PER_SECOND;
    // An end that lies behind us waits for another source, whose clock stands still meanwhile.
    const end = next === undefined || next <= now ? own : Math.min(next, own);
    const to = events.findIndex(({ time }, i) => i > from && time >= end);
    return to < 0 ? events.length : to;
  }

  #judge(
    events: readonly FilterEvent[],
    clock: (event: FilterEvent) => EpochMicros,
    source: SourceId,
    batch: IntakeBatch | undefined,
  ): Promise<readonly Settled[]> {
    const { outcomes, decisions, attempts } = this.#weigh(events, clock, source);
    if (this.#parts.inOrder !== true) this.#unsaved.remember(attempts, source);
    const settled = this.#commit(decisions, source, batch);
    const { timed } = this.#parts;
    if (timed !== undefined && decisions.length > 0 && batch?.phase === 'live')
      settled.then((bans) => reportLatencies(outcomes, bans, timed)).catch(this.#parts.broken);
    return settled;
  }

  /** Judges events, says and counts what became of them; `source` told of them, if any did. */
  #weigh(
    events: readonly FilterEvent[],
    clock: (event: FilterEvent) => EpochMicros,
    source: SourceId | undefined,
  ): Judgement {
    const { jails, announcer, wall, inOrder } = this.#parts;
    const judgement = jails.judge(events, clock, this.#context);
    // Nobody looks into the ledger of a replay for them.
    if (inOrder !== true) this.#unsaved.count(judgement, source, wall.now());
    for (const outcome of judgement.outcomes) this.#announce(outcome);
    for (const decision of judgement.wouldBan) announcer.wouldBan(decision);
    for (const { jail, alarm, event } of judgement.alarms) announcer.alarm(jail, alarm, event);
    return judgement;
  }

  /**
   * Writes decisions and, at the end of a batch, its position; resolves when the kernel has
   * answered.
   */
  #commit(
    decisions: readonly Decision[],
    source: SourceId,
    batch: IntakeBatch | undefined,
  ): Promise<readonly Settled[]> {
    const position = batch?.position;
    const unsaved = batch && this.#unsaved.take(source, batch);
    if (decisions.length === 0 && unsaved === undefined) return NOTHING_SETTLED;
    const report = this.#parts.ledger.commit({
      decisions,
      ...unsaved,
      ...(position === undefined ? {} : { source, position }),
    });
    this.#settleExpired(report);
    return this.#enforcer.apply(report);
  }

  /** Bans that a commit found over: what they answered counts no more. */
  #settleExpired({ ended }: CommitReport): void {
    for (const ban of ended)
      if (ban.ended?.reason === 'expired' || ban.ended?.reason === 'lapsed')
        this.#parts.jails.expired(ban);
  }

  #announce(outcome: JailOutcome): void {
    const { announcer } = this.#parts;
    if (outcome.kind === 'ignored') announcer.ignored(outcome.event, outcome.reason);
    else if (outcome.kind === 'success') this.#parts.succeeded?.(outcome.event);
    else if (outcome.kind !== 'unknown') announcer.found(outcome.event);
  }
}

/** Calls `timed` for each ban in force with the time of the entry that decided it. */
function reportLatencies(
  outcomes: readonly JailOutcome[],
  bans: readonly Settled[],
  timed: (record: BanRecord, entry: EpochMicros) => void,
): void {
  const entries = new Map<string, EpochMicros>();
  for (const outcome of outcomes)
    if (outcome.kind === 'decided')
      entries.set(banKey(outcome.event.jail, outcome.target), outcome.event.time);
  for (const { record, refusal } of bans) {
    const entry = entries.get(banKey(record.jail, record.target));
    if (refusal === undefined && entry !== undefined) timed(record, entry);
  }
}
