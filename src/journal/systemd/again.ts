/**
 * Reading again: what was delivered since a place is known, so a journal can be read from there
 * once more, with other files, and nothing of it is delivered twice.
 */
import type { RawEntry } from '../../../native/raw-entries.js';
import type { Position, ReadPosition } from '../../core/entry.js';
import { type Cursor, cursor } from '../../core/names.js';
import { READ_AGAIN_ENTRIES_MAX } from '../../core/service-limits.js';
import { entryIdentity, PositionList, sameEntry } from '../position.js';

/** Where to begin once more. */
export interface AgainFrom {
  readonly from: Position;
  /** Too much was delivered since the place that was noted: what lacks before `from` is lost. */
  readonly isCut: boolean;
}

export class ReadAgain {
  readonly #delivered = new Delivered();
  /** What was delivered already; while it is there, entries are read that may be among it. */
  #known: ReadonlySet<string> | undefined;
  /** How far it was read before; absent when that is reached again. */
  #end: ReadPosition | undefined;
  /** The place that was told last: one before it would have what follows it judged twice. */
  #told: ReadPosition | undefined;
  #isHeld = false;

  /** Entries that were delivered since the place that was noted. */
  get size(): number {
    return this.#delivered.size;
  }

  /** Nothing before this place can be missing: reading again would begin here. */
  note(here: Position): void {
    if (this.#end === undefined) this.#delivered.clear(here);
  }

  /** Whether anything was read since the place that was noted. `here`: how far it was read. */
  isNeeded(here: Position): boolean {
    const { from, size } = this.#delivered;
    const isSame =
      from === here ||
      (from.at === 'cursor' && here.at === 'cursor' && from.cursor === here.cursor);
    return size > 0 || !isSame;
  }

  /** Reading goes back. `here`: how far it was read. */
  begin(here: Position): AgainFrom {
    // What was known before may still come where the end was passed, but not all was read.
    const known = new Set([...(this.#known ?? []), ...this.#delivered.identities()]);
    for (const oldest of known) {
      if (known.size <= 2 * READ_AGAIN_ENTRIES_MAX) break;
      known.delete(oldest);
    }
    this.#known = known;
    // An end that was not reached again lies behind this place.
    if (here.at === 'cursor') this.#end ??= here;
    return { from: this.#delivered.from, isCut: this.#delivered.takeCut() };
  }

  /** Of the entries of a batch that ends `here` those that were not delivered before. */
  fresh(entries: readonly RawEntry[], here: ReadPosition | undefined): readonly RawEntry[] {
    const known = this.#known;
    const fresh =
      known === undefined
        ? entries
        : entries.filter(({ cursor }) => !known.has(entryIdentity(cursor)));
    this.#delivered.add(
      fresh.map(({ cursor }) => cursor),
      here,
    );
    return fresh;
  }

  /**
   * The position to tell after a batch: nothing before it is left to be judged. `last`: the last
   * entry that was read; `more`: the end was not reached; `isWhole`: no file is known to lack.
   */
  reached(last: ReadPosition | undefined, more: boolean, isWhole: boolean) {
    // Entries that are copied to another file come from before the end, maybe after a pause.
    const isBehind = last !== undefined && this.#end !== undefined && isBefore(last, this.#end);
    if (!isBehind) this.#end = undefined;
    if (!isBehind && !more) this.#known = undefined;
    this.#isHeld = isBehind || !isWhole;
    if (!this.#isHeld) {
      this.#told = last;
      return last;
    }
    // What was given up for lost holds nothing back.
    const { from, isMoved } = this.#delivered;
    if (!isMoved || from.at !== 'cursor') return undefined;
    if (this.#told !== undefined && !isBefore(this.#told, from)) return undefined;
    this.#told = { cursor: from.cursor, time: from.time };
    return this.#told;
  }

  /** The position that was held back and need not be any more, where nothing new is read. */
  released(last: ReadPosition | undefined, isWhole: boolean): ReadPosition | undefined {
    if (!this.#isHeld || !isWhole || this.#end !== undefined) return undefined;
    this.#isHeld = false;
    this.#told = last;
    return last;
  }
}

function isBefore(place: ReadPosition, end: ReadPosition): boolean {
  return !sameEntry(place.cursor, end.cursor) && new PositionList(end).cover(place);
}

/** What was delivered since a place. */
export class Delivered {
  #from: Position = { at: 'head' };
  #isMoved = false;
  #isCut = false;
  #size = 0;
  /**
   * The cursors of each batch as one text: tens of thousands of small ones would be carried along
   * by every collection, and hardly ever is one of them asked for.
   */
  #batches: {
    readonly cursors: string;
    readonly count: number;
    readonly end: ReadPosition | undefined;
  }[] = [];

  /** The place: all that was delivered after it is known. */
  get from(): Position {
    return this.#from;
  }

  /** There was more than the bound says, so the place was moved forward. */
  get isMoved(): boolean {
    return this.#isMoved;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether the place was moved since it was asked last. */
  takeCut(): boolean {
    const isCut = this.#isCut;
    this.#isCut = false;
    return isCut;
  }

  /** Forgets all, and begins here. */
  clear(from: Position): void {
    this.#from = from;
    this.#isMoved = false;
    this.#isCut = false;
    this.#size = 0;
    this.#batches = [];
  }

  /** Adds the entries of a batch; `end` is absent where its last entry has no name. */
  add(cursors: readonly Cursor[], end: ReadPosition | undefined): void {
    if (cursors.length === 0) return;
    this.#batches.push({ cursors: cursors.join('\n'), count: cursors.length, end });
    this.#size += cursors.length;
    while (this.#size > READ_AGAIN_ENTRIES_MAX) {
      const oldest = this.#batches.shift();
      if (oldest === undefined) return;
      this.#size -= oldest.count;
      // Reading again has ends before older ones.
      if (
        oldest.end !== undefined &&
        !(this.#from.at === 'cursor' && isBefore(oldest.end, this.#from))
      )
        this.#from = { at: 'cursor', ...oldest.end };
      this.#isMoved = true;
      this.#isCut = true;
    }
  }

  *identities(): IterableIterator<string> {
    for (const { cursors } of this.#batches)
      for (const text of cursors.split('\n')) yield entryIdentity(cursor(text));
  }
}
