/** What is said of logins before their password is looked at (docs/policy.md). */

/** What is known of a login before its password is looked at. */
export interface PolicyFacts {
  /** The jail that weighs it; without one nothing else is known. */
  readonly jail?: string;
  /** The jail only watches. */
  readonly isWatching: boolean;
  /** Why the address is never banned. */
  readonly allowed?: string;
  /** The jail whose ban holds the address now. */
  readonly banned?: string;
  /** The user logged in from the address lately, or at least from the network around it. */
  readonly credit?: 'address' | 'network';
  /** Others use the service, and the user never logged in at it from the network lately. */
  readonly isOddService: boolean;
  /** The user's passwords are known, and this is none of them and new from that network. */
  readonly isOtherPassword: boolean;
  /** Other users who did, from the address. */
  readonly others: number;
  /** Points of the address, and at how many it is banned where nobody else logs in. */
  readonly points: number;
  readonly limit: number;
  /** The last guess there lies back so far that its points close it to nobody any more. */
  readonly isQuiet: boolean;
  /** Its failures within findtime, and maxretry. */
  readonly failures: number;
  readonly maxretry: number;
  readonly isUnderAttack: boolean;
  readonly isDeadName: boolean;
  readonly isNewName: boolean;
  readonly isTriedAgain: boolean;
  readonly isHoneypot: boolean;
  /** Enough was seen to say of a user that nothing vouches for him. */
  readonly isLearnt: boolean;
}

/** Why a login is refused before its password is looked at. */
export const REFUSAL_REASONS = [
  'banned',
  'honeypot',
  'under-attack',
  'dead-name',
  'new-name',
  'shared-address',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** A login that was refused. */
export interface RefusalView {
  readonly time: string;
  readonly address: string;
  readonly user?: string;
  readonly protocol?: string;
  readonly reason: RefusalReason;
}
