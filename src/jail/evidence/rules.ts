/** What the evidence model goes by, and what it finds. */
import type { Prefix } from '../../core/address.js';
import type { EvidenceRule } from '../../core/decision.js';
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
  /** Points of a failure for a second name and every further one, of an address without credit for it. */
  readonly anotherNamePoints: number;
  /** Offenders of one prefix within `subnetSpan` that ban the prefix; 0 is off. */
  readonly subnetOffenders: number;
  readonly subnetSpan: Seconds;
  /** Addresses without credit that fail for one user within `userSpan` and make the user "under attack"; 0 is off. */
  readonly userOffenders: number;
  readonly userSpan: Seconds;
  /** Addresses that try a name nobody ever logged in with, within `deadNameSpan`, and make the name dead; 0 is off. */
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

/** A ban that the evidence asks for. */
export interface Finding {
  readonly rule: EvidenceRule;
  readonly target: Prefix;
  /** True when other users log in from the address: the ban must stay short, and never grows. */
  readonly isShared: boolean;
}

/** What people should know of; it bans nobody. */
export interface Alarm {
  /** `under-attack`: many addresses fail for the user. `takeover`: the user logs in as somebody else would. */
  readonly kind: 'under-attack' | 'takeover';
  readonly user: string;
  /** Offending addresses, or networks. */
  readonly count: number;
}

/** What one failure means. */
export interface FailureMeaning {
  /** Points that the failure gave its address; 0 for what a forgetful user does. */
  readonly points: number;
  /** How often maxretry of a jail is to be taken for this address: 1, more where others log in. */
  readonly allowance: number;
  readonly findings: readonly Finding[];
  readonly alarms: readonly Alarm[];
}
