/**
 * Which connections each address has open (`<F-OPENED>`, `<F-CLOSED>`). A busy server tells of
 * several each second, and hardly any of their addresses ever fails: so they are numbers in arrays
 * and no objects, which the collector would have to carry along. What belongs together stands side
 * by side: on a busy host the table is larger than the processor's caches, and each place that is
 * looked at costs more than all else that is done with it. Addresses and names stand there as 64
 * bits each, hashed with a number that strangers do not know.
 *
 * Bounded, and forgets by journal time, the longest silent address first.
 */
import { type Hash, hashOf } from '../core/hash.js';
import { TALLY_ADDRESSES_MAX, TALLY_SESSIONS_MAX } from '../core/limits.js';
import type { EpochMicros } from '../core/time.js';

/** Where an address stands; valid until the next is added or forgotten. */
export type Row = number;
/** No row, no connection. */
export const NONE = -1;

const FIRST_ROWS = 64;

// An address takes so many numbers of 32 bits, in this order: its hash, its first and last
// connection and how many there are, the next row of the same bucket or the next that is free, and
// its neighbours in the order in which they were last heard.
const ROW = 8;
const HIGH = 0;
const LOW = 1;
const FIRST = 2;
const LAST = 3;
const COUNT = 4;
const CHAIN = 5;
const OLDER = 6;
const NEWER = 7;
// A connection: the hash of its name as an address has it, and the next of its address or the next
// that is free.
const CONNECTION = 3;
const NEXT = 2;
/** Of a connection without a name. */
const NAMELESS = { high: 0, low: 0 } as const;

export class OpenConnections {
  readonly #rowsMax: number;
  readonly #seed = [randomWord(), randomWord()] as const;
  /** The hash of the last boot id: nearly all lines are of one boot. */
  #boot: Hash & { readonly text: string } = { text: '', ...hashOf('', ...this.#seed) };
  /** That of the last address of it, which is asked for several times for each line. */
  #address: { readonly text: string; readonly hash: Hash } | undefined;
  #rows = new Rows(FIRST_ROWS);
  #buckets = new Int32Array(FIRST_ROWS).fill(NONE);
  #size = 0;
  #free: Row = NONE;
  #used = 0;
  /** The ring of rows in the order in which they were last heard. */
  #oldest: Row = NONE;
  #newest: Row = NONE;
  readonly #pool = new ConnectionPool();

  constructor(rowsMax = TALLY_ADDRESSES_MAX) {
    this.#rowsMax = rowsMax;
  }

  /** Addresses with a connection that is open. */
  get size(): number {
    return this.#size;
  }

  /** The row of an address, or NONE. */
  find(address: string, boot: string): Row {
    return this.#findHash(this.#hashOf(address, boot));
  }

  /** Forgets the addresses that were silent since, but not this one. */
  expire(since: number, but: Row): void {
    for (let row = this.#oldest; row !== NONE && row !== but; row = this.#oldest) {
      if ((this.#rows.seen[row] as number) >= since) return;
      this.#remove(row);
    }
  }

  /**
   * A line of a connection of the address; the longest silent of its connections is forgotten when
   * there are too many.
   */
  open(address: string, boot: string, name: string | undefined, time: EpochMicros): void {
    const hash = this.#hashOf(address, boot);
    let row = this.#findHash(hash);
    if (row === NONE) row = this.#add(hash);
    const label = this.#nameOf(name);
    if (name !== undefined) this.#drop(row, label);
    const { words } = this.#rows;
    if ((words[row * ROW + COUNT] as number) >= TALLY_SESSIONS_MAX) this.#cut(row, NONE);
    const made = this.#pool.take(label, time);
    const last = words[row * ROW + LAST] as number;
    if (last === NONE) words[row * ROW + FIRST] = made;
    else this.#pool.setNext(last, made);
    words[row * ROW + LAST] = made;
    (words[row * ROW + COUNT] as number)++;
    this.touch(row, time);
  }

  /** The end of a connection of the address; with the last one the address is forgotten. */
  close(row: Row, name: string | undefined, time: EpochMicros): void {
    if (row === NONE) return;
    this.#drop(row, this.#nameOf(name));
    if (this.#rows.words[row * ROW + COUNT] === 0) this.#remove(row);
    else this.touch(row, time);
  }

  /** The address was heard. */
  touch(row: Row, time: EpochMicros): void {
    if (row === NONE) return;
    this.#rows.seen[row] = time;
    if (row === this.#newest) return;
    this.#unlink(row);
    this.#append(row);
  }

  /** When the connection of this name was last heard; of several without one the first. */
  heard(row: Row, name: string | undefined): EpochMicros | undefined {
    if (row === NONE) return undefined;
    const pool = this.#pool;
    const label = this.#nameOf(name);
    for (let at = this.#firstOf(row); at !== NONE; at = pool.nextOf(at))
      if (pool.has(at, label)) return pool.time[at] as EpochMicros;
    return undefined;
  }

  #nameOf(name: string | undefined): Hash {
    return name === undefined ? NAMELESS : hashOf(name, this.#seed[0], this.#seed[1]);
  }

  #hashOf(address: string, boot: string): Hash {
    if (boot !== this.#boot.text) {
      this.#boot = { text: boot, ...hashOf(boot, ...this.#seed) };
      this.#address = undefined;
    }
    if (this.#address?.text !== address)
      this.#address = { text: address, hash: hashOf(address, this.#boot.high, this.#boot.low) };
    return this.#address.hash;
  }

  #findHash({ high, low }: Hash): Row {
    const { words } = this.#rows;
    let row = this.#buckets[low & (this.#buckets.length - 1)] as number;
    while (row !== NONE && !(words[row * ROW + LOW] === low && words[row * ROW + HIGH] === high))
      row = words[row * ROW + CHAIN] as number;
    return row;
  }

  #add({ high, low }: Hash): Row {
    if (this.#size >= this.#rowsMax) this.#remove(this.#oldest);
    let row = this.#free;
    if (row !== NONE) this.#free = this.#rows.words[row * ROW + CHAIN] as number;
    else {
      if (this.#used === this.#rows.capacity) this.#grow();
      row = this.#used++;
    }
    const { words } = this.#rows;
    const at = row * ROW;
    words[at + HIGH] = high;
    words[at + LOW] = low;
    words[at + FIRST] = NONE;
    words[at + LAST] = NONE;
    words[at + COUNT] = 0;
    this.#link(row);
    this.#append(row);
    this.#size++;
    return row;
  }

  #grow(): void {
    this.#rows = this.#rows.larger();
    this.#buckets = new Int32Array(this.#rows.capacity).fill(NONE);
    // Rows are only added while none is free.
    for (let row = 0; row < this.#used; row++) this.#link(row);
  }

  #link(row: Row): void {
    const { words } = this.#rows;
    const bucket = (words[row * ROW + LOW] as number) & (this.#buckets.length - 1);
    words[row * ROW + CHAIN] = this.#buckets[bucket] as number;
    this.#buckets[bucket] = row;
  }

  #remove(row: Row): void {
    const { words } = this.#rows;
    for (let at = this.#firstOf(row); at !== NONE; ) at = this.#pool.release(at);
    this.#unlink(row);
    const bucket = (words[row * ROW + LOW] as number) & (this.#buckets.length - 1);
    const after = words[row * ROW + CHAIN] as number;
    let before = NONE;
    let at = this.#buckets[bucket] as number;
    while (at !== row) {
      before = at;
      at = words[at * ROW + CHAIN] as number;
    }
    if (before === NONE) this.#buckets[bucket] = after;
    else words[before * ROW + CHAIN] = after;
    words[row * ROW + CHAIN] = this.#free;
    this.#free = row;
    this.#size--;
  }

  /** Takes the first connection of this name out. */
  #drop(row: Row, label: Hash): void {
    const pool = this.#pool;
    let before = NONE;
    for (let at = this.#firstOf(row); at !== NONE; at = pool.nextOf(at)) {
      if (pool.has(at, label)) {
        this.#cut(row, before);
        return;
      }
      before = at;
    }
  }

  /** Takes the connection behind `before` out; the first of all behind NONE. */
  #cut(row: Row, before: number): void {
    const { words } = this.#rows;
    const at = before === NONE ? this.#firstOf(row) : this.#pool.nextOf(before);
    const after = this.#pool.release(at);
    if (before === NONE) words[row * ROW + FIRST] = after;
    else this.#pool.setNext(before, after);
    if (after === NONE) words[row * ROW + LAST] = before;
    (words[row * ROW + COUNT] as number)--;
  }

  #firstOf(row: Row): number {
    return this.#rows.words[row * ROW + FIRST] as number;
  }

  #append(row: Row): void {
    const { words } = this.#rows;
    words[row * ROW + OLDER] = this.#newest;
    words[row * ROW + NEWER] = NONE;
    if (this.#newest === NONE) this.#oldest = row;
    else words[this.#newest * ROW + NEWER] = row;
    this.#newest = row;
  }

  #unlink(row: Row): void {
    const { words } = this.#rows;
    const before = words[row * ROW + OLDER] as number;
    const after = words[row * ROW + NEWER] as number;
    if (before === NONE) this.#oldest = after;
    else words[before * ROW + NEWER] = after;
    if (after === NONE) this.#newest = before;
    else words[after * ROW + OLDER] = before;
  }
}

/** Addresses, and when each was last heard. */
class Rows {
  readonly words: Int32Array;
  readonly seen: Float64Array;

  constructor(readonly capacity: number) {
    this.words = new Int32Array(ROW * capacity);
    this.seen = new Float64Array(capacity);
  }

  /** Twice as many, these among them. */
  larger(): Rows {
    const rows = new Rows(2 * this.capacity);
    rows.words.set(this.words);
    rows.seen.set(this.seen);
    return rows;
  }
}

/** Connections of all addresses: lists in arrays that double when they are full. */
class ConnectionPool {
  time = new Float64Array(FIRST_ROWS);
  #words = new Int32Array(CONNECTION * FIRST_ROWS);
  #free = NONE;
  #used = 0;

  take({ high, low }: Hash, time: EpochMicros): number {
    let at = this.#free;
    if (at !== NONE) this.#free = this.nextOf(at);
    else {
      if (this.#used === this.time.length) this.#grow();
      at = this.#used++;
    }
    this.#words[at * CONNECTION + HIGH] = high;
    this.#words[at * CONNECTION + LOW] = low;
    this.time[at] = time;
    this.setNext(at, NONE);
    return at;
  }

  /** Frees one; returns the one behind it. */
  release(at: number): number {
    const next = this.nextOf(at);
    this.setNext(at, this.#free);
    this.#free = at;
    return next;
  }

  /** Whether the connection has this name. */
  has(at: number, { high, low }: Hash): boolean {
    const words = this.#words;
    return words[at * CONNECTION + HIGH] === high && words[at * CONNECTION + LOW] === low;
  }

  nextOf(at: number): number {
    return this.#words[at * CONNECTION + NEXT] as number;
  }

  setNext(at: number, next: number): void {
    this.#words[at * CONNECTION + NEXT] = next;
  }

  #grow(): void {
    const words = new Int32Array(2 * this.#words.length);
    words.set(this.#words);
    const time = new Float64Array(2 * this.time.length);
    time.set(this.time);
    this.#words = words;
    this.time = time;
  }
}

function randomWord(): number {
  return Math.floor(Math.random() * 0x1_0000_0000) | 0;
}
