/** What the evidence model goes by, and what it finds. */
import type { Address, Prefix } from '../../core/address.js';
import type { EvidenceRule, WeighedAttempt } from '../../core/decision.js';
import { ALLOWANCE_MAX } from '../../core/limits.js';
import { type Seconds, seconds } from '../../core/time.js';

const HOUR = 3600;
const DAY = 24 * HOUR;

/** The settings of the model; the defaults suit a mail host of any size. */
export interface EvidenceRules {
  /** How long a login of a user vouches for the address and the network that it came from. */
  readonly credit: Seconds;
  /** So often at most a failure of a user with credit counts for the address. */
  readonly creditPause: Seconds;
  /** Points at which an address is banned, and the time in which points lose half their weight. */
  readonly slowPoints: number;
  readonly slowHalfLife: Seconds;
  /** Points of a failure for a name that nobody has ever logged in with. */
  readonly unknownPoints: number;
  /**
   * Points of a failure for a second name and every further one, of an address without credit for
   * it.
   */
  readonly anotherNamePoints: number;
  /** Users on whom one password is tried within a day that make it a spray, and its points. */
  readonly sprayUsers: number;
  readonly sprayPoints: number;
  /** Offenders of one prefix within `subnetSpan` that ban the prefix; 0 is off. */
  readonly subnetOffenders: number;
  readonly subnetSpan: Seconds;
  /**
   * Addresses without credit that fail for one user within `userSpan` and make the user "under
   * attack"; 0 is off.
   */
  readonly userOffenders: number;
  readonly userSpan: Seconds;
  /**
   * Addresses that try a name nobody ever logged in with, within `deadNameSpan`, and make the name
   * dead; 0 is off.
   */
  readonly deadNameOffenders: number;
  readonly deadNameSpan: Seconds;
  /** For so long after the first event no name is held for one that nobody logs in with. */
  readonly learning: Seconds;
  /** Networks from which one user logs in within a day that make an alarm; 0 is off. */
  readonly takeoverNetworks: number;
  /** Names that no honest client uses: one failure bans. In lower case. */
  readonly honeypot: ReadonlySet<string>;
}

export const DEFAULT_RULES: EvidenceRules = {
  credit: seconds(30 * DAY),
  creditPause: seconds(6 * HOUR),
  slowPoints: 5,
  slowHalfLife: seconds(7 * DAY),
  unknownPoints: 2,
  anotherNamePoints: 2,
  sprayUsers: 8,
  sprayPoints: 3,
  subnetOffenders: 6,
  subnetSpan: seconds(7 * DAY),
  userOffenders: 8,
  userSpan: seconds(DAY),
  deadNameOffenders: 5,
  deadNameSpan: seconds(14 * DAY),
  learning: seconds(3 * DAY),
  takeoverNetworks: 6,
  honeypot: new Set(),
};

/** One failed or successful login, as a filter tells of it. */
export interface Attempt {
  readonly user?: WeighedAttempt['user'] | undefined;
  readonly cause?: WeighedAttempt['cause'] | undefined;
  readonly digest?: WeighedAttempt['digest'] | undefined;
  readonly isSpray?: WeighedAttempt['isSpray'] | undefined;
  readonly isOneOfMany?: WeighedAttempt['isOneOfMany'] | undefined;
  readonly isSameGuess?: WeighedAttempt['isSameGuess'] | undefined;
  readonly isRefused?: WeighedAttempt['isRefused'] | undefined;
  readonly isOfAnyService?: WeighedAttempt['isOfAnyService'] | undefined;
  readonly time: WeighedAttempt['time'];
  /** Where it was made: the jail that reads the service's lines. */
  readonly service: WeighedAttempt['jail'];
  readonly address: Address;
  /** What the jail counts the address by: itself, or its IPv6 prefix. */
  readonly target: Prefix;
}

/** Bounds that differ from those of core/limits.ts; for tests. */
export interface EvidenceBounds {
  readonly addresses?: number;
  readonly prefixes?: number;
  readonly names?: number;
  readonly credits?: number;
  readonly guesses?: number;
  readonly rights?: number;
}

/**
 * Rules that ban an address at its first failure, since it takes part in an attack from many. It
 * will come back, a quarter of such addresses after more than four days: it is banned as if it had
 * been so often, and its next failure within days is enough. Nobody honest knows a honeypot.
 */
export const JOINT_BANS: Readonly<Partial<Record<EvidenceRule, number>>> = {
  user: 3,
  'dead-name': 3,
  honeypot: 4,
};

/** A ban that the evidence asks for. */
export interface EvidenceFinding {
  readonly rule: EvidenceRule;
  readonly target: Prefix;
  /** True when other users log in from the address: the ban must stay short, and never grows. */
  readonly isShared: boolean;
  /** True when another user logs in from the address: jails that count bans pass it over. */
  readonly hasOthers: boolean;
  /** See `FailureMeaning`; the points are those of the target. */
  readonly isStorm?: boolean | undefined;
  readonly sum?: number | undefined;
  /** How many points, or failures of the rule `fast`, it took; absent where no number decided. */
  readonly needed?: number | undefined;
  /** True: only the service is to be closed, at which none of those who log in there ever did. */
  readonly isOfService?: boolean | undefined;
}

/** A finding against a service of a shared address, for so many points. */
export function closing(target: Prefix, needed: number): EvidenceFinding {
  return { rule: 'slow', target, needed, isShared: false, hasOthers: true, isOfService: true };
}

/** What people should know of; it bans nobody. */
export interface Alarm {
  /**
   * `under-attack`: many addresses fail for the user. `takeover`: the user logs in as somebody else
   * would.
   */
  readonly kind: 'under-attack' | 'takeover';
  readonly user: string;
  /** Offending addresses, or networks; 0 of a takeover that has a reason. */
  readonly count: number;
  /**
   * Of a takeover that one login showed. `attacked`: many addresses fail for the user, and nothing
   * vouches for this one; `guesser`: it guessed at others before; `insisted`: it guessed at this
   * one alone, for days.
   */
  readonly reason?: 'attacked' | 'guesser' | 'insisted' | undefined;
}

/** What one failure means. */
export interface FailureMeaning {
  /** Points that the failure gave its address; 0 for what a forgetful user does. */
  readonly points: number;
  /** What its address has with them; absent for what gives none. */
  readonly sum?: number;
  /** How often maxretry of a jail is to be taken for this address: 1, more where others log in. */
  readonly allowance: number;
  readonly findings: readonly EvidenceFinding[];
  readonly alarms: readonly Alarm[];
  /**
   * `repeat`: the same wrong password again, which changes nothing; `spray`: one that is tried on
   * many users.
   */
  readonly guess?: 'repeat' | 'spray';
  /** One of more passwords of the user than a device has old ones. */
  readonly isOneOfMany?: true;
  /** Its password had been tried for the user within a day, from wherever. */
  readonly isSameGuess?: true;
  /**
   * All that speaks against the address came at once and for one name: a device that opens several
   * connections with an old password looks like that.
   */
  readonly isStorm?: boolean;
}

/** So many other users with credit make an address a shared one. */
export const SHARED_USERS = 2;

/** Where so many others log in, maxretry is taken so often. */
export function allowanceFor(others: number): number {
  return Math.min(ALLOWANCE_MAX, 1 + others);
}

/** Points of one failure, by what is known of it. */
export function pointsFor(
  { unknownPoints, anotherNamePoints, sprayPoints }: EvidenceRules,
  is: { readonly isUnknown: boolean; readonly isAnother: boolean; readonly isSpray: boolean },
): number {
  return Math.max(
    1,
    is.isUnknown ? unknownPoints : 0,
    is.isAnother ? anotherNamePoints : 0,
    is.isSpray ? sprayPoints : 0,
  );
}
