/** The jails that weigh evidence: what each knows, and what an event of their groups means. */
import type { Prefix } from '../core/address.js';
import type { FilterEvent, WeighedAttempt } from '../core/decision.js';
import type { LoginFacts } from '../core/evidence.js';
import type { JailName } from '../core/names.js';
import type { JailPolicy } from '../core/specs.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import { Evidence } from './evidence/evidence.js';
import {
  type Attempt,
  DEFAULT_RULES,
  type EvidenceRules,
  type FailureMeaning,
} from './evidence/rules.js';
import type { Jail } from './jail.js';
import type { JailList } from './jail-list.js';
import type { JailStats } from './judgement.js';
import { keyOf } from './keys.js';

/** What an event means, and whether it is worth remembering. */
export interface Weighed extends FailureMeaning {
  readonly isNew: boolean;
}

const NO_FINDINGS: readonly never[] = [];

export class Weighing {
  readonly #jails: JailList;
  readonly #seed: number;
  readonly #evidence = new Map<JailName, Evidence>();

  /** `seed`: of the tables of the evidence; a number that strangers do not know. */
  constructor(jails: JailList, seed: number) {
    this.#jails = jails;
    this.#seed = seed;
  }

  /** Takes new policies. Kept jails keep what they know. */
  reconfigure(policies: readonly JailPolicy[]): void {
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

  /** Forgets all that a jail knows, to weigh it anew. */
  renew(name: JailName): void {
    const policy = this.#jails.get(name)?.policy;
    if (policy !== undefined && this.#evidence.has(name))
      this.#evidence.set(name, new Evidence(rulesOf(policy), this.#seed));
  }

  /** Forgets what speaks against a target up to a time, in one jail or all. */
  forget(target: Prefix, upTo: EpochMicros, jail?: JailName): void {
    for (const [name, evidence] of this.#evidence)
      if (jail === undefined || jail === name) evidence.forget(target, upTo);
  }

  /**
   * What the event means to the jail that weighs what this one finds; undefined when there is none.
   */
  weigh({ policy }: Jail, event: WeighedAttempt, target: Prefix): Weighed | undefined {
    const evidence = policy.group === undefined ? undefined : this.#evidence.get(policy.group);
    if (evidence === undefined) return undefined;
    const attempt = attemptOf(event, target);
    if (event.kind === 'failure') {
      const meaning = evidence.failure(attempt, event.count);
      return Object.assign(meaning, { isNew: meaning.guess !== 'repeat' });
    }
    const { isNew, alarms } = evidence.login(attempt);
    return { points: 0, allowance: 1, findings: NO_FINDINGS, alarms, isNew };
  }

  /** Notes an attempt that weighs nothing; of one that succeeded, that its password was right. */
  attempted({ policy: { group } }: Jail, event: WeighedAttempt, target: Prefix): void {
    const evidence = group === undefined ? undefined : this.#evidence.get(group);
    if (event.kind === 'success') evidence?.accepted(attemptOf(event, target));
    else evidence?.attempted(attemptOf(event, target));
  }

  /** What the jail that weighs what this one finds knows of an attempt that is to come. */
  facts({ policy: { group } }: Jail, attempt: Attempt): LoginFacts | undefined {
    return group === undefined ? undefined : this.#evidence.get(group)?.facts(attempt);
  }

  /**
   * Notes a login of the past; true when it says something new. Undefined where no jail weighs it.
   */
  learn({ policy: { group } }: Jail, event: WeighedAttempt, target: Prefix): boolean | undefined {
    const evidence = group === undefined ? undefined : this.#evidence.get(group);
    return evidence?.login(attemptOf(event, target), true).isNew;
  }

  /** True when the jail that weighs what this one finds may excuse the event. */
  isExcusable({ policy: { group } }: Jail, event: FilterEvent, target: Prefix): boolean {
    if (group === undefined || this.#jails.watches(group)) return false;
    return this.#evidence.get(group)?.isStranger(attemptOf(event, target)) === false;
  }

  /** The points against a target; undefined when the jail does not weigh. */
  pointsOf(name: JailName, target: Prefix, now: EpochMicros): number | undefined {
    return this.#evidence.get(name)?.pointsOf(target, now);
  }

  /** How often maxretry of a jail is taken for a stranger at the target, now. */
  allowanceOf({ policy }: Jail, target: Prefix, now: EpochMicros): number {
    const { jail, group } = policy;
    // A jail that only watches gives the others no allowance, but keeps to its own.
    const weigher = this.#evidence.has(jail) || this.#jails.watches(group) ? jail : group;
    const evidence = weigher === undefined ? undefined : this.#evidence.get(weigher);
    return evidence?.allowanceOf(target, now) ?? 1;
  }

  /** True when a jail that weighs knows of a login from the prefix. Changes nothing. */
  vouches(target: Prefix, now: EpochMicros): boolean {
    const lengths = new Set(this.#jails.policies.map(({ ipv6prefix }) => ipv6prefix));
    for (const evidence of this.#evidence.values())
      if (evidence.vouches(target, lengths, now)) return true;
    return false;
  }

  /** How much a jail knows; undefined when it does not weigh. */
  holds(name: JailName, now: EpochMicros): JailStats['evidence'] {
    return this.#evidence.get(name)?.holds(now);
  }
}

/** The event as the ledger remembers it: what its digest said outlives the digest. */
export function remembered(
  event: FilterEvent,
  { guess, isOneOfMany, isSameGuess }: FailureMeaning,
): WeighedAttempt {
  if (guess !== 'spray' && isOneOfMany !== true && isSameGuess !== true) return event;
  return {
    ...event,
    ...(guess === 'spray' && { isSpray: true }),
    ...(isOneOfMany === true && { isOneOfMany }),
    ...(isSameGuess === true && { isSameGuess }),
  };
}

/**
 * True when all services of the group together, whose failures stand in the windows of the jail
 * that weighs, saw what would ban at one: maxretry failures within findtime.
 */
export function isFast(
  jail: Jail,
  weighing: Jail,
  target: Prefix,
  { time }: FilterEvent,
  allowance: number,
): boolean {
  return failuresOf(jail, weighing, target, time) >= jail.policy.maxretry * allowance;
}

/** Failures of the target at all services of the group together, within findtime of this one. */
export function failuresOf(
  { policy, windows }: Jail,
  weighing: Jail,
  target: Prefix,
  time: EpochMicros,
): number {
  const key = keyOf(target);
  const from = Math.max(time - policy.findtime * MICROS_PER_SECOND, windows.floor(key) + 1);
  return weighing.windows.count(key, time, from);
}

/** The rules of a jail that weighs evidence: its own words for them are maxretry and findtime. */
export function rulesOf({ maxretry, findtime, evidence }: JailPolicy): EvidenceRules {
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

/** Fields one by one: a spread takes as long as all of the weighing. */
function attemptOf(event: WeighedAttempt, target: Prefix): Attempt {
  const { jail: service, address, time, user, cause, digest, isSpray, isRefused } = event;
  const { isOneOfMany, isSameGuess, isOfAnyService } = event;
  return {
    service,
    address,
    target,
    time,
    user,
    cause,
    digest,
    isSpray,
    isOneOfMany,
    isSameGuess,
    isRefused,
    isOfAnyService,
  };
}
