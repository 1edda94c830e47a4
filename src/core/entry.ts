/** Journal entries as the stages see them, and the sources they come from. */
import type { MatchExpression } from './match.js';
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
   * Set when MESSAGE was longer than its bound: index in `message` of the newline that stands between the kept head
   * and the kept tail. No match may reach across it.
   */
  readonly cutAt?: number;
  /** The other fields that were asked for, the first value of each, each at most `FIELD_CHARS_MAX` characters. */
  readonly fields: ReadonlyMap<string, string>;
}

/**
 * The cheap test that decides for which entries more than MESSAGE is read: an entry whose MESSAGE contains none of
 * the ASCII literals concerns no jail. Undefined literals let every entry pass.
 */
export interface Gate {
  readonly literals: readonly string[] | undefined;
  /** Names of the fields that passing entries must carry. */
  readonly fields: readonly string[];
}

/** Where reading starts. */
export type Position =
  | { readonly at: 'head' }
  /** After the last entry that exists now. */
  | { readonly at: 'tail' }
  /** At the first entry received at or after this time. */
  | { readonly at: 'time'; readonly time: EpochMicros }
  /** After the entry of this cursor; `time` is that entry's and serves when the entry is gone. */
  | { readonly at: 'cursor'; readonly cursor: Cursor; readonly time: EpochMicros };

/** The last entry that was read, whether it passed the gate or not. */
export interface ReadPosition {
  readonly cursor: Cursor;
  readonly time: EpochMicros;
}

/** What `open` found. */
export interface OpenReport {
  /** True when the wanted cursor no longer exists (vacuumed, foreign): reading goes on at its time, entries may be missing. */
  readonly gap: boolean;
}

/** What one `next` read. */
export interface Batch {
  /** The entries that passed the gate, oldest first. */
  readonly entries: readonly Entry[];
  /** Entries read, passed or not. */
  readonly read: number;
  /** MESSAGEs longer than their bound among them. */
  readonly cut: number;
  /** Entries that could not be read (corrupt) and were passed over. */
  readonly unreadable: number;
  /** Absent when nothing was read. */
  readonly position?: ReadPosition;
  /** True when the source has ended for good (a file or stream); a live journal never ends. */
  readonly ended: boolean;
  /** Things an operator should know, e.g. rotation with a lost position; rare. */
  readonly notices: readonly string[];
}

/**
 * A source of entries. Synchronous on purpose: libsystemd wants one thread per handle for life
 * (sd_journal_open(3), "Notes"), so a source lives in the thread that made it. Contract suite: test/journal/contract.ts.
 *
 * - `open` may be called once. It selects the entries of `match` and goes to `position`.
 * - `next` never blocks; at most `max` entries are read. `read: 0` with `ended: false` means: nothing new yet.
 * - `poll` is called when idle: lets the source notice rotation, vacuum and new files. Cheap enough for every idle turn.
 * - `close` may be called at any time, also twice; everything after it throws `ERR_JOURNAL_CLOSED`.
 * - Every entry is delivered once, in journal order, across rotation, vacuum and INVALIDATE.
 */
export interface EntrySource {
  readonly id: SourceId;
  open(match: MatchExpression, gate: Gate, position: Position): OpenReport;
  next(max: number): Batch;
  poll(): void;
  /** How much of what was stored at `open` has been read, 0 to 1; undefined where that is not known (a pipe). For a progress bar. */
  progress?(): number | undefined;
  close(): void;
}

/** Which source to make; plain data, so that it can cross a thread boundary. */
export type SourceSpec =
  | { readonly kind: 'local'; readonly namespace?: string }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'files'; readonly paths: readonly string[] }
  /** journalctl's export format (systemd.journal-fields(7), "Journal Export Format") from a file or `-`. */
  | { readonly kind: 'export'; readonly path: string };
