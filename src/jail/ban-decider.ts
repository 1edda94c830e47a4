/** Whether the windows of a jail, or the evidence against a target, make a ban, and how long. */
import { hostPrefix, type Prefix } from '../core/address.js';
import type { BanDecision, FilterEvent, Leniency } from '../core/decision.js';
import type { JailPolicy } from '../core/specs.js';
import { type EpochMicros, earlierOf, laterOf } from '../core/time.js';
import { banSeconds, endOf, sharedSeconds, stormSeconds, worthExtending } from './bantime.js';
import { type EvidenceFinding, type FailureMeaning, JOINT_BANS } from './evidence/rules.js';
import type { Jail } from './jail.js';
import type { AllowContext, OpenBan } from './judgement.js';
import { keyOf } from './keys.js';
import type { Neighbours } from './neighbours.js';
import type { PendingDecisions } from './pending.js';
import type { FullWindow } from './windows.js';

export class BanDecider {
  readonly #neighbours: Neighbours;

  constructor(neighbours: Neighbours) {
    this.#neighbours = neighbours;
  }

  /**
   * Decides whether the event fills a window of the jail. A decision is added to `overlay`, and
   * settles the failures of its target.
   */
  decide(
    jail: Jail,
    counted: Prefix,
    event: FilterEvent,
    now: EpochMicros,
    overlay: PendingDecisions,
    { allowance, isStorm }: Pick<FailureMeaning, 'allowance' | 'isStorm'> = { allowance: 1 },
  ): 'counted' | 'settled' | 'banned' | 'decided' {
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
    const usual = banSeconds(policy, previousBans, () => overlay.random());
    // Of an office the window is larger, and its ban as long as any.
    const isFirstStorm = isStorm === true && previousBans === 0;
    const length = isFirstStorm ? stormSeconds(usual) : usual;
    const leniency: Leniency | undefined =
      allowance > 1 ? 'shared' : isFirstStorm ? 'storm' : undefined;
    const until = endOf(now, length);
    if (open !== undefined && !worthExtending(open.until, until, length)) return 'banned';
    overlay.add(
      decision(jail, target, event, now, {
        ...{ full: filled.full, until, previousBans, leniency },
        needed: policy.maxretry * allowance,
      }),
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

  /**
   * Bans what the evidence speaks against, unless that holds somebody who must not be banned.
   * `lengths`: the jail whose bantime holds. `closes`: the jail whose ports are closed.
   */
  answer(
    jail: Jail,
    { rule, target: found, isShared, hasOthers, isStorm, sum, needed }: EvidenceFinding,
    event: FilterEvent,
    now: EpochMicros,
    context: AllowContext,
    overlay: PendingDecisions,
    { lengths = jail.policy, closes = jail }: { lengths?: JailPolicy; closes?: Jail } = {},
  ): void {
    const { windows } = jail;
    const { policy } = closes;
    // Where somebody else of the prefix logs in, only the address itself is shut out: unless the
    // guesses go on from ever new addresses of it, by whoever logs in there to be spared.
    const isHosts =
      rule !== 'subnet' &&
      !isRotating(rule, sum, needed) &&
      this.#neighbours.hasNeighbour(found, event.address, event.time);
    const target = isHosts ? hostPrefix(event.address) : found;
    if (
      context.allowed(policy.jail, event.address) !== undefined ||
      context.coversAllowed(policy.jail, target)
    )
      return;
    const open = overlay.openBan(policy.jail, target);
    const previousBans = rankOf(policy, target, open, overlay);
    const rank = isShared ? 0 : previousBans + (JOINT_BANS[rule] ?? 0);
    const usual = banSeconds(lengths, rank, () => overlay.random());
    const isFirstStorm = isStorm === true && previousBans === 0;
    const mild = isFirstStorm ? stormSeconds(usual) : usual;
    const length = isShared ? sharedSeconds(usual, rule) : mild;
    const leniency: Leniency | undefined = hasOthers
      ? 'shared'
      : isFirstStorm
        ? 'storm'
        : undefined;
    const until = endOf(now, length);
    const isOpen = open !== undefined && (open.until === null || open.until > now);
    if (isOpen && !worthExtending(open.until, until, length)) return;
    const failures = Math.max(event.count, windows.count(keyOf(target), now));
    const full = { from: Number.NEGATIVE_INFINITY, to: now, failures };
    const answer = { full, until, previousBans, leniency, needed };
    const weighed = weighedOf(jail, target, full, rule === 'subnet' ? undefined : sum);
    const decided = decision({ windows, policy }, target, event, now, answer);
    overlay.add({ ...decided, ...weighed, rule }, isOpen);
    if (closes !== jail) closes.forgetExactly(target, now);
  }

  /**
   * What the event has filled: the window of the target, or where others log in there only that of
   * its own address.
   */
  #filled({ windows }: Jail, target: Prefix, { address, time }: FilterEvent, allowance: number) {
    const isShared = this.#neighbours.hasNeighbour(target, address, time);
    const banned = isShared ? hostPrefix(address) : target;
    const full = windows.full(
      keyOf(banned),
      time,
      isShared ? windows.floor(keyOf(target)) : undefined,
      allowance,
    );
    return full && { full, banned };
  }
}

/** So many times the points that ban one address of a prefix ban all of it. */
const ROTATING = 2;

/** True when the points of a prefix rose on while one address of it after the other was banned. */
function isRotating(rule: EvidenceFinding['rule'], sum = 0, needed = Number.POSITIVE_INFINITY) {
  return rule === 'slow' && sum >= ROTATING * needed;
}

/** What a full window, or a finding, is answered with. */
interface Answer {
  readonly full: FullWindow;
  readonly until: EpochMicros | null;
  readonly previousBans: number;
  readonly leniency: Leniency | undefined;
  readonly needed: number | undefined;
}

function decision(
  { windows, policy }: Pick<Jail, 'windows' | 'policy'>,
  target: Prefix,
  event: FilterEvent,
  now: EpochMicros,
  { full, until, previousBans, leniency, needed }: Answer,
): BanDecision {
  const entries = windows.weighed(keyOf(target), full.from, full.to, policy.maxmatches);
  return {
    kind: 'ban',
    jail: policy.jail,
    target,
    time: now,
    until,
    failures: full.failures,
    evidence: entries.map(({ cursor }) => cursor),
    ...(entries.length > 0 && { counts: entries.map(({ count }) => count) }),
    ...(needed !== undefined && { needed }),
    ...(event.user !== undefined && { user: event.user }),
    ...(event.host !== undefined && { host: event.host }),
    origin: 'journal',
    previousBans,
    ...(leniency !== undefined && { leniency }),
  };
}

/** What the entries of a decision weighed, and with them all that the target had. */
function weighedOf(
  { windows, policy }: Jail,
  target: Prefix,
  { from, to }: FullWindow,
  sum: number | undefined,
): Pick<BanDecision, 'weights' | 'points'> {
  const entries = windows.weighed(keyOf(target), from, to, policy.maxmatches);
  return {
    ...(entries.length > 0 && { weights: entries.map(({ points }) => thousandths(points)) }),
    ...(sum !== undefined && { points: thousandths(sum) }),
  };
}

function thousandths(points: number): number {
  return Math.round(points * 1000) / 1000;
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
