/** Bans that hosts share: where they come from, and what a host takes and tells. */
import { type JailName, mustJailName } from './names.js';
import type { Seconds } from './time.js';

/** The jail of what other hosts decided. */
export const SHARED_JAIL = mustJailName('shared');
/** What lists brought is told apart in the kernel by this name; no jail may have it. */
export const LISTS_JAIL = mustJailName('shared.lists');

/**
 * Where a decision of another host comes from: another Banjour, a CrowdSec agent, an operator
 * there, or a list, of which there are very many.
 */
export const SHARE_ORIGINS = ['banjour', 'crowdsec', 'cscli', 'lists'] as const;
export type ShareOrigin = (typeof SHARE_ORIGINS)[number];

/** What the jail `shared` takes and tells. */
export interface SharePolicy {
  readonly accept: readonly ShareOrigin[];
  /** No shared ban lasts longer from when it came. */
  readonly bantimeMax: Seconds;
  /** The shortest prefixes that are taken, IPv4 and IPv6. */
  readonly prefix: readonly [number, number];
  /** Jails whose bans others are told of, and whether an operator's of any jail. */
  readonly publish: { readonly jails: readonly JailName[] | 'all'; readonly operator: boolean };
}
