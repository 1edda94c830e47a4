/**
 * Many entries at once: of each entry MESSAGE, and only of those that pass the literal gate the rest. This is the plain
 * reader, call by call through FFI; `batch.ts` does the same in one call of C.
 */
import type { GateRoute } from '../src/core/entry.js';
import { ENTRY_FIELDS_MAX, ENTRY_VALUES_MAX, FIELD_CHARS_MAX, MESSAGE_CHARS_MAX } from '../src/core/limits.js';
import type { Cursor } from '../src/core/names.js';
import type { EpochMicros } from '../src/core/time.js';
import type { Place } from './batch-bytes.js';
import { fieldKey, READ } from './data.js';
import type { JournalHandle } from './journal.js';

/** One value; with `tail`, what stood between the two was left out. */
export interface Piece {
  readonly head: string;
  readonly tail?: string;
}

/** An entry that passed the gate. */
export interface RawEntry {
  readonly cursor: Cursor;
  readonly realtime: EpochMicros;
  readonly messages: readonly Piece[];
  /** The first value of each wanted field, at most `FIELD_CHARS_MAX` characters. */
  readonly fields: ReadonlyMap<string, string>;
  /** Further values, of the few entries that have a field twice. */
  readonly more?: ReadonlyMap<string, readonly string[]>;
}

export interface RawBatch {
  readonly entries: readonly RawEntry[];
  /** Entries read, passed or not. */
  readonly read: number;
  /** MESSAGEs over their bound among those that did not pass. */
  readonly longOthers: number;
  readonly unreadable: number;
  /** Those of the unreadable at which libsystemd would have ended the process. */
  readonly aborted: number;
  /** False when the end was reached. */
  readonly more: boolean;
}

/** What a reader looks for. */
export interface Wanted {
  /** ASCII; undefined passes everything. */
  readonly literals: readonly string[] | undefined;
  /**
   * An entry passes that one of them takes; when there are none, one with a literal. Their terms are exact, of fields that
   * journald itself writes: the first value decides.
   */
  readonly routes: readonly GateRoute[];
  /** The gate as a function on text decoded as Latin-1; the plain reader's form of `literals`. */
  readonly passes: (text: string) => boolean;
  /** The same for `routes`, for an entry that `passes`. */
  readonly fits: (text: string, fields: ReadonlyMap<string, string>) => boolean;
  /** Fields besides MESSAGE. */
  readonly fields: ReadonlySet<string>;
}

export interface Reader {
  /**
   * Reads at most `max` entries. With `fromCurrent` the journal stands on an entry that is to be read first.
   *
   * @throws OperatingError when the journal fails; entries read in this call are then to be read again.
   */
  read(handle: JournalHandle, max: number, fromCurrent: boolean): RawBatch;
  /**
   * Blocks the thread until an entry is there, files came or went, or `most` milliseconds have passed; looks every
   * `interval` milliseconds (whole numbers). `orders` is the number of an `EventDescriptor`: it ends the wait, too. A reader
   * that would have to wake JavaScript for each look does without `wait`.
   */
  wait?(handle: JournalHandle, interval: number, most: number, orders?: number): Awaited;
  /** Begins to read ahead what is stored. To be closed before the reader. */
  ahead?(place: Place): Ahead;
  close(): void;
}

/** A batch that was read ahead, and the last entry that was read for it, passed or not. */
export interface AheadBatch {
  readonly batch: RawBatch;
  readonly last: { readonly cursor: Cursor; readonly time: EpochMicros };
}

/** Reading that goes on while the caller does something else. */
export interface Ahead {
  /** Waits for the next batch; undefined when there is none, for whatever reason: what follows is to be read otherwise. */
  take(): AheadBatch | undefined;
  close(): void;
}

/** `entry`: the journal stands on the next one. `invalidate`: the caller must verify its place. */
export type Awaited = 'nothing' | 'entry' | 'invalidate';

const MESSAGE = fieldKey('MESSAGE');
const PREFIX = 'MESSAGE='.length;

export class PlainReader implements Reader {
  readonly #wanted: Wanted;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  read(handle: JournalHandle, max: number, fromCurrent: boolean): RawBatch {
    const { passes, fits } = this.#wanted;
    const { data } = handle;
    const entries: RawEntry[] = [];
    let read = 0;
    let longOthers = 0;
    let unreadable = 0;
    let current = fromCurrent;
    while (read < max) {
      if (!current && !handle.next()) return { entries, read, longOthers, unreadable, aborted: 0, more: false };
      current = false;
      read++;
      const result = handle.readData(MESSAGE);
      if (result === READ.unreadable) {
        unreadable++;
        continue;
      }
      const isThere = result === READ.found;
      const text = isThere ? data.latin1(PREFIX) : '';
      const isLong =
        isThere &&
        data.length - PREFIX > MESSAGE_CHARS_MAX &&
        (data.split > 0 || data.head(PREFIX).length > MESSAGE_CHARS_MAX);
      const entry = passes(text) ? this.#rest(handle) : null;
      if (entry === undefined) unreadable++;
      else if (entry !== null && fits(text, entry.fields)) entries.push(entry);
      else if (isLong) longOthers++;
    }
    return { entries, read, longOthers, unreadable, aborted: 0, more: true };
  }

  close(): void {}

  /** The rest of an entry that passed: enumerating all data is cheaper than asking for four fields one by one. */
  #rest(handle: JournalHandle): RawEntry | undefined {
    const { data } = handle;
    const { fields } = this.#wanted;
    const messages: Piece[] = [];
    const values = new Values();
    let kept = 0;
    handle.restartData();
    for (let count = 0; count < ENTRY_FIELDS_MAX && kept < ENTRY_VALUES_MAX; count++) {
      if (handle.enumerateData() !== READ.found) break;
      const equals = data.bytes.indexOf(0x3d);
      if (equals < 0 || equals >= data.length) continue;
      const name = data.bytes.toString('latin1', 0, equals);
      if (name === MESSAGE.name) {
        const tail = data.tail();
        messages.push(tail === undefined ? { head: data.head(equals + 1) } : { head: data.head(equals + 1), tail });
      } else if (fields.has(name)) {
        values.add(name, data.head(equals + 1).slice(0, FIELD_CHARS_MAX));
      } else continue;
      kept++;
    }
    const cursor = handle.cursor();
    const realtime = handle.realtime();
    if (cursor === undefined || realtime === undefined) return undefined;
    const { fields: found, more } = values;
    return { cursor, realtime, messages, fields: found, ...(more === undefined ? {} : { more }) };
  }
}

/** The values of one entry while they are read. */
export class Values {
  readonly fields = new Map<string, string>();
  more?: Map<string, string[]>;

  add(name: string, value: string): void {
    if (!this.fields.has(name)) {
      this.fields.set(name, value);
      return;
    }
    this.more ??= new Map();
    const others = this.more.get(name);
    if (others === undefined) this.more.set(name, [value]);
    else others.push(value);
  }
}
