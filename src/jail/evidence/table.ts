/**
 * What the jail that weighs remembers is kept here: records of numbers under secret keys, strictly
 * bounded.
 */
import type { Prefix } from '../../core/address.js';
import { hashOf, mixed } from '../../core/hash.js';
import { foldedUser } from '../../core/names.js';

/**
 * 64 bits that stand for an address, a prefix or a user. The seed is secret: strangers choose
 * addresses and names, and must not be able to choose two that share a place.
 */
export interface Key {
  readonly high: number;
  readonly low: number;
}

/** Makes keys; two of one seed make the same ones. */
export class Keys {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
  }

  /** The key of a prefix of this length; a host is a prefix too. */
  prefix({ base, length }: Prefix): Key {
    return this.#of(base, length);
  }

  /**
   * The key of a user name, as the attacker wrote it: case and blanks around it make no other user.
   */
  user(name: string): Key {
    return this.#of(foldedUser(name), 255);
  }

  /** The key of a service that people log in at. */
  service(name: string): Key {
    return this.#of(name, 253);
  }

  /** The key of a password's digest. */
  digest(text: string): Key {
    return this.#of(text, 254);
  }

  /** The key of two things together. */
  both(a: Key, b: Key): Key {
    return keyOf(
      mixed(Math.imul(a.high, 0x9e3779b1) ^ b.high),
      mixed(Math.imul(a.low, 0x85ebca77) ^ b.low),
    );
  }

  #of(text: string, kind: number): Key {
    const { high, low } = hashOf(
      text,
      this.#seed ^ kind,
      ~this.#seed ^ Math.imul(kind, 0x27d4eb2f),
    );
    return keyOf(high, low);
  }
}

/** A key as tables keep it: unsigned, and zero marks an empty place. */
function keyOf(high: number, low: number): Key {
  return { high: high >>> 0, low: low >>> 0 || 1 };
}

/** Where a record lies; valid until the next record of the table is made. */
export type Slot = number;
/** No record. */
export const NONE: Slot = -1;

/** Neighbours that make a row. */
const ROW = 8;
const FIRST_ROWS = 32;
const KEY_WORDS = 2;
/** A table that is fuller than this doubles. */
const FULL_SHARE = 0.75;

/**
 * Records of a few 32-bit numbers under a key, in one array: no objects, a strict bound. A key lies
 * in one of two rows of eight places, the one with more room when it came, so that nothing is ever
 * searched far and rows fill evenly. The table doubles while it is below its bound; when both rows
 * are full the record that is worth the least makes room.
 */
export class Table {
  readonly #stride: number;
  readonly #rowsMax: number;
  readonly #worth: (slot: Slot) => number;
  readonly #leaving: (slot: Slot) => void;
  #words: Uint32Array;
  #rows = FIRST_ROWS;
  #size = 0;
  #evicted = 0;

  /**
   * `width` numbers under each key, at most about `max` records. `worth` says which of two records
   * is kept: it is called with the slots of a full row. `leaving` is called with the record that
   * makes room for another, while it is still there.
   */
  constructor(
    width: number,
    max: number,
    worth: (slot: Slot) => number,
    leaving: (slot: Slot) => void = () => undefined,
  ) {
    this.#stride = KEY_WORDS + width;
    this.#rowsMax = Math.max(1, Math.floor(max / ROW));
    this.#rows = Math.min(FIRST_ROWS, this.#rowsMax);
    this.#worth = worth;
    this.#leaving = leaving;
    this.#words = new Uint32Array(this.#rows * ROW * this.#stride);
  }

  /** Records that are there, and records that made room for others. */
  get size(): number {
    return this.#size;
  }

  get evicted(): number {
    return this.#evicted;
  }

  /** Bytes that the table takes now. */
  get bytes(): number {
    return this.#words.byteLength;
  }

  /** How many records pass a test; looks at all of them. */
  count(test: (slot: Slot) => boolean): number {
    let count = 0;
    for (let slot = 0; slot < this.#words.length; slot += this.#stride)
      if (this.#words[slot + 1] !== 0 && test(slot)) count++;
    return count;
  }

  /** The record of a key, or NONE. */
  find(key: Key): Slot {
    const found = this.#inRow(key.high % this.#rows, key);
    return found === NONE ? this.#inRow(key.low % this.#rows, key) : found;
  }

  #inRow(row: number, { high, low }: Key): Slot {
    for (let place = row * ROW; place < (row + 1) * ROW; place++) {
      const slot = place * this.#stride;
      if (this.#words[slot + 1] === low && this.#words[slot] === high) return slot;
    }
    return NONE;
  }

  /** The record of a key; a new one, all zero, when it has none. */
  obtain(key: Key): Slot {
    const found = this.find(key);
    if (found !== NONE) return found;
    if (this.#size > FULL_SHARE * this.#rows * ROW && this.#rows < this.#rowsMax) this.#grow();
    const slot = this.#room(key);
    this.#words.fill(0, slot, slot + this.#stride);
    this.#words[slot] = key.high;
    this.#words[slot + 1] = key.low;
    this.#size++;
    return slot;
  }

  get(slot: Slot, index: number): number {
    return this.#words[slot + KEY_WORDS + index] ?? 0;
  }

  set(slot: Slot, index: number, value: number): void {
    this.#words[slot + KEY_WORDS + index] = value;
  }

  /** Forgets the record of a key. */
  remove(key: Key): void {
    const slot = this.find(key);
    if (slot === NONE) return;
    this.#words.fill(0, slot, slot + this.#stride);
    this.#size--;
  }

  /**
   * A free place in that of the key's rows which has more of them; the least worthy record of two
   * full rows goes.
   */
  #room({ high, low }: Key): Slot {
    const [one, other] = [this.#freeOf(high % this.#rows), this.#freeOf(low % this.#rows)];
    const free = one.count >= other.count ? one : other;
    if (free.count > 0) return free.slot;
    this.#size--;
    this.#evicted++;
    const worst = this.#worstOf(high % this.#rows);
    const otherWorst = this.#worstOf(low % this.#rows);
    const { slot } = worst.worth <= otherWorst.worth ? worst : otherWorst;
    this.#leaving(slot);
    return slot;
  }

  /** How many places of a row are free, and one of them. */
  #freeOf(row: number): { readonly count: number; readonly slot: Slot } {
    let count = 0;
    let slot = NONE;
    for (let place = row * ROW; place < (row + 1) * ROW; place++)
      if (this.#words[place * this.#stride + 1] === 0) {
        count++;
        slot = place * this.#stride;
      }
    return { count, slot };
  }

  #worstOf(row: number): { readonly worth: number; readonly slot: Slot } {
    let worst = { worth: Number.POSITIVE_INFINITY, slot: row * ROW * this.#stride };
    for (let place = row * ROW; place < (row + 1) * ROW; place++) {
      const slot = place * this.#stride;
      const worth = this.#worth(slot);
      if (worth < worst.worth) worst = { worth, slot };
    }
    return worst;
  }

  #grow(): void {
    const { words, rows } = { words: this.#words, rows: this.#rows };
    this.#rows = Math.min(this.#rowsMax, rows * 2);
    this.#words = new Uint32Array(this.#rows * ROW * this.#stride);
    this.#size = 0;
    for (let slot = 0; slot < words.length; slot += this.#stride) {
      const [high = 0, low = 0] = words.subarray(slot, slot + KEY_WORDS);
      if (low === 0) continue;
      const target = this.#room({ high, low });
      this.#words.set(words.subarray(slot, slot + this.#stride), target);
      this.#size++;
    }
  }
}

/** Numbers of one element: what it is, and when it was seen last. */
const ELEMENT_WORDS = 2;

/**
 * A small set in the columns of a table: the last few different things that were seen, each with
 * its time in seconds. When it is full the one that was seen longest ago goes.
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

  /** How many things other than `but` were seen between two times. */
  count(slot: Slot, from: number, but?: number, to = Number.POSITIVE_INFINITY): number {
    let count = 0;
    for (let i = 0; i < this.#max; i++) {
      const time = this.#time(slot, i);
      if (time !== 0 && time >= from && time <= to && this.#thing(slot, i) !== but) count++;
    }
    return count;
  }

  /** Forgets a thing. */
  remove(slot: Slot, thing: number): void {
    for (let i = 0; i < this.#max; i++)
      if (this.#thing(slot, i) === thing) this.#put(slot, i, 0, 0);
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
