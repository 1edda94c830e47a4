/**
 * What the administrator's files say, checked and complete: no value is missing, everything knows
 * where it came from.
 */

import type { SourceSpec } from '../core/entry.js';
import type { Diagnostic, FilePosition } from '../core/finding.js';
import type { LogLevel } from '../core/log.js';
import type { JailName } from '../core/names.js';
import type { SecretSource } from '../core/secrets.js';
import type {
  AllowSpec,
  AllowTerm,
  FilterDefinition,
  FirewallPlan,
  Hook,
  JailIntake,
  JailPolicy,
  JailRule,
} from '../core/specs.js';
import type { Seconds } from '../core/time.js';

export interface Settings {
  readonly loglevel: LogLevel;
  /** `journal` is structured, native; `stderr` and `stdout` are lines; anything else is a file. */
  readonly logtarget: 'journal' | 'stderr' | 'stdout' | { readonly file: string };
  /** `no`: IPv6 addresses are neither counted nor banned. */
  readonly allowipv6: 'auto' | 'yes' | 'no';
  /** How long ended bans are remembered: history, increments, recidive. */
  readonly dbpurgeage: Seconds;
  /** The ledger; null when fail2ban's `dbfile = None` asks for none (kept in memory). */
  readonly dbfile: string | null;
}

/** One text file (or glob) of a jail. */
export interface LogPath {
  readonly path: string;
  /** Where a file that is new to the agent is read from. */
  readonly from: 'head' | 'tail';
}

/** Where a jail's lines come from. */
export type JailSource =
  | {
      readonly kind: 'journal';
      readonly spec: SourceSpec;
      /** Files that are named too, and believed to be copies of the journal. */
      readonly unread?: readonly LogPath[];
    }
  /** Nowhere: the jail counts the bans of the others (recidive). */
  | { readonly kind: 'ledger' }
  /** Nowhere: the jail weighs what the jails of its group find (evidence). */
  | { readonly kind: 'group' }
  /** Nowhere: the jail has no regex, and holds what is banned by hand. */
  | { readonly kind: 'hand' }
  | {
      readonly kind: 'text';
      readonly paths: readonly LogPath[];
      /** A label of the WHATWG Encoding Standard, or `auto`. */
      readonly encoding: string;
      /** Offset of times that state no zone, e.g. `UTC+0200`; the machine's zone when null. */
      readonly timezone: string | null;
    };

/** Whom to tell about a jail's bans. The companion reads the files that it names. */
export type NotifySpec =
  | {
      readonly kind: 'mail';
      /** What the mail holds: the ban, whois data too, log lines too. */
      readonly style: 'plain' | 'whois' | 'whois-lines';
      /** The service's name in the subject. */
      readonly name: string;
      readonly dest: string;
      readonly sender: string;
      readonly sendername: string;
    }
  | {
      readonly kind: 'webhook' | 'slack';
      readonly url: SecretSource;
      readonly secretFile: string | null;
    }
  | { readonly kind: 'exec'; readonly argv: readonly string[] };

/** A value as people read it, and where it was written. */
export interface Setting {
  readonly text: string;
  readonly place: FilePosition;
}

export interface JailConfig {
  readonly name: JailName;
  /** With source `ledger` or `hand`: selects no entry. */
  readonly intake: JailIntake;
  readonly policy: JailPolicy;
  readonly rule: JailRule;
  readonly hook: Hook;
  readonly source: JailSource;
  /** Additional to the global terms. */
  readonly allow: readonly AllowTerm[];
  /** Entries remembered with a ban, 0 to `EVIDENCE_CURSORS_MAX`. */
  readonly maxmatches: number;
  /**
   * Asked before a ban, without a shell; exit code 0 forbids it. `<ip>` and its kin are still in
   * it: each ban fills in its own values.
   */
  readonly ignorecommand: readonly string[] | null;
  readonly notify: readonly NotifySpec[];
  /** Every key of the schema in force in this jail, as written, and its place. */
  readonly origins: ReadonlyMap<string, Setting>;
}

export interface Config {
  readonly settings: Settings;
  /** The enabled jails, in the order of the files. */
  readonly jails: readonly JailConfig[];
  /** Names of sections that are not enabled. */
  readonly disabled: readonly string[];
  /** `allow` in it is empty: the allow stage knows the addresses. */
  readonly firewall: FirewallPlan;
  readonly allow: AllowSpec;
  /** Every key of `banjour.conf` in force and its place. */
  readonly origins: ReadonlyMap<string, Setting>;
  /** The files that were read, in order. */
  readonly files: readonly string[];
}

export interface ConfigResult {
  /** Absent when there are errors. */
  readonly config?: Config;
  /**
   * Filters of the jails that read entries, as far as they could be read: also when there are
   * errors.
   */
  readonly filters: readonly FilterDefinition[];
  /** All there is to say, errors, warnings and notes, in the order of discovery. */
  readonly diagnostics: readonly Diagnostic[];
}
