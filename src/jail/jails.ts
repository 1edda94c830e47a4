/**
 * The jails: from failures to decisions. Pure: no clock, no file, no chance of its own.
 *
 * **When a ban is decided.** A failure bans its target when `maxretry` failures of the target, this
 * one among them, lie within `findtime`, by the entries' own time, both ends included. Nothing is
 * estimated, and the order in which entries arrive does not matter. A failure older than findtime
 * by the source's clock decides nothing. One entry may report several failures.
 *
 * **What counts once.** A decision settles every failure of the target up to the moment of
 * deciding; so does the end of a ban, by expiry or by hand. That moment is the target's floor:
 * failures up to it never count again, however late they arrive. Floors are derived from the ledger
 * (`Ledger.floors`), so that a restart that reads the journal back (`remember`, then `observe`)
 * ends in the same windows as no restart.
 *
 * **An attack that goes on.** A window that fills while the target's ban is in force extends the
 * ban when that moves its end by at least a tenth of the ban's length, as a ban of the same rank
 * (no increment); else the ban in force answers it. Bans that somebody made longer or permanent are
 * never shortened.
 *
 * **IPv6** is counted by prefix, by host where the prefix holds an allowed address or strangers.
 * While another address of the prefix has logged in within the longest findtime, failures are
 * counted by host as well, and the host is banned instead of the prefix.
 */
import type { Prefix } from '../core/address.js';
import type { BanDecision, FilterEvent, SettledUpTo, WeighedAttempt } from '../core/decision.js';
import {
  EVIDENCE_CURSORS_MAX,
  EVIDENCE_LOG_BYTES_MAX,
  TRACKED_ADDRESSES_MAX,
  TRACKED_FAILURES_MAX,
} from '../core/limits.js';
import type { JailName } from '../core/names.js';
import { notRemote } from '../core/networks.js';
import type { JailPolicy } from '../core/specs.js';
import {
  type EpochMicros,
  laterOf,
  MICROS_PER_SECOND,
  type Seconds,
  seconds,
} from '../core/time.js';
import { BAN_SECONDS_MAX } from '../core/timeouts.js';
import { BanDecider } from './ban-decider.js';
import { shortestBan } from './bantime.js';
import { JailsEdge } from './edge.js';
import { FailureCounter } from './failure-counter.js';
import { JailList } from './jail-list.js';
import type {
  AllowContext,
  ComingLogin,
  JailAlarm,
  JailContext,
  JailOutcome,
  JailStats,
  Judgement,
  LoginView,
  WindowView,
} from './judgement.js';
import { Neighbours } from './neighbours.js';
import { PendingDecisions } from './pending.js';
import { type Counted, Recidive } from './recidive.js';
import { recall, remember } from './restart.js';
import { loginViewOf, statsOf, viewsOf } from './views.js';
import { WatchedBans } from './watched-bans.js';
import { isFast, remembered, Weighing } from './weighing.js';

/** Bounds that differ from those of core/limits.ts; for tests and small machines. */
export interface JailsOptions {
  readonly addressesMax?: number;
  readonly failuresMax?: number;
  readonly evidenceLogBytesMax?: number;
  /** Of the tables of the evidence; a number that strangers do not know. */
  readonly seed?: number;
}

export class Jails {
  readonly #jails: JailList;
  readonly #neighbours: Neighbours;
  readonly #weighing: Weighing;
  readonly #failureCounter: FailureCounter;
  readonly #decider: BanDecider;
  readonly #banCounter: Recidive;
  /** What jails that only watch would have banned. */
  readonly #watched = new WatchedBans();
  readonly #watchedOf = (jail: JailName) => (this.#jails.watches(jail) ? this.#watched : undefined);
  /** What arrives while older entries are still being read. */
  readonly edge: JailsEdge;

  constructor(policies: readonly JailPolicy[], options: JailsOptions = {}) {
    const bounds = {
      addressesMax: options.addressesMax ?? TRACKED_ADDRESSES_MAX,
      failuresMax: options.failuresMax ?? TRACKED_FAILURES_MAX,
      evidenceMax: EVIDENCE_CURSORS_MAX,
    };
    const jails = new JailList(bounds, options.evidenceLogBytesMax ?? EVIDENCE_LOG_BYTES_MAX);
    this.#jails = jails;
    this.#neighbours = new Neighbours(jails);
    this.#weighing = new Weighing(jails, options.seed ?? 0);
    this.#failureCounter = new FailureCounter(jails, this.#neighbours, this.#weighing);
    this.#decider = new BanDecider(this.#neighbours);
    this.#banCounter = new Recidive(jails, this.#decider);
    this.edge = new JailsEdge({
      jails,
      weighing: this.#weighing,
      decider: this.#decider,
      banCounter: this.#banCounter,
      overlay: (context) => this.#overlay(context),
    });
    this.reconfigure(policies);
  }

  get names(): JailName[] {
    return this.#jails.names;
  }

  /** No ban that is decided now ends within so many seconds; infinity when all are for good. */
  get shortestBan(): number {
    return Math.min(...this.#jails.policies.map(shortestBan));
  }

  /** The shortest findtime of all jails. */
  get shortestFindtime(): Seconds {
    const findtimes = this.#jails.policies.map(({ findtime }) => findtime);
    return seconds(Math.min(BAN_SECONDS_MAX, ...findtimes));
  }

  /** Judges one event at the time `now`; see `judge`. */
  step(event: FilterEvent, now: EpochMicros, context: JailContext): Judgement {
    const overlay = this.#overlay(context);
    const told: Told = { alarms: [], attempts: [] };
    const outcomes = [this.#judgeOne(event, now, context, overlay, told)];
    const { decisions, wouldBan } = overlay.finish();
    return { outcomes, decisions, wouldBan, attempts: told.attempts, alarms: told.alarms };
  }

  /**
   * Judges events in order. `clock` is the source's: wall time when live, the event's own time in
   * replay. The decisions of earlier events are known to later ones of the same call; before the
   * next call they must be in the ledger.
   */
  judge(
    events: readonly FilterEvent[],
    clock: (event: FilterEvent) => EpochMicros,
    context: JailContext,
  ): Judgement {
    const outcomes: JailOutcome[] = [];
    const told: Told = { alarms: [], attempts: [] };
    const overlay = this.#overlay(context);
    for (const event of events)
      outcomes.push(this.#judgeOne(event, clock(event), context, overlay, told));
    return { outcomes, ...overlay.finish(), ...told };
  }

  /**
   * Counts an event of the past and decides nothing: the warm-up before the cursor. Call `remember`
   * before it.
   */
  observe(event: FilterEvent, context: AllowContext): JailOutcome {
    const jail = this.#jails.get(event.jail);
    if (jail === undefined) return { kind: 'unknown', event };
    return this.#failureCounter.count(jail, event, undefined, context).outcome;
  }

  /**
   * Takes in logins of the past, in any order, for the jails that weigh; returns those that are
   * worth remembering, or all that were weighed. Nobody is alarmed.
   */
  learn(
    logins: Iterable<FilterEvent>,
    context: AllowContext,
    which: 'new' | 'all' = 'new',
  ): WeighedAttempt[] {
    return [...logins].filter((event) => {
      const jail = this.#jails.get(event.jail);
      if (jail === undefined || event.kind !== 'success') return false;
      const reason = notRemote(event.address) ?? context.allowed(event.jail, event.address);
      if (reason !== undefined) return false;
      const isNew = this.#weighing.learn(jail, event, jail.prefixOf(event.address));
      return isNew === true || (which === 'all' && isNew !== undefined);
    });
  }

  /**
   * Weighs anew what the ledger knows of the past, for these jails that weigh. `floors`: of them
   * the unbans of operators are taken, each at its time.
   */
  recall(
    attempts: Iterable<WeighedAttempt>,
    floors: Iterable<SettledUpTo>,
    only: ReadonlySet<JailName>,
  ): void {
    recall(this.#jails, this.#weighing, attempts, floors, only);
  }

  /**
   * Counts a past ban of the ledger in one jail that counts bans (recidive), or in all: their
   * warm-up.
   */
  observeBan(
    ban: Counted & Pick<BanDecision, 'evidence'>,
    context: AllowContext,
    only?: JailName,
  ): void {
    this.#banCounter.observe(ban, context, only);
  }

  /** Takes a new ban back from the jails that count bans: it was never put in force. */
  retract(ban: Counted, context: AllowContext): void {
    this.#banCounter.retract(ban, context);
  }

  /**
   * Makes the floors of the ledger known, before the warm-up reads back; to these jails only, when
   * they are given.
   */
  remember(floors: Iterable<SettledUpTo>, only?: ReadonlySet<JailName>): void {
    remember(this.#jails, floors, only);
  }

  /**
   * Forgets the failures up to `upTo` of every target that shares an address with `target`, in one
   * jail or all: the unban of an operator. Failures up to that time do not count when they arrive
   * later either. Returns how many were forgotten.
   */
  forget(target: Prefix, scope: { readonly jail?: JailName; readonly upTo: EpochMicros }): number {
    const { jail: name, upTo } = scope;
    let forgotten = 0;
    for (const jail of this.#jails.of(name)) {
      forgotten += jail.forget(target, upTo);
      this.edge.too(jail.policy.jail, (edge) => edge.forget(target, upTo));
    }
    this.#watched.forget(target, name);
    this.#weighing.forget(target, upTo, name);
    return forgotten;
  }

  /**
   * Settles the failures of exactly this target up to the end of its ban: call it for every ban
   * that expired.
   */
  expired(ban: {
    readonly jail: JailName;
    readonly target: Prefix;
    readonly until: EpochMicros | null;
  }): void {
    const { jail, target, until } = ban;
    if (until === null) return;
    this.#jails.get(jail)?.forgetExactly(target, until);
    this.edge.too(jail, (edge) => edge.forgetExactly(target, until));
  }

  /**
   * Takes new policies (reload). Kept jails keep their windows and totals. Returns the jails that
   * must be warmed up: new ones and those whose windows hold too little for the new policy. Call
   * `reset` before warming one up.
   */
  reconfigure(policies: readonly JailPolicy[]): JailName[] {
    const cold = this.#jails.reconfigure(policies);
    this.edge.clear();
    this.#weighing.reconfigure(policies);
    this.#watched.keep(
      new Set(policies.filter(({ watch }) => watch === true).map(({ jail }) => jail)),
    );
    this.#neighbours.reconfigure(policies);
    return cold;
  }

  /** Forgets the failures of a jail, to read them anew; what was settled stays settled. */
  reset(jail: JailName): void {
    this.edge.leave(jail);
    this.#jails.get(jail)?.windows.empty();
  }

  /** What `status` shows. Looks at every tracked target: not for hot paths. */
  stats(name: JailName, now: EpochMicros): JailStats | undefined {
    const jail = this.#jails.get(name);
    return jail && statsOf(jail, this.#weighing, this.#watched, now);
  }

  /**
   * What is known of a login that is to come at the service of a jail; undefined where no jail
   * weighs it. Changes nothing.
   */
  login(
    name: JailName,
    attempt: ComingLogin,
    now: EpochMicros,
    allow: AllowContext,
  ): LoginView | undefined {
    const parts = { jails: this.#jails, weighing: this.#weighing };
    return loginViewOf(parts, name, attempt, now, allow);
  }

  /** Notes an attempt that counts nowhere: refused unseen, or told by its line as well. */
  attempted(event: FilterEvent, context: AllowContext): void {
    const jail = this.#jails.get(event.jail);
    if (jail !== undefined)
      this.#weighing.attempted(jail, event, jail.targetOf(event.address, context));
  }

  /** True when somebody has logged in from the prefix lately, as the jails that weigh know. */
  vouches(target: Prefix, now: EpochMicros): boolean {
    return this.#weighing.vouches(target, now);
  }

  /** What a jail that weighs evidence knows. */
  holds(name: JailName, now: EpochMicros): JailStats['evidence'] {
    return this.#weighing.holds(name, now);
  }

  /** How many addresses a jail remembers, and how many its bound has cost; unlike `stats` cheap. */
  tracking(name: JailName): { readonly tracked: number; readonly evicted: number } {
    const windows = this.#jails.get(name)?.windows;
    return { tracked: windows?.size ?? 0, evicted: windows?.evicted ?? 0 };
  }

  /**
   * The windows that an address is counted in, one per jail that has failures of it; for `explain`.
   */
  explain(target: Prefix, now: EpochMicros): WindowView[] {
    return viewsOf(this.#jails, this.#weighing, target, now);
  }

  /** Counts one event and decides, and counts its new bans in the jails that count bans. */
  #judgeOne(
    event: FilterEvent,
    now: EpochMicros,
    context: JailContext,
    overlay: PendingDecisions,
    told: Told,
  ): JailOutcome {
    const first = overlay.decisions.length;
    const outcome = this.#step(event, now, context, overlay, told);
    if (overlay.decisions.length === first) return outcome;
    for (const { decision, extends: extension } of overlay.decisions.slice(first))
      if (!extension && !this.#jails.watches(decision.jail))
        this.#banCounter.count(decision, event, now, context, overlay);
    return outcome;
  }

  /** Counts one event and decides; new bans are added to `overlay`. */
  #step(
    event: FilterEvent,
    now: EpochMicros,
    context: JailContext,
    overlay: PendingDecisions,
    told: Told,
  ): JailOutcome {
    const jail = this.#jails.get(event.jail);
    if (jail === undefined) return { kind: 'unknown', event };
    const latest = laterOf(now, context.latest?.() ?? now);
    const { outcome, meaning } = this.#failureCounter.count(jail, event, { now, latest }, context);
    const { group } = jail.policy;
    if (meaning?.isNew === true) told.attempts.push(remembered(event, meaning));
    if (group !== undefined)
      for (const alarm of meaning?.alarms ?? []) told.alarms.push({ jail: group, alarm, event });
    if (outcome.kind === 'ignored') jail.totalIgnored++;
    if (outcome.kind === 'excused') jail.totalFailed += event.count;
    if (outcome.kind !== 'counted') return outcome;
    jail.totalFailed += event.count;
    const { target } = outcome;
    const { policy } = jail;
    if (event.time < now - jail.policy.findtime * MICROS_PER_SECOND)
      return { ...outcome, kind: 'stale' };
    const weighed = this.#jails.watches(group) ? undefined : meaning;
    const kind = this.#decider.decide(jail, target, event, now, overlay, weighed);
    const weighing = group === undefined ? undefined : this.#jails.get(group);
    if (weighing !== undefined && meaning !== undefined) {
      const { sum, isStorm } = meaning;
      const fast = kind === 'counted' && isFast(jail, weighing, target, event, meaning.allowance);
      // A jail that only watches closes nothing of others.
      const ofService = this.#jails.watches(group) ? {} : { closes: jail };
      for (const finding of meaning.findings) {
        const how = finding.isOfService === true ? ofService : {};
        this.#decider.answer(weighing, { ...finding, sum }, event, now, context, overlay, how);
      }
      if (fast) {
        const hasOthers = meaning.allowance > 1;
        const needed = policy.maxretry * meaning.allowance;
        const whom = { target, isShared: hasOthers, hasOthers, isStorm };
        const finding = { rule: 'fast', ...whom, sum, needed } as const;
        this.#decider.answer(weighing, finding, event, now, context, overlay, { lengths: policy });
      }
    }
    return kind === 'counted' ? outcome : { kind, event, target };
  }

  #overlay(context: JailContext): PendingDecisions {
    return new PendingDecisions(context, this.#watchedOf);
  }
}

/** What a call of `judge` tells beside outcomes and decisions. */
interface Told {
  readonly alarms: JailAlarm[];
  readonly attempts: WeighedAttempt[];
}
