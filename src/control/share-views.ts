/** What is said of bans that hosts share. */
import type { ShareOrigin } from '../core/share.js';

/** What became of decisions of other hosts. */
export interface ShareAnswer {
  /** Taken, or known already. */
  readonly taken: number;
  /** Lifted, also those that a complete list did not have any more. */
  readonly lifted: number;
  /** The first of those that were refused; `refusedCount` counts them all. */
  readonly refused: readonly { readonly target: string; readonly why: string }[];
  readonly refusedCount: number;
}

/** What this host takes of others and gives to them, and what came. */
export interface ShareView {
  /** False: there is no jail `shared`, and nothing is taken. */
  readonly enabled: boolean;
  readonly accept: readonly ShareOrigin[];
  /** The longest that a shared ban may last, seconds. */
  readonly bantimeMaxSeconds: number;
  /** The shortest prefixes that are taken, IPv4 and IPv6. */
  readonly prefix: readonly [number, number];
  /** Jails whose bans others are told of, and whether an operator's of any jail. */
  readonly publish: { readonly jails: readonly string[]; readonly operator: boolean };
  /** The engine that the last decisions came through, and when. */
  readonly engine?: string;
  readonly last?: string;
  /** Shared bans in force, by host and origin, most first. */
  readonly inForce: readonly {
    readonly host: string;
    readonly origin: string;
    readonly bans: number;
  }[];
  /** Addresses and prefixes of lists in force, and how many there may be. */
  readonly lists: { readonly inForce: number; readonly max: number; readonly complete: boolean };
  /** Since the start of the agent: decisions that were taken, and refused, by reason. */
  readonly taken: number;
  readonly refused: Readonly<Record<string, number>>;
}
