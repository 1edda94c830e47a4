/** What the move from fail2ban asks of a host; tests put a made-up one in its place. */
import type { ImportedBan } from '../../control/protocol.js';
import type { ExitCode } from '../../core/errors.js';
import type { Diagnostic } from '../../core/finding.js';

export const BANJOUR = 'banjour.service';
export const NOTIFY = 'banjour-notify.service';
export const FAIL2BAN = 'fail2ban.service';

/** The administrator wants it over: Ctrl-C, SIGTERM, a terminal that is gone. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor() {
    super('it was interrupted');
  }
}

/** A unit in systemd's words (`LoadState`, `ActiveState`, `UnitFileState`). */
export interface UnitState {
  readonly load: string;
  readonly active: string;
  readonly file: string;
}

export function isUp({ active }: UnitState): boolean {
  return ['active', 'activating', 'reloading', 'deactivating'].includes(active);
}

export function isOn({ file }: UnitState): boolean {
  return file === 'enabled' || file === 'enabled-runtime';
}

/** A ban's name: one jail, one target. */
export function nameOf({ jail, target }: { readonly jail: string; readonly target: string }): string {
  return `${jail} ${target}`;
}

/** A ban that Banjour has. */
export interface OwnBan {
  readonly jail: string;
  readonly target: string;
  readonly state: 'wanted' | 'in-force' | 'refused' | 'ended';
}

/** Who is not banned, and why: by intention, or because the kernel refused. */
export interface NotBanned {
  readonly jail: string;
  readonly target: string;
  readonly reason: string;
  readonly refused: boolean;
}

export interface Obstacle {
  readonly why: string;
  readonly hint?: string;
  readonly exitCode: ExitCode;
}

export interface SwitchHost {
  /** Aborts what is waited for: the administrator wants it over. Absent while the move is taken back. */
  patience: AbortSignal | undefined;
  /** Why the move cannot even begin here, or undefined; nothing is changed. */
  obstacle(): Obstacle | undefined;
  /** Keeps every other move off until what it returns is called. Throws `OperatorError` while one is under way. */
  claim(): () => void;
  unit(name: string): Promise<UnitState>;
  /** `systemctl WORDS`. Throws `OperatorError` with its words, and with those of the unit's journal, when it fails. */
  order(...words: readonly string[]): Promise<void>;
  /** Processes of a fail2ban that is not the one of fail2ban.service: of a container, or started by hand. */
  strays(): readonly number[];
  /** True when fail2ban's server answers. */
  fail2banAnswers(): Promise<boolean>;
  /** True when it has a database, from which it restores its bans at a start. */
  fail2banRemembers(): Promise<boolean>;
  fail2banJails(): Promise<readonly string[]>;
  /** Bans in force there now. */
  fail2banBans(): Promise<readonly ImportedBan[]>;
  /** Has fail2ban ban these. */
  fail2banBan(bans: readonly Pick<ImportedBan, 'jail' | 'target'>[]): Promise<void>;
  /** What the kernel has of others: the words of every rule and set that is not Banjour's. */
  othersRules(): Promise<ReadonlySet<string>>;
  /** Throws what taking over would throw, and changes nothing. */
  rehearse(): Promise<void>;
  /** Takes over the configuration and the bans of the database; `bans` alone in silence. */
  takeOver(what: 'all' | 'bans'): Promise<void>;
  /** What keeps Banjour from starting, and what else there is to say of its configuration. */
  check(): Promise<readonly Diagnostic[]>;
  /** The jails that Banjour would have with its files as they are. */
  jails(): readonly string[];
  /** True when a jail tells somebody of its bans. */
  notifies(): boolean;
  ownBans(): Promise<readonly OwnBan[]>;
  /** Bans these; resolves with those that are not banned, and why. */
  ownBan(bans: readonly ImportedBan[]): Promise<readonly NotBanned[]>;
  hasTable(): Promise<boolean>;
  removeTable(): Promise<void>;
  /** Keeps what the move may change of Banjour's files; with `ledger` the ledger too, which no agent holds then. */
  keepFiles(ledger: boolean): void;
  /** Puts back what was kept. */
  restoreFiles(): void;
  /** What was kept is not needed any more. */
  forgetFiles(): void;
  pause(milliseconds: number): Promise<void>;
  now(): number;
}
