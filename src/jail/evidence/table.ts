import type { Key } from './keys.js';

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
 * Records of a few 32-bit numbers under a key, in one array: no objects, a strict bound. A key lies in one of two rows of
 * eight places, the one with more room when it came, so that nothing is ever searched far and rows fill evenly. The
 * table doubles while it is below its bound; when both rows are full the record that is worth the least makes room.
 */
export class Table {
  readonly #stride: number;
  readonly #rowsMax: number;
  readonly #worth: (slot: Slot) => number;
  #words: Uint32Array;
  #rows = FIRST_ROWS;
  #size = 0;
  #evicted = 0;

  /**
   * `width` numbers under each key, at most about `max` records. `worth` says which of two records is kept: it is called
   * with the slots of a full row.
   */
  constructor(width: number, max: number, worth: (slot: Slot) => number) {
    this.#stride = KEY_WORDS + width;
    this.#rowsMax = Math.max(1, Math.floor(max / ROW));
    this.#rows = Math.min(FIRST_ROWS, this.#rowsMax);
    this.#worth = worth;
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

  /** A free place in that of the key's rows which has more of them; the least worthy record of two full rows goes. */
  #room({ high, low }: Key): Slot {
    const [one, other] = [this.#freeOf(high % this.#rows), this.#freeOf(low % this.#rows)];
    const free = one.count >= other.count ? one : other;
    if (free.count > 0) return free.slot;
    this.#size--;
    this.#evicted++;
    const worst = this.#worstOf(high % this.#rows);
    const otherWorst = this.#worstOf(low % this.#rows);
    return worst.worth <= otherWorst.worth ? worst.slot : otherWorst.slot;
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
