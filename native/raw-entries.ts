/**
 * Entries as they are read, before the stages see them, and what reads them: through C
 * (`batch-reader.ts`) or call by call (`plain-reader.ts`).
 */
import type { EntryFields, GateRoute } from '../src/core/entry.js';
import type { MatchExpression } from '../src/core/match.js';
import type { Cursor } from '../src/core/names.js';
import type { EpochMicros } from '../src/core/time.js';
import type { JournalHandle } from './journal.js';

/** One value; with `tail`, what stood between the two was left out. */
export interface FieldValue {
  readonly head: string;
  readonly tail?: string;
}

/** An entry that passed the gate. */
export interface RawEntry {
  readonly cursor: Cursor;
  readonly realtime: EpochMicros;
  readonly messages: readonly FieldValue[];
  /** The first value of each wanted field, at most `FIELD_CHARS_MAX` characters. */
  readonly fields: EntryFields;
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
   * An entry passes that one of them takes; when there are none, one with a literal. Their terms
   * are exact, of fields that journald itself writes: the first value decides.
   */
  readonly routes: readonly GateRoute[];
  /** The gate as a function on text decoded as Latin-1; the plain reader's form of `literals`. */
  readonly passes: (text: string) => boolean;
  /** The same for `routes`, for an entry that `passes`. */
  readonly fits: (text: string, fields: ReadonlyMap<string, string>) => boolean;
  /** Fields besides MESSAGE. */
  readonly fields: ReadonlySet<string>;
}

export interface EntryReader {
  /**
   * Reads at most `max` entries. With `fromCurrent` the journal stands on an entry that is to be
   * read first.
   *
   * @throws OperatingError when the journal fails; entries read in this call are then to be read
   * again.
   */
  read(handle: JournalHandle, max: number, fromCurrent: boolean): RawBatch;
  /**
   * Blocks the thread until an entry is there, files came or went, or `most` milliseconds have
   * passed; looks every `interval` milliseconds (whole numbers). `orders` is the number of an
   * `EventDescriptor`: it ends the wait, too. A reader that would have to wake JavaScript for each
   * look does without `wait`.
   */
  wait?(handle: JournalHandle, interval: number, most: number, orders?: number): Awaited;
  /** Begins to read ahead what is stored. To be closed before the reader. */
  ahead?(place: ReadRange): Ahead;
  close(): void;
}

/** A batch that was read ahead, and the last entry that was read for it, passed or not. */
export interface AheadBatch {
  readonly batch: RawBatch;
  readonly last: { readonly cursor: Cursor; readonly time: EpochMicros };
}

/** Reading that goes on while the caller does something else. */
export interface Ahead {
  /**
   * Waits for the next batch; undefined when there is none, for whatever reason: what follows is to
   * be read otherwise.
   */
  take(): AheadBatch | undefined;
  close(): void;
}

/** `entry`: the journal stands on the next one. `invalidate`: the caller must verify its place. */
export type Awaited = 'nothing' | 'entry' | 'invalidate';

/** Places of the wanted fields, by name: one table for all entries of a reader. */
export type FieldPlaces = ReadonlyMap<string, number>;

export function placesOf(names: Iterable<string>): FieldPlaces {
  return new Map([...new Set(names)].map((name, i) => [name, i]));
}

/**
 * The fields of one entry: a list of values whose places by name all entries share. A `Map` for
 * each entry grows three times while it is filled, and the collector has all of it to carry. With
 * an origin the list holds only what is not the origin's.
 */
class FieldTable implements EntryFields {
  readonly origin: FieldTable | undefined;
  private readonly places: FieldPlaces;
  private readonly list: (string | undefined)[];

  constructor(places: FieldPlaces, origin?: FieldTable) {
    this.places = places;
    this.list = [];
    this.origin = origin;
  }

  get(name: string): string | undefined {
    const place = this.places.get(name);
    if (place === undefined) return undefined;
    const { list, origin } = this;
    const own = place < list.length ? list[place] : undefined;
    if (own !== undefined || origin === undefined) return own;
    return place < origin.list.length ? origin.list[place] : undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** Sets the value at a place of the table, unless there is one: the first counts. */
  setFirst(place: number, value: string): boolean {
    const { list } = this;
    while (list.length <= place) list.push(undefined);
    if (list[place] !== undefined) return false;
    list[place] = value;
    return true;
  }

  get size(): number {
    return [...this.entries()].length;
  }

  *entries(): MapIterator<[string, string]> {
    for (const name of this.places.keys()) {
      const value = this.get(name);
      if (value !== undefined) yield [name, value];
    }
  }

  *keys(): MapIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): MapIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, string]> {
    return this.entries();
  }

  forEach(use: (value: string, name: string, all: ReadonlyMap<string, string>) => void): void {
    for (const [name, value] of this.entries()) use(value, name, this);
  }
}

/** The values of one entry while they are read, or those of an origin. */
export class Values {
  readonly fields: FieldTable;
  more?: Map<string, string[]>;
  private readonly places: FieldPlaces;

  constructor(places: FieldPlaces, origin?: Values) {
    this.places = places;
    this.fields = new FieldTable(places, origin?.fields);
    if (origin?.more !== undefined)
      this.more = new Map([...origin.more].map(([name, values]) => [name, [...values]]));
  }

  /** Adds a value of a wanted field. */
  add(name: string, value: string): void {
    if (this.fields.setFirst(this.places.get(name) as number, value)) return;
    this.more ??= new Map();
    const others = this.more.get(name);
    if (others === undefined) this.more.set(name, [value]);
    else others.push(value);
  }
}

/** Which stored entries are to be read. */
export interface ReadRange {
  readonly kind: 'local' | 'directory' | 'files';
  /** `flags` of sd_journal_open(3). */
  readonly flags: number;
  /** Compressed data is unpacked up to this many bytes. */
  readonly threshold: number;
  /** The namespace or none, the directory, the files. */
  readonly paths: readonly string[];
  /** What libsystemd selects by. */
  readonly match: MatchExpression;
  /** Reading begins after this entry. */
  readonly after: Cursor;
  /** And ends before the first batch that reaches beyond this time. */
  readonly until: EpochMicros;
  /**
   * Bytes that the files of the journal take at least: with less some could not be opened, and
   * nothing is read.
   */
  readonly usage: number;
}
