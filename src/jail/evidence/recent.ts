import type { Slot, Table } from './table.js';

/** Numbers of one element: what it is, and when it was seen last. */
const ELEMENT_WORDS = 2;

/**
 * A small set in the columns of a table: the last few different things that were seen, each with its time in seconds.
 * When it is full the one that was seen longest ago goes.
 */
export class RecentSet {
  readonly #table: Table;
  readonly #first: number;
  readonly #max: number;

  /** `first`: the column where the set begins; it takes `wordsOf(max)` columns. */
  constructor(table: Table, first: number, max: number) {
    this.#table = table;
    this.#first = first;
    this.#max = max;
  }

  /** Columns that a set of so many elements takes. */
  static wordsOf(max: number): number {
    return max * ELEMENT_WORDS;
  }

  /** Notes that a thing was seen; an earlier time than the one that is known changes nothing. */
  add(slot: Slot, thing: number, time: number): void {
    let oldest = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#max; i++) {
      const seen = this.#time(slot, i);
      if (seen !== 0 && this.#thing(slot, i) === thing) {
        if (time > seen) this.#put(slot, i, thing, time);
        return;
      }
      if (seen < least) {
        least = seen;
        oldest = i;
      }
    }
    if (time > least) this.#put(slot, oldest, thing, time);
  }

  /** How many things other than `but` were seen from this time on. */
  count(slot: Slot, from: number, but?: number): number {
    let count = 0;
    for (let i = 0; i < this.#max; i++)
      if (this.#time(slot, i) !== 0 && this.#time(slot, i) >= from && this.#thing(slot, i) !== but) count++;
    return count;
  }

  /** When a thing was seen last, in seconds; 0 when it is not in the set. */
  seen(slot: Slot, thing: number): number {
    for (let i = 0; i < this.#max; i++)
      if (this.#time(slot, i) !== 0 && this.#thing(slot, i) === thing) return this.#time(slot, i);
    return 0;
  }

  /** The newest time of the set; 0 when it is empty. */
  newest(slot: Slot): number {
    let newest = 0;
    for (let i = 0; i < this.#max; i++) newest = Math.max(newest, this.#time(slot, i));
    return newest;
  }

  #thing(slot: Slot, i: number): number {
    return this.#table.get(slot, this.#first + i * ELEMENT_WORDS);
  }

  #time(slot: Slot, i: number): number {
    return this.#table.get(slot, this.#first + i * ELEMENT_WORDS + 1);
  }

  #put(slot: Slot, i: number, thing: number, time: number): void {
    this.#table.set(slot, this.#first + i * ELEMENT_WORDS, thing);
    this.#table.set(slot, this.#first + i * ELEMENT_WORDS + 1, time);
  }
}
