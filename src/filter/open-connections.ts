/**
 * Which connections each address has open (`<F-OPENED>`, `<F-CLOSED>`). A busy server tells of
 * several each second, and hardly any of their addresses ever fails: so they are numbers in arrays
 * and no objects, which the collector would have to carry along. Addresses and names stand there as
 * 64 bits each, hashed with a number that strangers do not know.
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
    const rows = this.#rows;
    if ((rows.count[row] as number) >= TALLY_SESSIONS_MAX) this.#cut(row, NONE);
    const made = this.#pool.take(label, time);
    const last = rows.last[row] as number;
    if (last === NONE) rows.first[row] = made;
    else this.#pool.next[last] = made;
    rows.last[row] = made;
    (rows.count[row] as number)++;
    this.touch(row, time);
  }

  /** The end of a connection of the address; with the last one the address is forgotten. */
  close(row: Row, name: string | undefined, time: EpochMicros): void {
    if (row === NONE) return;
    this.#drop(row, this.#nameOf(name));
    if (this.#rows.count[row] === 0) this.#remove(row);
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
    const { high, low } = this.#nameOf(name);
    const pool = this.#pool;
    for (let at = this.#rows.first[row] as number; at !== NONE; at = pool.next[at] as number)
      if (pool.high[at] === high && pool.low[at] === low) return pool.time[at] as EpochMicros;
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
    const { highs, lows, chain } = this.#rows;
    let row = this.#buckets[low & (this.#buckets.length - 1)] as number;
    while (row !== NONE && !(lows[row] === low && highs[row] === high)) row = chain[row] as number;
    return row;
  }

  #add({ high, low }: Hash): Row {
    if (this.#size >= this.#rowsMax) this.#remove(this.#oldest);
    let row = this.#free;
    if (row !== NONE) this.#free = this.#rows.chain[row] as number;
    else {
      if (this.#used === this.#rows.capacity) this.#grow();
      row = this.#used++;
    }
    const rows = this.#rows;
    rows.highs[row] = high;
    rows.lows[row] = low;
    rows.first[row] = NONE;
    rows.last[row] = NONE;
    rows.count[row] = 0;
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
    const bucket = (this.#rows.lows[row] as number) & (this.#buckets.length - 1);
    this.#rows.chain[row] = this.#buckets[bucket] as number;
    this.#buckets[bucket] = row;
  }

  #remove(row: Row): void {
    const rows = this.#rows;
    for (let at = rows.first[row] as number; at !== NONE; ) at = this.#pool.release(at);
    this.#unlink(row);
    const bucket = (rows.lows[row] as number) & (this.#buckets.length - 1);
    let before = NONE;
    let at = this.#buckets[bucket] as number;
    while (at !== row) {
      before = at;
      at = rows.chain[at] as number;
    }
    if (before === NONE) this.#buckets[bucket] = rows.chain[row] as number;
    else rows.chain[before] = rows.chain[row] as number;
    rows.chain[row] = this.#free;
    this.#free = row;
    this.#size--;
  }

  /** Takes the first connection of this name out. */
  #drop(row: Row, { high, low }: Hash): void {
    const pool = this.#pool;
    let before = NONE;
    for (let at = this.#rows.first[row] as number; at !== NONE; at = pool.next[at] as number) {
      if (pool.high[at] === high && pool.low[at] === low) {
        this.#cut(row, before);
        return;
      }
      before = at;
    }
  }

  /** Takes the connection behind `before` out; the first of all behind NONE. */
  #cut(row: Row, before: number): void {
    const rows = this.#rows;
    const at = (before === NONE ? rows.first[row] : this.#pool.next[before]) as number;
    const after = this.#pool.release(at);
    if (before === NONE) rows.first[row] = after;
    else this.#pool.next[before] = after;
    if (after === NONE) rows.last[row] = before;
    (rows.count[row] as number)--;
  }

  #append(row: Row): void {
    const { older, newer } = this.#rows;
    older[row] = this.#newest;
    newer[row] = NONE;
    if (this.#newest === NONE) this.#oldest = row;
    else newer[this.#newest] = row;
    this.#newest = row;
  }

  #unlink(row: Row): void {
    const { older, newer } = this.#rows;
    const [before, after] = [older[row] as number, newer[row] as number];
    if (before === NONE) this.#oldest = after;
    else newer[before] = after;
    if (after === NONE) this.#newest = before;
    else older[after] = before;
  }
}

/** The columns of addresses. */
class Rows {
  readonly highs: Int32Array;
  readonly lows: Int32Array;
  readonly seen: Float64Array;
  /** The first and last connection, and how many there are. */
  readonly first: Int32Array;
  readonly last: Int32Array;
  readonly count: Int32Array;
  /** The next of the same bucket, or the next that is free. */
  readonly chain: Int32Array;
  readonly older: Int32Array;
  readonly newer: Int32Array;

  constructor(readonly capacity: number) {
    this.highs = new Int32Array(capacity);
    this.lows = new Int32Array(capacity);
    this.seen = new Float64Array(capacity);
    this.first = new Int32Array(capacity);
    this.last = new Int32Array(capacity);
    this.count = new Int32Array(capacity);
    this.chain = new Int32Array(capacity);
    this.older = new Int32Array(capacity);
    this.newer = new Int32Array(capacity);
  }

  /** Twice as many, these among them. */
  larger(): Rows {
    const rows = new Rows(2 * this.capacity);
    rows.highs.set(this.highs);
    rows.lows.set(this.lows);
    rows.seen.set(this.seen);
    rows.first.set(this.first);
    rows.last.set(this.last);
    rows.count.set(this.count);
    rows.older.set(this.older);
    rows.newer.set(this.newer);
    return rows;
  }
}

/** Connections of all addresses: lists in arrays that double when they are full. */
class ConnectionPool {
  high = new Int32Array(FIRST_ROWS);
  low = new Int32Array(FIRST_ROWS);
  time = new Float64Array(FIRST_ROWS);
  next = new Int32Array(FIRST_ROWS);
  #free = NONE;
  #used = 0;

  take({ high, low }: Hash, time: EpochMicros): number {
    let at = this.#free;
    if (at !== NONE) this.#free = this.next[at] as number;
    else {
      if (this.#used === this.next.length) this.#grow();
      at = this.#used++;
    }
    this.high[at] = high;
    this.low[at] = low;
    this.time[at] = time;
    this.next[at] = NONE;
    return at;
  }

  /** Frees one; returns the one behind it. */
  release(at: number): number {
    const next = this.next[at] as number;
    this.next[at] = this.#free;
    this.#free = at;
    return next;
  }

  #grow(): void {
    const wider = (column: Int32Array) => {
      const all = new Int32Array(2 * column.length);
      all.set(column);
      return all;
    };
    const time = new Float64Array(2 * this.time.length);
    time.set(this.time);
    this.time = time;
    [this.high, this.low, this.next] = [wider(this.high), wider(this.low), wider(this.next)];
  }
}

function randomWord(): number {
  return Math.floor(Math.random() * 0x1_0000_0000) | 0;
}
