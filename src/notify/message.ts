/** What banjour-notify tells: bans, and whom. */
import type { BanView } from '../control/protocol.js';

/** The ways to tell somebody. */
export type Channel = 'mail' | 'webhook' | 'slack' | 'exec';

/** A ban to tell of, with what was found out about it. Every text may be an attacker's. */
export interface BanNews {
  readonly ban: BanView;
  /** Entries that were counted, oldest first, one line each. Empty when they are not wanted or are gone. */
  readonly lines: readonly string[];
  /** What whois says of the address; absent when not asked for or not answered. */
  readonly whois?: string;
}
