/** What filters find, what the jails and operators decide, and what became of it. */
import { type Address, formatPrefix, type Prefix } from './address.js';
import type { Cursor, JailName } from './names.js';
import type { ShareOrigin } from './share.js';
import type { EpochMicros } from './time.js';

/** What a filter may know of a failure: there is no such user; there is, with another password. */
export type FailureCause = 'unknown-user' | 'wrong-password';

/**
 * What a filter says about an entry: a failure (or a success) of somebody, once or several times.
 */
export interface FilterEvent {
  readonly kind: 'failure' | 'success';
  readonly jail: JailName;
  /** Checked and normalised; a match whose address is not one never becomes an event. */
  readonly address: Address;
  /** Attacker's text: escape before showing. */
  readonly user?: string;
  /** Absent: a success, or the line does not say. */
  readonly cause?: FailureCause;
  /**
   * Stands for the password that was tried, equal for equal ones: the first
   * `DIGEST_CHARS_KEPT_MAX` hexadecimal digits of the server's own digest. Never the password.
   */
  readonly digest?: string;
  /** The host that reported it, of sources of other hosts: its own text, escape before showing. */
  readonly host?: string;
  /** Names the connection of a failure, where its line does. */
  readonly session?: string;
  /** True: it was refused before anybody looked at the password. */
  readonly isRefused?: boolean;
  /** Attempts that the entry reports; at least 1, at most `EVENT_COUNT_MAX`. */
  readonly count: number;
  /** The entry's time; windows count in it. */
  readonly time: EpochMicros;
  readonly cursor: Cursor;
  /** Index of the failregex (successregex) that matched, from 0, as `banjour explain` names it. */
  readonly regex: number;
}

/** A failed or successful login as the ledger remembers it for a jail that weighs evidence. */
export interface WeighedAttempt extends FilterEvent {
  /** It weighed as one of many users on whom a password was tried. */
  readonly isSpray?: boolean;
  /** It was one of more passwords of its user than a device has old ones. */
  readonly isOneOfMany?: boolean;
  /** Its password had been tried for the user within a day, from wherever. */
  readonly isSameGuess?: boolean;
  /**
   * A login that an older version wrote: the first of six hours, whatever services the user logged
   * in at.
   */
  readonly isOfAnyService?: boolean;
}

/**
 * Why a jail that weighs evidence bans. `fast`: the failures at all services of the group together;
 * `slow`: the points of an address; `subnet`: offenders of a prefix; `user`: one more address
 * against a user under attack; `dead-name`: one more for a name that nobody logs in with;
 * `honeypot`.
 */
export type EvidenceRule = 'fast' | 'slow' | 'subnet' | 'user' | 'dead-name' | 'honeypot';

/**
 * Why a ban is shorter than its jail's, or counts for less. `shared`: other users log in from the
 * address; jails that count bans pass it over. `storm`: all failures came at once, for one name, as
 * a device with an old password sends them.
 */
export type Leniency = 'shared' | 'storm';

/**
 * The origin of a decision: a jail, a person, an import from fail2ban, or another host that shares
 * its bans.
 */
export type Origin = 'journal' | 'operator' | 'import' | 'shared';

/**
 * Ban `target` in `jail` until `until`. A second one for a target in force extends (or shortens)
 * it.
 */
export interface BanDecision {
  readonly kind: 'ban';
  readonly jail: JailName;
  readonly target: Prefix;
  /** When it was decided, by the source's clock. */
  readonly time: EpochMicros;
  /** When it ends; null is never. */
  readonly until: EpochMicros | null;
  /** Failures that were counted; 0 for an operator's ban. */
  readonly failures: number;
  /** Cursors of the entries that were counted, newest last, at most `EVIDENCE_CURSORS_MAX`. */
  readonly evidence: readonly Cursor[];
  /** Failures that were counted of each of these entries. */
  readonly counts?: readonly number[];
  /**
   * What it took: so many failures, or of the rule `slow` points. `maxretry` of the jail, or more
   * where others log in from the target; absent where no number decided.
   */
  readonly needed?: number;
  /**
   * Of a jail that weighs evidence: the points of each of these entries, and all that the target
   * had at the decision, faded ones too.
   */
  readonly weights?: readonly number[];
  readonly points?: number;
  /** The user of the last failure; attacker's text. */
  readonly user?: string;
  /**
   * The host that reported the last failure, when it was another one; of a shared ban the host that
   * decided. Another host's text.
   */
  readonly host?: string;
  /** Of a shared ban: who decided there, and why; the reason is another host's text. */
  readonly source?: ShareOrigin;
  readonly scenario?: string;
  readonly origin: Origin;
  /**
   * The person who banned, as the program that asked says: a user of the system; at most
   * `OPERATOR_CHARS_MAX` characters.
   */
  readonly by?: string;
  /** How many times this target was banned before in this jail (or all, with overalljails). */
  readonly previousBans: number;
  /** Of a jail that weighs evidence. */
  readonly rule?: EvidenceRule;
  /** Of a jail whose failures are weighed, or that weighs them. */
  readonly leniency?: Leniency;
}

/** Lift the ban of `target`, in one jail or (without) in all. */
export interface UnbanDecision {
  readonly kind: 'unban';
  readonly jail?: JailName;
  readonly target: Prefix;
  readonly time: EpochMicros;
  readonly reason: 'expired' | 'operator' | 'reload';
  /**
   * Who lifted it, as the program that asked says: a user of the system; at most
   * `OPERATOR_CHARS_MAX` characters.
   */
  readonly by?: string;
}

export type Decision = BanDecision | UnbanDecision;

/**
 * The life of a ban. `wanted`: decided and in the ledger. `in-force`: the kernel has it. `refused`:
 * the kernel did not take it (reason kept). `ended`: expired or lifted.
 */
export type BanState = 'wanted' | 'in-force' | 'refused' | 'ended';

/**
 * Why a ban ended. Beside an unban's reasons: `replaced` by a later one of the same target; and of
 * bans that were never in force: `lapsed`, its end had passed before the kernel had it, and
 * `ignored`, an ignorecommand forbade it.
 */
export type EndReason = UnbanDecision['reason'] | 'replaced' | 'lapsed' | 'ignored';

/** A ban as the ledger knows it. */
export interface BanRecord extends Omit<BanDecision, 'kind'> {
  /** Rises with every decision; the id of the event stream. */
  readonly id: number;
  readonly state: BanState;
  /** Why the kernel refused; only in state `refused`. */
  readonly refusal?: string;
  /** When and why it ended; only in state `ended`. */
  readonly ended?: { readonly time: EpochMicros; readonly reason: EndReason; readonly by?: string };
}

/** One line of the event stream, of `replay --json` and of the log: what happened to whom. */
export const BANJOUR_EVENTS = [
  'found',
  'ban',
  'unban',
  'ignored',
  'refused',
  'would-ban',
  'takeover',
  'under-attack',
] as const;
export type BanjourEvent = (typeof BANJOUR_EVENTS)[number];

/** Names a ban among those in force: a jail holds at most one of a target. */
export function banKey(jail: string, target: Prefix): string {
  return `${jail} ${formatPrefix(target)}`;
}

/** Up to when failures of a target are settled: after a restart jails do not count them again. */
export interface SettledUpTo {
  /** Absent: all jails. */
  readonly jail?: JailName;
  readonly target: Prefix;
  readonly upTo: EpochMicros;
  /**
   * True: of exactly this target (its ban was decided or ended); false: of all that overlap it (an
   * operator's unban).
   */
  readonly exact: boolean;
}
