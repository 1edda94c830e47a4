/** Targets as keys of five numbers, and the index that finds their slot. */
import { fromBits, type Prefix, prefixOf, wordOf4, wordsOf6 } from '../core/address.js';
import { grown, NONE } from './pool.js';

/**
 * A target as five numbers, so that tables of targets need no objects: its first address, and
 * family with length.
 */
export interface TargetKey {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  /** IPv4: 1 + length; IPv6: 64 + length. Never 0. */
  readonly kind: number;
}

const KIND4 = 1;
const KIND6 = 64;

/** The key of a target. */
export function keyOf(target: Prefix): TargetKey {
  if (target.family === 4)
    return { a: 0, b: 0, c: 0, d: wordOf4(target.base), kind: KIND4 + target.length };
  const [a, b, c, d] = wordsOf6(target.base);
  return { a, b, c, d, kind: KIND6 + target.length };
}

/** The key of the prefix of so many bits around an IPv6 target: without text, see `keyOf`. */
export function keyAround({ a, b, c, d }: TargetKey, length: number): TargetKey {
  const cut = (word: number, bits: number) =>
    bits >= 32 ? word : bits <= 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0;
  return {
    a: cut(a, length),
    b: cut(b, length - 32),
    c: cut(c, length - 64),
    d: cut(d, length - 96),
    kind: KIND6 + length,
  };
}

/** True for a target of IPv6. */
export function isSix({ kind }: TargetKey): boolean {
  return kind >= KIND6;
}

/** The target of a key. */
export function targetOfKey({ a, b, c, d, kind }: TargetKey): Prefix {
  if (kind < KIND6) return prefixOf(fromBits(4, BigInt(d)), kind - KIND4);
  const bits = (BigInt(a) << 96n) | (BigInt(b) << 64n) | (BigInt(c) << 32n) | BigInt(d);
  return prefixOf(fromBits(6, bits, false), kind - KIND6);
}

/**
 * Where a search for the key begins. `seed` is secret: strangers choose their addresses, and must
 * not choose collisions.
 */
function hashOf({ a, b, c, d, kind }: TargetKey, seed: number): number {
  let hash = seed ^ kind;
  for (const word of [a, b, c, d]) {
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}

const FIRST_CAPACITY = 1_024;

/**
 * Finds the slot of a key: an open hash table (linear probing, deletion by shifting back) whose
 * keys stand in columns, 17 bytes each. A `Map` would take five times that, and leave text behind
 * for the garbage collector.
 */
export class KeyIndex {
  #words = new Uint32Array(4 * FIRST_CAPACITY);
  #kind = new Uint8Array(FIRST_CAPACITY);
  /** Slots, or NONE; at most half full. */
  #table = new Int32Array(2 * FIRST_CAPACITY).fill(NONE);
  #size = 0;
  readonly #seed: number;

  constructor(seed = (Math.random() * 0x1_0000_0000) >>> 0) {
    this.#seed = seed;
  }

  get size(): number {
    return this.#size;
  }

  find(key: TargetKey): number {
    return this.#table[this.#place(key)] ?? NONE;
  }

  /** Binds an absent key to a slot. */
  insert(key: TargetKey, slot: number): void {
    while (slot >= this.#kind.length) this.#growColumns();
    const at = 4 * slot;
    this.#words[at] = key.a;
    this.#words[at + 1] = key.b;
    this.#words[at + 2] = key.c;
    this.#words[at + 3] = key.d;
    this.#kind[slot] = key.kind;
    if (2 * (this.#size + 1) > this.#table.length) this.#growTable();
    this.#table[this.#place(key)] = slot;
    this.#size++;
  }

  key(slot: number): TargetKey {
    // One by one: a piece of the array would be an object of its own, for each of 100,000 targets.
    const words = this.#words;
    const at = 4 * slot;
    return {
      a: words[at] ?? 0,
      b: words[at + 1] ?? 0,
      c: words[at + 2] ?? 0,
      d: words[at + 3] ?? 0,
      kind: this.#kind[slot] ?? 0,
    };
  }

  /** Frees the key of a slot in use. */
  remove(slot: number): void {
    const mask = this.#table.length - 1;
    let hole = this.#place(this.key(slot));
    for (let at = (hole + 1) & mask; this.#table[at] !== NONE; at = (at + 1) & mask) {
      const other = this.#table[at] ?? NONE;
      const home = hashOf(this.key(other), this.#seed) & mask;
      // It may move into the hole unless its own place lies between the hole and where it stands.
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#table[hole] = other;
      hole = at;
    }
    this.#table[hole] = NONE;
    this.#kind[slot] = 0;
    this.#size--;
  }

  /** Place of the key, or the free place where it would stand. */
  #place(key: TargetKey): number {
    const mask = this.#table.length - 1;
    for (let at = hashOf(key, this.#seed) & mask; ; at = (at + 1) & mask) {
      const slot = this.#table[at] ?? NONE;
      if (slot === NONE || this.#holds(slot, key)) return at;
    }
  }

  #holds(slot: number, key: TargetKey): boolean {
    const at = 4 * slot;
    return (
      this.#kind[slot] === key.kind &&
      this.#words[at + 3] === key.d &&
      this.#words[at + 1] === key.b &&
      this.#words[at] === key.a &&
      this.#words[at + 2] === key.c
    );
  }

  #growColumns(): void {
    this.#words = grown(this.#words, new Uint32Array(2 * this.#words.length));
    this.#kind = grown(this.#kind, new Uint8Array(2 * this.#kind.length));
  }

  /** No two keys are the same, so none is looked at: a start puts in 200,000. */
  #growTable(): void {
    const table = new Int32Array(2 * this.#table.length).fill(NONE);
    const mask = table.length - 1;
    for (const slot of this.#table) {
      if (slot === NONE) continue;
      let at = hashOf(this.key(slot), this.#seed) & mask;
      while (table[at] !== NONE) at = (at + 1) & mask;
      table[at] = slot;
    }
    this.#table = table;
  }
}
