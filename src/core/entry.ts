/**
 * Journal entries as the stages see them, the sources they come from, lines that journald broke,
 * and users who write entries.
 */
import { ORIGINS_KNOWN_MAX } from './limits.js';
import { type MatchExpression, matches } from './match.js';
import type { Cursor, SourceId } from './names.js';
import type { EpochMicros } from './time.js';

/**
 * One entry that passed the literal gate. Every text in it may have been written by an attacker.
 * Texts are decoded as UTF-8 with invalid bytes replaced by U+FFFD.
 */
export interface Entry {
  readonly cursor: Cursor;
  /** `__REALTIME_TIMESTAMP`: when journald received the entry. */
  readonly realtime: EpochMicros;
  /** The MESSAGE field; several are joined by one blank. At most `MESSAGE_CHARS_MAX` characters. */
  readonly message: string;
  /**
   * Set when MESSAGE was longer than its bound: index in `message` of the newline that stands
   * between the kept head and the kept tail. No match may reach across it.
   */
  readonly cutAt?: number;
  /**
   * The other fields that were asked for, the first value of each, each at most `FIELD_CHARS_MAX`
   * characters.
   */
  readonly fields: EntryFields;
  /** The message is the whole line of a text file, without its date: no header is put before it. */
  readonly whole?: true;
  /** Sources of other hosts: who reported it. As trustworthy as that host. */
  readonly host?: string;
}

/** Fields by name, the first value of each. */
export interface EntryFields extends ReadonlyMap<string, string> {
  /**
   * The same object for entries of which all fields but `VARYING_FIELDS` are equal, as they are for
   * most entries of a service; absent where nobody has looked.
   */
  readonly origin?: object | undefined;
}

/**
 * What was found out about origins, the newest ones: what all entries of a service have in common
 * is looked up once.
 */
export class OriginCache<T extends object> {
  readonly #known = new Map<object, T>();
  #latest: object | undefined;
  #ofLatest: T | undefined;

  get(origin: object): T | undefined {
    if (origin === this.#latest) return this.#ofLatest;
    const known = this.#known.get(origin);
    if (known !== undefined) {
      this.#latest = origin;
      this.#ofLatest = known;
    }
    return known;
  }

  set(origin: object, value: T): void {
    if (this.#known.size >= ORIGINS_KNOWN_MAX) this.#known.clear();
    this.#known.set(origin, value);
    this.#latest = origin;
    this.#ofLatest = value;
  }
}

/** Fields that differ between entries of one service. */
export const VARYING_FIELDS: ReadonlySet<string> = new Set([
  '_PID',
  'SYSLOG_PID',
  '_SOURCE_MONOTONIC_TIMESTAMP',
  '__MONOTONIC_TIMESTAMP',
]);

/**
 * The cheap test that decides for which entries more than MESSAGE is read: an entry whose MESSAGE
 * contains none of the ASCII literals concerns no jail. Undefined literals let every entry pass.
 */
export interface Gate {
  readonly literals: readonly string[] | undefined;
  /** Names of the fields that passing entries must carry. */
  readonly fields: readonly string[];
  /**
   * Which literals matter in whose entries. A source that can tell cheaply may leave out an entry
   * that none of them takes: half of what has a literal has one of another service's.
   */
  readonly routes?: readonly GateRoute[];
}

/**
 * Entries of the match whose MESSAGE contains one of the literals; undefined literals stand for any
 * text.
 */
export interface GateRoute {
  readonly match: MatchExpression;
  readonly literals: readonly string[] | undefined;
}

/** Where reading starts. */
export type Position =
  | { readonly at: 'head' }
  /** After the last entry that exists now. */
  | { readonly at: 'tail' }
  /**
   * At the first entry received at or after this time. `mark` is where reading ended last: nothing
   * after it may be left out, also where a stream's own time lies before `time` or its entries have
   * no time.
   */
  | { readonly at: 'time'; readonly time: EpochMicros; readonly mark?: ReadPosition }
  /** After the entry of this cursor; `time` is that entry's and serves when the entry is gone. */
  | { readonly at: 'cursor'; readonly cursor: Cursor; readonly time: EpochMicros };

/** The last entry that was read, whether it passed the gate or not. */
export interface ReadPosition {
  readonly cursor: Cursor;
  readonly time: EpochMicros;
}

/** What `open` found. */
export interface OpenReport {
  /**
   * True when the wanted cursor no longer exists (vacuumed, foreign): reading goes on at its time,
   * entries may be missing.
   */
  readonly gap: boolean;
}

/** What one `next` read. */
export interface Batch {
  /** The entries that passed the gate, oldest first. */
  readonly entries: readonly Entry[];
  /** Entries read, passed or not. */
  readonly read: number;
  /**
   * MESSAGEs longer than their bound among them, and entries that begin in the middle of a line.
   */
  readonly cut: number;
  /** Entries that could not be read (corrupt) and were passed over. */
  readonly unreadable: number;
  /**
   * Nothing up to here is left to be judged. Absent when nothing was read, and while entries
   * before the last one may be missing. A source of several streams also says where a new one
   * begins.
   */
  readonly position?: ReadPosition;
  /** The last entry that was read; absent where it is the position's. */
  readonly reached?: ReadPosition;
  /**
   * Entries were read, and none is of the match: what is logged concerns no jail. Only a source
   * says so that has to read all there is.
   */
  readonly isOfOthers?: true;
  /** True when the source has ended for good (a file or stream); a live journal never ends. */
  readonly ended: boolean;
  /** Things an operator should know, e.g. rotation with a lost position; rare. */
  readonly notices: readonly string[];
}

/** One of the streams that a source is made of: a host's journal, a text file. For `status`. */
export interface StreamView {
  /** File or host name. */
  readonly name: string;
  /** `_HOSTNAME` and `_MACHINE_ID` of its entries. */
  readonly host?: string;
  readonly machineId?: string;
  readonly entriesRead: number;
  readonly lastEntry?: EpochMicros;
}

/**
 * A source of entries. Synchronous on purpose: libsystemd wants one thread per handle for life
 * (sd_journal_open(3), "Notes"), so a source lives in the thread that made it. Contract suite:
 * test/journal/contract.ts.
 *
 * - `open` may be called once. It selects the entries of `match` and goes to `position`.
 * - `next` never blocks; at most `max` entries are read. `read: 0` with `ended: false` means:
 *   nothing new yet.
 * - `poll` is called when idle: lets the source notice rotation, vacuum and new files. Cheap enough
 *   for every idle turn.
 * - `wait`, where a source has it, is called when idle and blocks the thread: it looks every
 *   `interval` milliseconds, and returns true when there may be something to read, `most`
 *   milliseconds have passed, the descriptor `orders` (an eventfd, which it empties) was written
 *   to, or for no reason; false at once when it cannot wait, and the caller has to sleep.
 * - `close` may be called at any time, also twice; everything after it throws `ERR_JOURNAL_CLOSED`.
 * - Every entry is delivered once, in journal order, across rotation, vacuum and INVALIDATE; but
 *   for one that begins in the middle of a daemon's line (`goesOn`), which is no line and
 *   is left out.
 */
export interface EntrySource {
  readonly id: SourceId;
  open(match: MatchExpression, gate: Gate, position: Position): OpenReport;
  next(max: number): Batch;
  poll(): void;
  wait?(interval: number, most: number, orders?: number): boolean;
  /**
   * How much of what was stored at `open` has been read, 0 to 1; undefined where that is not known
   * (a pipe). For a progress bar.
   */
  progress?(): number | undefined;
  close(): void;
  /**
   * The match with its wildcards replaced by values that are there now; the source may open its
   * journal for it. For one who looks at what is stored and goes away: values are cheap to select.
   */
  expanded?(match: MatchExpression): MatchExpression;
  /** What it is made of; absent when it is one stream. */
  streams?(): readonly StreamView[];
  /**
   * The entry of a cursor, where seeking by time does not find it. May be called without `open`.
   */
  find?(cursor: Cursor): Entry | undefined;
}

/** Which source to make; plain data, so that it can cross a thread boundary. */
export type SourceSpec =
  | { readonly kind: 'local'; readonly namespace?: string }
  | { readonly kind: 'directory'; readonly path: string }
  /**
   * A directory that systemd-journal-remote(8) fills: one stream per host, entries late and out of
   * order.
   */
  | { readonly kind: 'remote'; readonly path: string }
  /** The journal of a container of this host, by the name that machinectl(1) shows. */
  | { readonly kind: 'container'; readonly name: string }
  | { readonly kind: 'text'; readonly logs: readonly TextLog[] }
  | { readonly kind: 'files'; readonly paths: readonly string[] }
  /**
   * journalctl's export format (systemd.journal-fields(7), "Journal Export Format") from a file or
   * `-`.
   */
  | { readonly kind: 'export'; readonly path: string };

/** A text file, or all that a glob names. Its entries have `key` in the field `TEXT_LOG_FIELD`. */
export interface TextLog {
  /** The path and, where it is not the usual, how it is read. */
  readonly key: string;
  readonly path: string;
  /** Where a file that is there at a first start is read from. */
  readonly from: 'head' | 'tail';
  /** A label of the WHATWG Encoding Standard, or `auto`. */
  readonly encoding: string;
  /** Offset of times that state no zone, e.g. `UTC+0200`; the machine's zone when null. */
  readonly timezone: string | null;
  readonly datepattern?: string;
}

/**
 * The field by which entries of text files find their jails; journald lets nobody set a field like
 * it.
 */
export const TEXT_LOG_FIELD = '_LOGPATH';

// One line of a daemon in several entries. journald breaks what a service prints at 48 KiB
// (`LineMax=`), at a NUL, and where another process of the service prints in between
// (systemd.journal-fields(7), `_LINE_BREAK`, since systemd 235 and 246); Docker and podman break a
// container's at 16 KiB. Only the first of these entries begins with the daemon's words: whoever
// made the line long chose how the others begin.

/** Fields that tell that an entry's line goes on in another. */
export const GOES_ON_FIELDS = ['_LINE_BREAK', 'CONTAINER_PARTIAL_MESSAGE'] as const;

/**
 * Values of `_LINE_BREAK` behind which the line goes on; `eof` is the end of all that was printed.
 */
export const LINE_BREAKS = ['nul', 'line-max', 'pid-change'] as const;

/** Whether the entry's line goes on in another one: its end is not the line's. */
export function goesOn(field: (name: string) => string | undefined): boolean {
  const lineBreak = field('_LINE_BREAK');
  if (lineBreak !== undefined) return LINE_BREAKS.some((value) => value === lineBreak);
  return field('CONTAINER_PARTIAL_MESSAGE') === 'true';
}

// The user who wrote an entry, by its `_UID`: the kernel tells journald (SCM_CREDENTIALS), so no
// process can have another's. A unit alone does not tell a daemon from a user's command that the
// daemon runs: `.forward` pipes, commands of an ssh session without pam_systemd, jobs of cron.

/** First user of people (`UID_MIN` of login.defs(5)). */
const FIRST = 1_000;
/**
 * Last of them, homes of systemd-homed included (systemd.io/UIDS-GIDS). Above stand services,
 * nobody, dynamic users.
 */
const LAST = 60_513;
/** From here on: users of directories, and of containers' user namespaces. */
const FIRST_OF_DIRECTORIES = 65_536;

/**
 * True when the user is none of the system's own: any person, or a container. False when nothing is
 * known of it.
 */
export function isOrdinaryUser(uid: string | undefined): boolean {
  if (uid === undefined || !/^\d{1,10}$/.test(uid)) return false;
  const number = Number(uid);
  return (number >= FIRST && number <= LAST) || number >= FIRST_OF_DIRECTORIES;
}

/** What of a match selects entries of ordinary users: the groups that name their `_UID`. */
export function usersPartOf({ groups }: MatchExpression): MatchExpression {
  return { groups: groups.filter((group) => group.has('_UID')) };
}

/**
 * True when an entry with these fields is wanted, where ordinary users are heard only by a group
 * that names `_UID`.
 */
export function matchesSystem(
  match: MatchExpression,
  field: (name: string) => string | undefined,
): boolean {
  return matches(isOrdinaryUser(field('_UID')) ? usersPartOf(match) : match, field);
}
