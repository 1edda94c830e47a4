/** What is said of those who attack together, and of users (docs/detection.md). */
import type { EvidenceRule } from '../core/decision.js';
import type { AlarmView } from '../core/figures.js';
import type { RefusalView } from './policy-views.js';

/** The rules that look at several addresses together. */
export type OffenderRule = Extract<EvidenceRule, 'subnet' | 'user' | 'dead-name'>;

/** An address, or an IPv6 prefix, that failed with others. */
export interface OffenderView {
  readonly target: string;
  readonly attempts: number;
  /** How many names it tried, and two of them at most; strangers' texts. */
  readonly names: number;
  readonly users: readonly string[];
  readonly first: string;
  readonly last: string;
  /** The jail whose ban holds it now; absent: none does. */
  readonly banned?: string;
  /** The newest of its entries that is still counted; absent: none is. */
  readonly cursor?: string;
}

/** Those who failed in one network or for one user. */
export interface OffendersView {
  /** The jail that weighs, and its rule. */
  readonly jail: string;
  readonly rule: OffenderRule;
  /** The network in which they are; of the other rules the name for which they failed. */
  readonly network?: string;
  readonly user?: string;
  /** When the ban was decided for which they counted; absent: they count now. */
  readonly decided?: string;
  readonly spanSeconds: number;
  /** So many within the span make it an attack; absent where no number of them does. */
  readonly needed?: number;
  /** How many there are; those that failed last are named. */
  readonly found: number;
  readonly offenders: readonly OffenderView[];
}

/** A network from which a user logged in. */
export interface UserNetworkView {
  readonly network: string;
  /** The last login from it: from where, at the service of which jail, when. */
  readonly address: string;
  readonly service: string;
  readonly last: string;
}

/** A user, as a jail that weighs sees it. */
interface WeighedUserView {
  readonly jail: string;
  /** Each further address that fails for the user is banned at once, and since when that is so. */
  readonly isUnderAttack: boolean;
  readonly attackedSince?: string;
  /** Nobody logs in with the name, and many addresses try it. */
  readonly isDeadName: boolean;
  readonly isHoneypot: boolean;
  /** Who fails for the user now. */
  readonly offenders: OffendersView;
  /** How many networks vouch for the user, and those with the newest logins. */
  readonly networks: number;
  readonly credit: readonly UserNetworkView[];
}

/** All that is known of a user. */
export interface UserView {
  readonly user: string;
  readonly jails: readonly WeighedUserView[];
  /** The newest first. */
  readonly alarms: readonly AlarmView[];
  /** Logins that were refused before their password was looked at, newest first. */
  readonly refusals: readonly RefusalView[];
}
