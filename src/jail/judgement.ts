/** What the jails ask while they judge, and what they answer to an event. */
import type { Address, Prefix } from '../core/address.js';
import type { BanDecision, FilterEvent, WeighedAttempt } from '../core/decision.js';
import type { EvidenceHoldings, LoginFacts } from '../core/evidence.js';
import type { JailName } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import type { Alarm } from './evidence/rules.js';

/** What the jail must know of a ban that the ledger has not ended. A `BanRecord` is one. */
export interface OpenBan {
  readonly until: EpochMicros | null;
  readonly previousBans: number;
}

/** Whom the jail may not touch. */
export interface AllowContext {
  /** Why this address is never banned in the jail, or undefined. */
  allowed(jail: JailName, address: Address): string | undefined;
  /** True when the prefix holds an address that must not be banned in the jail. */
  coversAllowed(jail: JailName, prefix: Prefix): boolean;
}

/** What the jail asks the ledger, the allow snapshot and chance, while it judges. */
export interface JailContext extends AllowContext {
  /**
   * The ban of exactly this target that is wanted or in force, even when its end has just passed.
   */
  openBan(jail: JailName, target: Prefix): OpenBan | undefined;
  /**
   * Earlier bans of exactly this target in the jail, or in all jails; extensions and bans that an
   * operator lifted not counted.
   */
  previousBans(jail: JailName | undefined, target: Prefix): number;
  /** A number in [0, 1), for rndtime. */
  random(): number;
  /**
   * The latest time that the source has reached, where an event is judged at an earlier one;
   * absent: no such events.
   */
  latest?(): EpochMicros;
}

/**
 * What became of one event.
 *
 * - `counted`: a failure that counts; `failures` is how many the target now has in the findtime up
 *   to this one.
 * - `banned`: counts, and its window is full, but a ban in force answers it already.
 * - `decided`: counts, and filled the window: the decision stands in `decisions`.
 * - `stale`: too old to decide anything now; it may still help to fill the window of a later
 *   failure.
 * - `settled`: not newer than the last ban, unban or expiry of the target: it was judged by that.
 * - `excused`: a failure of a user who logs in from there; it counts now and then only.
 * - `ignored`: of an allowed address.
 * - `success`: a login; `failures` were forgotten by it.
 * - `unknown`: of a jail that does not exist (any more).
 */
export type JailOutcome =
  | {
      readonly kind: 'counted' | 'stale';
      readonly event: FilterEvent;
      readonly target: Prefix;
      readonly failures: number;
    }
  | {
      readonly kind: 'success';
      readonly event: FilterEvent;
      readonly target: Prefix;
      readonly failures: number;
    }
  | {
      readonly kind: 'banned' | 'decided' | 'settled' | 'excused';
      readonly event: FilterEvent;
      readonly target: Prefix;
    }
  | { readonly kind: 'ignored'; readonly event: FilterEvent; readonly reason: string }
  | { readonly kind: 'unknown'; readonly event: FilterEvent };

/** Bans that were decided. */
export interface Decisions {
  /** In the order in which they were taken. */
  readonly decisions: readonly BanDecision[];
  /**
   * What jails that only watch would have banned; the ledger and the kernel must not know of it.
   */
  readonly wouldBan: readonly BanDecision[];
}

export interface Judgement extends Decisions {
  /** One per event, in order. */
  readonly outcomes: readonly JailOutcome[];
  /**
   * What was weighed and must be weighed again after a restart: it belongs into the ledger, with
   * the position.
   */
  readonly attempts: readonly WeighedAttempt[];
  /** What people should know of. */
  readonly alarms: readonly JailAlarm[];
}

/** An alarm with the jail that gives it and the entry that showed it. */
export interface JailAlarm {
  readonly jail: JailName;
  readonly alarm: Alarm;
  readonly event: FilterEvent;
}

/** What `status JAIL` shows of the windows. */
export interface JailStats {
  /** Addresses (or prefixes) with a failure in the last findtime. */
  readonly currentlyFailed: number;
  /** Failures counted since the agent started. */
  readonly totalFailed: number;
  /** Events of allowed addresses since the agent started. */
  readonly totalIgnored: number;
  /** Targets that are remembered, and targets that were forgotten for want of room. */
  readonly tracked: number;
  readonly evicted: number;
  /** Of a jail that weighs: addresses with points, users with a login, bytes of its tables. */
  readonly evidence?: EvidenceHoldings;
  /** Of a jail that only watches: bans that would be in force, and all that it would have made. */
  readonly watched?: { readonly current: number; readonly total: number };
}

/** A login that is to come. */
export interface ComingLogin {
  readonly address: Address;
  readonly user?: string | undefined;
  /** Stands for its password: equal for equal ones of the user. */
  readonly digest?: string | undefined;
}

/** What the jails know of a login that is to come. */
export interface LoginView extends LoginFacts {
  /** The jail that weighs. */
  readonly jail: JailName;
  /** It only watches: nobody is turned away for what it says. */
  readonly isWatching: boolean;
  /** What the address is counted by. */
  readonly target: Prefix;
  /** Why the address is never banned. */
  readonly allowed?: string;
  /** Failures of the address within findtime, and how many ban one where nobody else logs in. */
  readonly failures: number;
  readonly maxretry: number;
}

/** One target as `explain` shows it. */
export interface WindowView {
  readonly jail: JailName;
  readonly target: Prefix;
  /** Failures in the last findtime, and maxretry. */
  readonly failures: number;
  readonly maxretry: number;
  /** What bans a stranger there now: maxretry, or more where others log in. */
  readonly needed: number;
  /** Of a jail that weighs evidence, which bans at maxretry points. */
  readonly points?: number;
  readonly last: EpochMicros | undefined;
  /** Cursors of the newest of them, newest last; of a jail that weighs, the points of each. */
  readonly evidence: readonly string[];
  /** Failures of each of these entries. */
  readonly counts: readonly number[];
  readonly weights?: readonly number[];
}
