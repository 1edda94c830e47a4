/**
 * What the move from fail2ban asks of a host (tests put a made-up one in its place), how it waits
 * for it, and how fail2ban-client's answers are read.
 */
import type { ImportedBan } from '../../control/endpoints.js';
import type { ExitCode } from '../../core/errors.js';
import type { Diagnostic } from '../../core/finding.js';

export const BANJOUR = 'banjour.service';
export const COMPANION = 'banjour-companion.service';
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
export function nameOf({
  jail,
  target,
}: {
  readonly jail: string;
  readonly target: string;
}): string {
  return `${jail} ${target}`;
}

/** A ban that Banjour has. */
export interface OwnBan {
  readonly jail: string;
  readonly target: string;
  readonly state: 'wanted' | 'in-force' | 'refused' | 'ended';
}

/** An address that is not banned, and why: by intention, or because the kernel refused. */
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
  /**
   * Aborts what is waited for: the administrator wants it over. Absent while the move is taken
   * back.
   */
  patience: AbortSignal | undefined;
  /** Why the move cannot even begin here, or undefined; nothing is changed. */
  obstacle(): Obstacle | undefined;
  /**
   * Keeps every other move off until what it returns is called. Throws `OperatorError` while one is
   * under way.
   */
  claim(): () => void;
  unit(name: string): Promise<UnitState>;
  /**
   * `systemctl WORDS`. Throws `OperatorError` with its words, and with those of the unit's journal,
   * when it fails.
   */
  order(...words: readonly string[]): Promise<void>;
  /**
   * Processes of a fail2ban that is not the one of fail2ban.service: of a container, or started by
   * hand.
   */
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
  /**
   * Keeps what the move may change of Banjour's files; with `ledger` the ledger too, which no agent
   * holds then.
   */
  keepFiles(ledger: boolean): void;
  /** Puts back what was kept. */
  restoreFiles(): void;
  /** What was kept is not needed any more. */
  forgetFiles(): void;
  pause(milliseconds: number): Promise<void>;
  now(): number;
}

// Waiting for what another program has to get done, as long as it gets on.

/** Between two looks at what is waited for, ms. */
export const LOOK_MS = 200;
/** While fail2ban puts bans in force, one comes at least as often as this, ms. */
export const RESTORE_MS = 15_000;

/**
 * Waits until `count` is nothing, or has not become less for some time; resolves with what is left.
 */
export async function countDown(
  host: Pick<SwitchHost, 'now' | 'pause'>,
  count: () => Promise<number>,
  patienceMs: number,
): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  let since = host.now();
  for (;;) {
    const left = await count();
    if (left === 0) return 0;
    if (left < least) {
      least = left;
      since = host.now();
    }
    if (host.now() - since > patienceMs) return left;
    await host.pause(LOOK_MS);
  }
}

// What fail2ban-client 1.0 and 1.1 answer, read.

/** The jails of `fail2ban-client status`. */
export function jailsOf(text: string): string[] {
  const list = /Jail list:\s*(.*)$/m.exec(text)?.[1] ?? '';
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** `192.0.2.1 \t2026-01-31 12:00:00 + 600 = 2026-01-31 12:10:00`, local times; -1 for good. */
const BAN = /^(\S+)\s+(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) \+ (-?\d+) = /;

/**
 * The bans of `fail2ban-client get JAIL banip --with-time`, those that are over at `now` (ms) left
 * out.
 */
export function bansOf(jail: string, text: string, now: number): ImportedBan[] {
  return text.split('\n').flatMap((line) => {
    const [, target, date, time, length] = BAN.exec(line.trim()) ?? [];
    if (target === undefined) return [];
    const begun = new Date(`${date}T${time}`).getTime();
    const until = length === '-1' ? null : begun + Number(length) * 1000;
    if (Number.isNaN(begun) || (until !== null && until <= now)) return [];
    return [
      {
        jail,
        target,
        // fail2ban rounds to the next second.
        time: new Date(Math.min(begun, now)).toISOString(),
        until: until === null ? null : new Date(until).toISOString(),
        failures: 0,
        previousBans: 0,
      },
    ];
  });
}

/** True when `fail2ban-client get dbfile` names a file. */
export function hasDatabase(text: string): boolean {
  return /^`-\s*\//m.test(text);
}

/**
 * The addresses and prefixes in a listing of rules, whatever program printed it; Banjour's own
 * tables left out.
 */
export function addressesIn(listing: string): Set<string> {
  const others = listing.replace(/^table \S+ banjour \{\n[\s\S]*?^\}\n?/gm, '');
  return new Set(others.match(/[\da-fA-F]*[.:][\da-fA-F.:]+(?:\/\d+)?/g) ?? []);
}
