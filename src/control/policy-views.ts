/** What is said of logins before their password is looked at (docs/policy.md). */
import type { LoginFacts } from '../core/evidence.js';

/** What is known of a login before its password is looked at; limits are those for strangers. */
export interface PolicyFacts extends LoginFacts {
  /** The jail that weighs it; without one nothing else is known. */
  readonly jail?: string;
  /** The jail only watches. */
  readonly isWatching: boolean;
  /** Why the address is never banned. */
  readonly allowed?: string;
  /** The jail whose ban holds the address now. */
  readonly banned?: string;
  /** Failures of the address within findtime, and maxretry. */
  readonly failures: number;
  readonly maxretry: number;
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
