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
import { type Address, baseAddress, hostPrefix, isHost, type Prefix } from '../core/address.js';
import type { BanDecision, FilterEvent, WeighedAttempt } from '../core/decision.js';
import {
  EVIDENCE_CURSOR_BYTES_MAX,
  EVIDENCE_CURSORS_MAX,
  EVIDENCE_LOG_BYTES_MAX,
  TRACKED_ADDRESSES_MAX,
  TRACKED_FAILURES_MAX,
  UNSWEPT_TARGETS_MAX,
} from '../core/limits.js';
import type { JailName } from '../core/names.js';
import { notRemote } from '../core/networks.js';
import type { JailPolicy } from '../core/specs.js';
import {
  type EpochMicros,
  earlierOf,
  laterOf,
  MICROS_PER_SECOND,
  type Seconds,
  seconds,
} from '../core/time.js';
import { BAN_SECONDS_MAX, SHARED_BAN_SECONDS_MAX } from '../core/timeouts.js';
import { banSeconds, endOf, shortestBan, worthExtending } from './bantime.js';
import { JailsEdge, type Sorted } from './edge.js';
import { type Attempt, Evidence } from './evidence/evidence.js';
import { EvidenceLog, NO_EVIDENCE } from './evidence/log.js';
import {
  DEFAULT_RULES,
  type EvidenceFinding,
  type EvidenceRules,
  type FailureMeaning,
} from './evidence/rules.js';
import { Jail } from './jail.js';
import type {
  AllowContext,
  JailAlarm,
  JailContext,
  JailOutcome,
  JailStats,
  Judgement,
  OpenBan,
  WindowView,
} from './judgement.js';
import { keyOf } from './keys.js';
import { Logins } from './logins.js';
import { PendingDecisions, type Taken } from './pending.js';
import { WatchedBans } from './watched.js';
import type { FullWindow, WindowBounds, Windows } from './windows.js';

/** Bounds that differ from those of core/limits.ts; for tests and small machines. */
export interface JailsOptions {
  readonly addressesMax?: number;
  readonly failuresMax?: number;
  readonly evidenceLogBytesMax?: number;
  /** Of the tables of the evidence; a number that strangers do not know. */
  readonly seed?: number;
}

/** Up to when failures are settled, as far as new jails must know after a restart. */
export interface Floor {
  /** Absent: all jails. */
  readonly jail?: JailName;
  readonly target: Prefix;
  readonly upTo: EpochMicros;
  /**
   * True: of exactly this target (its ban was decided or ended); false: of all that overlap it (an
   * operator's unban).
   */
  readonly exact: boolean;
}

export class Jails {
  readonly #jails = new Map<JailName, Jail>();
  readonly #bounds: WindowBounds;
  readonly #log: EvidenceLog;
  readonly #logins = new Logins();
  /** For so long a login protects its neighbours: what a restart reads back. */
  #loginMicros = 0;
  /** What the jails that weigh evidence know. */
  readonly #evidence = new Map<JailName, Evidence>();
  readonly #seed: number;
  /** What jails that only watch would have banned. */
  readonly #watched = new WatchedBans();
  /** What arrives while older entries are still being read. */
  readonly edge = new JailsEdge({
    jailOf: (name) => this.#jails.get(name),
    waits: (jail, event, target) =>
      jail.policy.watch === true || this.#isExcusable(jail, event, target),
    overlay: (context) => this.#overlay(context),
    sorted: (overlay) => this.#sorted(overlay),
    empty: ({ policy }) => new Jail(policy, this.#bounds, this.#log),
    add: ({ windows }, target, { time, count, cursor }) => {
      sweep(windows, time);
      windows.add(keyOf(target), time, count, this.#log.append(cursor));
    },
    decide: (jail, target, event, now, overlay) =>
      this.#decide(jail, target, event, now, overlay) === 'decided',
    banned: (...told) => this.#countBan(...told),
  });

  constructor(policies: readonly JailPolicy[], options: JailsOptions = {}) {
    this.#bounds = {
      addressesMax: options.addressesMax ?? TRACKED_ADDRESSES_MAX,
      failuresMax: options.failuresMax ?? TRACKED_FAILURES_MAX,
      evidenceMax: EVIDENCE_CURSORS_MAX,
    };
    this.#seed = options.seed ?? 0;
    this.#log = new EvidenceLog(
      options.evidenceLogBytesMax ?? EVIDENCE_LOG_BYTES_MAX,
      EVIDENCE_CURSOR_BYTES_MAX,
    );
    this.reconfigure(policies);
  }

  get names(): JailName[] {
    return [...this.#jails.keys()];
  }

  /** No ban that is decided now ends within so many seconds; infinity when all are for good. */
  get shortestBan(): number {
    return Math.min(...[...this.#jails.values()].map(({ policy }) => shortestBan(policy)));
  }

  /** The shortest findtime of all jails. */
  get shortestFindtime(): Seconds {
    return seconds(
      Math.min(BAN_SECONDS_MAX, ...[...this.#jails.values()].map(({ policy }) => policy.findtime)),
    );
  }

  /** Judges one event at the time `now`; see `judge`. */
  step(event: FilterEvent, now: EpochMicros, context: JailContext): Judgement {
    return this.judge([event], () => now, context);
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
    const alarms: JailAlarm[] = [];
    const attempts: WeighedAttempt[] = [];
    const overlay = this.#overlay(context);
    for (const event of events) {
      const now = clock(event);
      const first = overlay.decisions.length;
      outcomes.push(this.#count(event, now, context, overlay, { alarms, attempts }));
      for (const { decision, extends: extension } of overlay.decisions.slice(first))
        if (!extension && !this.#watches(decision.jail))
          this.#countBan(decision, event, now, context, overlay);
    }
    return { outcomes, ...this.#sorted(overlay), attempts, alarms };
  }

  /**
   * Counts an event of the past and decides nothing: the warm-up before the cursor. Call `remember`
   * before it.
   */
  observe(event: FilterEvent, context: AllowContext): JailOutcome {
    const jail = this.#jails.get(event.jail);
    if (jail === undefined) return { kind: 'unknown', event };
    return this.#enter(jail, event, undefined, context).outcome;
  }

  /**
   * Weighs anew what the ledger knows of the past, for these jails that weigh. `floors`: of them
   * the unbans of operators are taken, each at its time.
   */
  recall(
    attempts: Iterable<WeighedAttempt>,
    floors: Iterable<Floor>,
    only: ReadonlySet<JailName>,
  ): void {
    for (const name of only) {
      const policy = this.#jails.get(name)?.policy;
      if (policy !== undefined && this.#evidence.has(name))
        this.#evidence.set(name, new Evidence(rulesOf(policy), this.#seed));
    }
    const pardons = [...floors].filter(({ exact }) => !exact).sort((a, b) => a.upTo - b.upTo);
    let next = 0;
    const pardonUntil = (time: number) => {
      for (; next < pardons.length && (pardons[next] as Floor).upTo < time; next++) {
        const { jail, target, upTo } = pardons[next] as Floor;
        for (const name of only)
          if (jail === undefined || jail === name) this.#evidence.get(name)?.forget(target, upTo);
      }
    };
    for (const event of attempts) {
      const jail = this.#jails.get(event.jail);
      if (jail?.policy.group === undefined || !only.has(jail.policy.group)) continue;
      pardonUntil(event.time);
      const target = jail.prefixOf(event.address);
      const points = this.#weigh(jail, event, target)?.points ?? 0;
      if (points > 0)
        this.#jails
          .get(jail.policy.group)
          ?.windows.add(keyOf(target), event.time, event.count, NO_EVIDENCE);
    }
    pardonUntil(Number.POSITIVE_INFINITY);
  }

  /**
   * Counts a past ban of the ledger in one jail that counts bans (recidive), or in all: their
   * warm-up.
   */
  observeBan(
    ban: Pick<BanDecision, 'jail' | 'target' | 'time' | 'evidence'>,
    context: AllowContext,
    only?: JailName,
  ): void {
    for (const jail of this.#banCounters(ban.jail)) {
      if (only !== undefined && jail.policy.jail !== only) continue;
      const target = banTarget(jail, ban.target, context);
      const cursor = ban.evidence.at(-1);
      if (jail.isSettled(target, keyOf(target), ban.time, undefined)) continue;
      const evidence = cursor === undefined ? NO_EVIDENCE : this.#log.append(cursor);
      for (const one of both(target, ban.target))
        jail.windows.add(keyOf(one), ban.time, 1, evidence);
    }
  }

  /** Takes a new ban back from the jails that count bans: it was never put in force. */
  retract(ban: Pick<BanDecision, 'jail' | 'target' | 'time'>, context: AllowContext): void {
    for (const jail of this.#banCounters(ban.jail))
      for (const one of both(banTarget(jail, ban.target, context), ban.target))
        jail.windows.take(keyOf(one), ban.time);
  }

  /**
   * Makes the floors of the ledger known, before the warm-up reads back; to these jails only, when
   * they are given.
   */
  remember(floors: Iterable<Floor>, only?: ReadonlySet<JailName>): void {
    for (const { jail, target, upTo, exact } of floors)
      for (const [name, own] of this.#jails)
        if ((jail === undefined || jail === name) && only?.has(name) !== false)
          exact ? own.forgetExactly(target, upTo) : own.forget(target, upTo);
  }

  /**
   * Forgets the failures up to `upTo` of every target that shares an address with `target`, in one
   * jail or all: the unban of an operator. Failures up to that time do not count when they arrive
   * later either. Returns how many were forgotten.
   */
  forget(target: Prefix, scope: { readonly jail?: JailName; readonly upTo: EpochMicros }): number {
    let forgotten = 0;
    for (const [name, jail] of this.#jails)
      if (scope.jail === undefined || scope.jail === name)
        forgotten += jail.forget(target, scope.upTo);
    this.#watched.forget(target, scope.jail);
    for (const name of this.#jails.keys())
      if (scope.jail === undefined || scope.jail === name)
        this.edge.too(name, (edge) => edge.forget(target, scope.upTo));
    for (const [name, evidence] of this.#evidence)
      if (scope.jail === undefined || scope.jail === name) evidence.forget(target, scope.upTo);
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
    const wanted = new Map(policies.map((policy) => [policy.jail, policy]));
    for (const name of this.#jails.keys()) if (!wanted.has(name)) this.#jails.delete(name);
    const cold: JailName[] = [];
    for (const [name, policy] of wanted) {
      const jail = this.#jails.get(name);
      if (jail === undefined) this.#jails.set(name, new Jail(policy, this.#bounds, this.#log));
      if (jail === undefined || jail.reconfigure(policy)) cold.push(name);
    }
    this.edge.clear();
    this.#reconfigureEvidence(policies);
    this.#watched.keep(
      new Set(policies.filter(({ watch }) => watch === true).map(({ jail }) => jail)),
    );
    const counting = policies.filter(({ counts = 'failures' }) => counts === 'failures');
    this.#loginMicros =
      Math.max(0, ...counting.map(({ findtime }) => findtime)) * MICROS_PER_SECOND;
    return cold;
  }

  #reconfigureEvidence(policies: readonly JailPolicy[]): void {
    const weighing = policies.filter(({ counts }) => counts === 'evidence');
    for (const name of this.#evidence.keys())
      if (!weighing.some(({ jail }) => jail === name)) this.#evidence.delete(name);
    for (const policy of weighing) {
      const rules = rulesOf(policy);
      const evidence = this.#evidence.get(policy.jail);
      if (evidence === undefined) this.#evidence.set(policy.jail, new Evidence(rules, this.#seed));
      else evidence.rules = rules;
    }
  }

  /** Forgets the failures of a jail, to read them anew; what was settled stays settled. */
  reset(jail: JailName): void {
    this.edge.leave(jail);
    this.#jails.get(jail)?.windows.empty();
  }

  /** What `status` shows. Looks at every tracked target: not for hot paths. */
  stats(name: JailName, now: EpochMicros): JailStats | undefined {
    const jail = this.#jails.get(name);
    if (jail === undefined) return undefined;
    const { totalFailed, totalIgnored, windows } = jail;
    const currentlyFailed = windows.failing(now);
    const tracked = { tracked: windows.size, evicted: windows.evicted };
    const watched = this.#watches(name)
      ? {
          watched: {
            current: this.#watched.currentOf(name, now),
            total: this.#watched.totalOf(name),
          },
        }
      : {};
    return {
      currentlyFailed,
      totalFailed,
      totalIgnored,
      ...tracked,
      ...watched,
      ...this.#holds(name),
    };
  }

  /**
   * How many addresses of a jail are remembered, and how many its bound has cost; cheap, unlike
   * `stats`.
   */
  tracking(name: JailName): { readonly tracked: number; readonly evicted: number } {
    const windows = this.#jails.get(name)?.windows;
    return { tracked: windows?.size ?? 0, evicted: windows?.evicted ?? 0 };
  }

  /**
   * The windows that an address is counted in, one per jail that has failures of it; for `explain`.
   */
  explain(target: Prefix, now: EpochMicros): WindowView[] {
    const views: WindowView[] = [];
    for (const [name, jail] of this.#jails) {
      const { windows, policy } = jail;
      for (const candidate of both(jail.prefixOf(baseAddress(target)), target)) {
        const key = keyOf(candidate);
        const failures = windows.count(key, now);
        if (failures === 0) continue;
        const evidence = windows.evidence(key, now - policy.findtime * MICROS_PER_SECOND, now);
        const last = windows.last(key) as EpochMicros | undefined;
        const points = this.#evidence.get(name)?.pointsOf(candidate, now);
        views.push({
          jail: name,
          target: candidate,
          failures,
          maxretry: policy.maxretry,
          ...(points === undefined ? {} : { points }),
          last,
          evidence,
        });
      }
    }
    return views;
  }

  #count(
    event: FilterEvent,
    now: EpochMicros,
    context: JailContext,
    overlay: PendingDecisions,
    told: Told,
  ): JailOutcome {
    const jail = this.#jails.get(event.jail);
    if (jail === undefined) return { kind: 'unknown', event };
    const latest = laterOf(now, context.latest?.() ?? now);
    const { outcome, meaning } = this.#enter(jail, event, { now, latest }, context);
    const { group } = jail.policy;
    if (meaning?.isNew === true)
      told.attempts.push(meaning.guess === 'spray' ? { ...event, isSpray: true } : event);
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
    const allowance = this.#watches(group) ? 1 : meaning?.allowance;
    const kind = this.#decide(jail, target, event, now, overlay, allowance);
    const weighing = group === undefined ? undefined : this.#jails.get(group);
    if (weighing !== undefined && meaning !== undefined) {
      const isFast =
        kind === 'counted' && this.#isFast(jail, weighing, target, event, meaning.allowance);
      const fast: EvidenceFinding[] = isFast
        ? [{ rule: 'fast', target, isShared: meaning.allowance > 1 }]
        : [];
      for (const finding of [...meaning.findings, ...fast])
        this.#answer(
          weighing,
          finding,
          event,
          now,
          context,
          overlay,
          finding.rule === 'fast' ? policy : undefined,
        );
    }
    return kind === 'counted' ? outcome : { kind, event, target };
  }

  /**
   * What the event means to the jail that weighs what this one finds; undefined when there is none.
   */
  #weigh({ policy }: Jail, event: WeighedAttempt, target: Prefix): Weighed | undefined {
    const evidence = policy.group === undefined ? undefined : this.#evidence.get(policy.group);
    if (evidence === undefined) return undefined;
    const attempt: Attempt = { ...event, target };
    if (event.kind === 'failure') {
      const meaning = evidence.failure(attempt, event.count);
      return { ...meaning, isNew: meaning.guess !== 'repeat' };
    }
    return { points: 0, allowance: 1, findings: [], ...evidence.login(attempt) };
  }

  /**
   * True when all services of the group together saw what would ban at one: maxretry failures
   * within findtime.
   */
  #isFast(
    { policy, windows }: Jail,
    weighing: Jail,
    target: Prefix,
    { time }: FilterEvent,
    allowance: number,
  ): boolean {
    const key = keyOf(target);
    const from = Math.max(time - policy.findtime * MICROS_PER_SECOND, windows.floor(key) + 1);
    return weighing.windows.count(key, time, from) >= policy.maxretry * allowance;
  }

  /**
   * Bans what the evidence speaks against, unless that holds somebody who must not be banned.
   * `lengths`: the jail whose bantime holds.
   */
  #answer(
    jail: Jail,
    { rule, target: found, isShared }: EvidenceFinding,
    event: FilterEvent,
    now: EpochMicros,
    context: JailContext,
    overlay: PendingDecisions,
    lengths: JailPolicy = jail.policy,
  ): void {
    const { policy, windows } = jail;
    // Where somebody else of the prefix logs in, only the address itself is shut out.
    const isHosts = rule !== 'subnet' && this.#hasNeighbour(found, event.address, event.time);
    const target = isHosts ? hostPrefix(event.address) : found;
    if (
      context.allowed(policy.jail, event.address) !== undefined ||
      context.coversAllowed(policy.jail, target)
    )
      return;
    const open = overlay.openBan(policy.jail, target);
    const previousBans = rankOf(policy, target, open, overlay);
    const usual = banSeconds(lengths, isShared ? 0 : previousBans, overlay.random);
    const length = isShared
      ? Math.min(usual ?? SHARED_BAN_SECONDS_MAX, SHARED_BAN_SECONDS_MAX)
      : usual;
    const until = endOf(now, length);
    const isOpen = open !== undefined && (open.until === null || open.until > now);
    if (isOpen && !worthExtending(open.until, until, length)) return;
    const failures = Math.max(event.count, windows.count(keyOf(target), now));
    const full = { from: Number.NEGATIVE_INFINITY, to: now, failures };
    overlay.add(
      { ...this.#decision(jail, target, event, now, full, until, previousBans), rule },
      isOpen,
    );
  }

  /** True when the jail that weighs what this one finds may excuse the event. */
  #isExcusable({ policy: { group } }: Jail, event: FilterEvent, target: Prefix): boolean {
    if (group === undefined || this.#watches(group)) return false;
    return this.#evidence.get(group)?.isStranger({ ...event, target }) === false;
  }

  /** Puts the event into its window. Without a time in warm-up. */
  #enter(
    jail: Jail,
    event: FilterEvent,
    time: { readonly now: EpochMicros; readonly latest: EpochMicros } | undefined,
    context: AllowContext,
  ): { readonly outcome: JailOutcome; readonly meaning?: Weighed } {
    const { windows, policy } = jail;
    const reason = notRemote(event.address) ?? context.allowed(policy.jail, event.address);
    if (reason !== undefined) return { outcome: { kind: 'ignored', event, reason } };
    const target = jail.targetOf(event.address, context);
    const key = keyOf(target);
    if (event.kind === 'success') {
      this.#noteLogin(event);
      const cleared = policy.forgetOnSuccess ? both(target, hostPrefix(event.address)) : [];
      const [failures = 0] = cleared.map((one) => windows.clear(keyOf(one), event.time));
      const meaning = time === undefined ? undefined : this.#weigh(jail, event, target);
      return {
        outcome: { kind: 'success', event, target, failures },
        ...(meaning === undefined ? {} : { meaning }),
      };
    }
    if (jail.isSettled(target, key, event.time, time?.latest))
      return { outcome: { kind: 'settled', event, target } };
    // What a warm-up reads again is in the ledger's attempts.
    const meaning = time === undefined ? undefined : this.#weigh(jail, event, target);
    // A jail that only watches excuses nobody in the others.
    if (meaning?.points === 0 && !this.#watches(policy.group))
      return { outcome: { kind: 'excused', event, target }, meaning };
    sweep(windows, time?.now ?? event.time);
    const evidence = this.#log.append(event.cursor);
    windows.add(key, event.time, event.count, evidence);
    if (this.#hasNeighbour(target, event.address, event.time))
      windows.add(keyOf(hostPrefix(event.address)), event.time, event.count, evidence);
    if (policy.group !== undefined && meaning !== undefined && meaning.points > 0) {
      const weighing = this.#jails.get(policy.group)?.windows;
      if (weighing !== undefined) sweep(weighing, time?.now ?? event.time);
      weighing?.add(key, event.time, event.count, evidence);
    }
    const outcome = {
      kind: 'counted',
      event,
      target,
      failures: windows.count(key, event.time),
    } as const;
    return { outcome, ...(meaning === undefined ? {} : { meaning }) };
  }

  /** Notes a login for the prefixes that the jails count its address by. */
  #noteLogin({ address, time }: FilterEvent): void {
    if (address.family === 4) return;
    const lengths = new Set([...this.#jails.values()].map((jail) => jail.prefixOf(address).length));
    lengths.delete(128);
    this.#logins.add(address, time, lengths);
  }

  /**
   * True when the target is a prefix in which another address than this one has logged in lately,
   * about `time`.
   */
  #hasNeighbour(target: Prefix, address: Address, time: EpochMicros): boolean {
    const span = this.#loginMicros;
    return (
      !isHost(target) && this.#logins.ofAnother(address, target.length, time - span, time + span)
    );
  }

  /**
   * What the event has filled: the window of the target, or where others log in there only that of
   * its own address.
   */
  #filled({ windows }: Jail, target: Prefix, { address, time }: FilterEvent, allowance: number) {
    const isShared = this.#hasNeighbour(target, address, time);
    const banned = isShared ? hostPrefix(address) : target;
    const full = windows.full(
      keyOf(banned),
      time,
      isShared ? windows.floor(keyOf(target)) : undefined,
      allowance,
    );
    return full && { full, banned };
  }

  #decide(
    jail: Jail,
    counted: Prefix,
    event: FilterEvent,
    now: EpochMicros,
    overlay: PendingDecisions,
    allowance = 1,
  ) {
    const { policy } = jail;
    let filled = this.#filled(jail, counted, event, allowance);
    if (filled === undefined) return 'counted';
    const target = filled.banned;
    let open = overlay.openBan(policy.jail, target);
    if (open !== undefined && open.until !== null && open.until <= now) {
      // The ban is over, the ledger has just not said so yet: what it settled must not count, as if
      // it had.
      jail.forgetExactly(target, open.until);
      if (event.time <= open.until) return 'settled';
      filled = this.#filled(jail, counted, event, allowance);
      if (filled === undefined) return 'counted';
      open = undefined;
    }
    const previousBans = rankOf(policy, target, open, overlay);
    const length = banSeconds(policy, previousBans, overlay.random);
    const until = endOf(now, length);
    if (open !== undefined && !worthExtending(open.until, until, length)) return 'banned';
    overlay.add(
      this.#decision(jail, target, event, now, filled.full, until, previousBans),
      open !== undefined,
    );
    // An event that is judged in its own time, since it is late, answers those that came before it
    // too.
    jail.forgetExactly(
      target,
      laterOf(now, earlierOf(filled.full.to as EpochMicros, overlay.latest ?? now)),
    );
    return 'decided';
  }

  #decision(
    { windows, policy }: Jail,
    target: Prefix,
    event: FilterEvent,
    now: EpochMicros,
    full: FullWindow,
    until: EpochMicros | null,
    previousBans: number,
  ): BanDecision {
    return {
      kind: 'ban',
      jail: policy.jail,
      target,
      time: now,
      until,
      failures: full.failures,
      evidence: windows.evidence(keyOf(target), full.from, full.to, policy.maxmatches),
      ...(event.user !== undefined && { user: event.user }),
      ...(event.host !== undefined && { host: event.host }),
      origin: 'journal',
      previousBans,
    };
  }

  /** A new ban is a failure in the jails that count bans. */
  #countBan(
    ban: BanDecision,
    event: FilterEvent,
    now: EpochMicros,
    context: JailContext,
    overlay: PendingDecisions,
  ): void {
    for (const jail of this.#banCounters(ban.jail)) {
      const target = banTarget(jail, ban.target, context);
      const key = keyOf(target);
      if (jail.isSettled(target, key, now, now)) continue;
      sweep(jail.windows, now);
      const evidence = this.#log.append(event.cursor);
      for (const one of both(target, ban.target)) jail.windows.add(keyOf(one), now, 1, evidence);
      jail.totalFailed++;
      this.#decide(jail, target, { ...event, time: now }, now, overlay);
    }
  }

  #holds(name: JailName): Pick<JailStats, 'evidence'> {
    const evidence = this.#evidence.get(name);
    return evidence === undefined ? {} : { evidence: evidence.holds };
  }

  /** True when the jail decides and touches nothing. */
  #overlay(context: JailContext): PendingDecisions {
    return new PendingDecisions(context, (jail) =>
      this.#watches(jail) ? this.#watched : undefined,
    );
  }

  /**
   * What was taken, apart: bans, and what jails that only watch would have banned, which is noted
   * here.
   */
  #sorted(overlay: PendingDecisions): Sorted {
    const [watched, decisions]: [Taken[], BanDecision[]] = [[], []];
    for (const taken of overlay.decisions)
      if (this.#watches(taken.decision.jail)) watched.push(taken);
      else decisions.push(taken.decision);
    for (const { decision, extends: extension } of watched) this.#watched.note(decision, extension);
    const wouldBan = watched.filter((taken) => !taken.extends).map(({ decision }) => decision);
    return { decisions, wouldBan };
  }

  #watches(name: JailName | undefined): boolean {
    return name !== undefined && this.#jails.get(name)?.policy.watch === true;
  }

  *#banCounters(of: JailName): IterableIterator<Jail> {
    for (const [name, jail] of this.#jails)
      if (name !== of && jail.policy.counts === 'bans') yield jail;
  }
}

/**
 * The prefix that a jail which counts bans counts this one by: its own length, never longer than
 * what was banned.
 */
function banTarget(jail: Jail, target: Prefix, context: AllowContext): Prefix {
  if (target.family === 4) return target;
  const counted = jail.targetOf(baseAddress(target), context);
  return counted.length < target.length ? counted : target;
}

/**
 * How many bans of the target came before this one: an extension keeps the rank of the ban that it
 * extends.
 */
function rankOf(
  policy: JailPolicy,
  target: Prefix,
  open: OpenBan | undefined,
  overlay: PendingDecisions,
): number {
  if (open !== undefined) return open.previousBans;
  return overlay.previousBans(
    policy.increment?.overalljails === true ? undefined : policy.jail,
    target,
  );
}

/** What an event means, and whether it is worth remembering. */
interface Weighed extends FailureMeaning {
  readonly isNew: boolean;
}

/** What a call of `judge` tells beside outcomes and decisions. */
interface Told {
  readonly alarms: JailAlarm[];
  readonly attempts: WeighedAttempt[];
}

/** The rules of a jail that weighs evidence: its own words for them are maxretry and findtime. */
function rulesOf({ maxretry, findtime, evidence }: JailPolicy): EvidenceRules {
  const rules = { ...DEFAULT_RULES, slowPoints: maxretry, slowHalfLife: findtime };
  if (evidence === undefined) return rules;
  return {
    ...rules,
    credit: evidence.credit,
    subnetOffenders: evidence.subnet,
    userOffenders: evidence.underattack,
    deadNameOffenders: evidence.deadnames,
    takeoverNetworks: evidence.takeover,
    honeypot: new Set(evidence.honeypot),
  };
}

/** The prefix that a target is counted by, and the target itself where it is longer. */
function both(counted: Prefix, target: Prefix): readonly Prefix[] {
  return counted.length < target.length ? [counted, target] : [target];
}

/**
 * Frees what can decide nothing any more. Few are kept however old they are: one entry that is
 * dated ahead would sweep away what the entries behind it need.
 */
function sweep(windows: Windows, now: EpochMicros): void {
  if (windows.size > UNSWEPT_TARGETS_MAX) windows.sweep(now);
}
