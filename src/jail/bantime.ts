/** How long a ban is: longer for repeat offenders, and when it is worth extending one in force. */
import type { EvidenceRule } from '../core/decision.js';
import type { JailPolicy } from '../core/specs.js';
import { type EpochMicros, plus } from '../core/time.js';
import {
  BAN_SECONDS_MAX,
  SHARED_BAN_SECONDS_MAX,
  SHARED_SLOW_BAN_SECONDS_MAX,
  STORM_BAN_PART,
  STORM_BAN_SECONDS_MAX,
  STORM_BAN_SECONDS_MIN,
} from '../core/timeouts.js';

/** fail2ban doubles at most this many times. */
const DOUBLINGS_MAX = 20;

/**
 * How long a target with this many earlier bans is banned, in seconds; null for good. The first ban
 * takes bantime as it is; later ones take the formula, at least bantime (exponential), at most
 * maxtime, plus up to rndtime. As fail2ban 1.1 has it (jail.conf(5), `bantime.increment` and
 * below). `random` gives numbers in [0, 1).
 */
export function banSeconds(
  policy: JailPolicy,
  previousBans: number,
  random: () => number,
): number | null {
  const { bantime, increment } = policy;
  if (bantime === null) return null;
  if (increment === undefined || previousBans === 0) return Math.min(bantime, BAN_SECONDS_MAX);
  const { formula, factor, maxtime, rndtime } = increment;
  let length: number = bantime;
  if (formula.kind === 'exponential')
    length = Math.max(bantime, bantime * 2 ** Math.min(previousBans, DOUBLINGS_MAX) * factor);
  else
    length =
      bantime * factor * (formula.list[Math.min(previousBans, formula.list.length - 1)] ?? 1);
  if (maxtime !== null) length = Math.min(length, maxtime);
  return Math.min(length + random() * rndtime, BAN_SECONDS_MAX);
}

/** The same for an address that several users log in from: who fails fast is stopped for longer. */
export function sharedSeconds(usual: number | null, rule: EvidenceRule): number {
  const most = rule === 'fast' ? SHARED_BAN_SECONDS_MAX : SHARED_SLOW_BAN_SECONDS_MAX;
  return Math.min(usual ?? most, most);
}

/** The same for failures that all came at once and for one name. */
export function stormSeconds(usual: number | null): number {
  if (usual === null) return STORM_BAN_SECONDS_MAX;
  const part = Math.max(STORM_BAN_SECONDS_MIN, usual / STORM_BAN_PART);
  return Math.min(usual, part, STORM_BAN_SECONDS_MAX);
}

/** The least that a ban of the jail can last, in seconds; infinity when every ban is for good. */
export function shortestBan(policy: JailPolicy): number {
  const usual = shortestUsual(policy);
  const isLenient = policy.group !== undefined || policy.counts === 'evidence';
  return isLenient ? Math.min(usual, STORM_BAN_SECONDS_MIN) : usual;
}

function shortestUsual({ bantime, increment }: JailPolicy): number {
  if (bantime === null) return Number.POSITIVE_INFINITY;
  if (increment === undefined) return Math.min(bantime, BAN_SECONDS_MAX);
  const { formula, factor, maxtime } = increment;
  const lengths =
    formula.kind === 'exponential'
      ? []
      : formula.list.map((multiple) => bantime * factor * multiple);
  return Math.min(bantime, ...lengths, maxtime ?? BAN_SECONDS_MAX, BAN_SECONDS_MAX);
}

/** When a ban of `length` seconds that is decided now ends. */
export function endOf(now: EpochMicros, length: number | null): EpochMicros | null {
  return length === null ? null : plus(now, length);
}

/**
 * An extension must win at least this share of the ban, else a burst of failures writes a burst of
 * decisions.
 */
const EXTENSION_SHARE = 0.1;
const EXTENSION_SECONDS_MIN = 1;

/**
 * True when moving the end of a ban in force from `until` to `end` is worth a decision: never
 * shorter, and later by a tenth of the ban's length.
 */
export function worthExtending(
  until: EpochMicros | null,
  end: EpochMicros | null,
  length: number | null,
): boolean {
  if (until === null) return false;
  if (end === null || length === null) return true;
  return end >= plus(until, Math.max(EXTENSION_SECONDS_MIN, length * EXTENSION_SHARE));
}
