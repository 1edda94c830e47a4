import { KeyIndex } from './key-index.js';
import type { TargetKey } from './keys.js';
import { grown, NONE } from './pool.js';

const FIRST_CAPACITY = 1_024;

/**
 * The targets of one jail, each in a slot, in the order of their newest evidence. A slot has a chain of failures and
 * a floor: the time up to which failures of the target do not count (it was banned, unbanned or forgiven then).
 */
export class TargetTable {
  readonly #index = new KeyIndex();
  #head = new Int32Array(FIRST_CAPACITY).fill(NONE);
  #weight = new Uint32Array(FIRST_CAPACITY);
  #floor = new Float64Array(FIRST_CAPACITY);
  #newer = new Int32Array(FIRST_CAPACITY).fill(NONE);
  #older = new Int32Array(FIRST_CAPACITY).fill(NONE);
  #oldest = NONE;
  #newest = NONE;
  readonly #free: number[] = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#index.size;
  }

  get full(): boolean {
    return this.#index.size >= this.#max;
  }

  /** The slot whose newest evidence is the oldest, or NONE. */
  get oldest(): number {
    return this.#oldest;
  }

  find(key: TargetKey): number {
    return this.#index.find(key);
  }

  /** Makes a slot, newest in order; the caller makes room first when `full`. */
  insert(key: TargetKey): number {
    const slot = this.#free.pop() ?? this.#index.size;
    if (slot >= this.#head.length) this.#grow();
    this.#index.insert(key, slot);
    this.#head[slot] = NONE;
    this.#weight[slot] = 0;
    this.#floor[slot] = 0;
    this.#link(slot);
    return slot;
  }

  /** Gives the slot back; its chain must be empty. */
  remove(slot: number): void {
    this.#unlink(slot);
    this.#index.remove(slot);
    this.#free.push(slot);
  }

  /** Makes the slot the newest. */
  touch(slot: number): void {
    if (slot === this.#newest) return;
    this.#unlink(slot);
    this.#link(slot);
  }

  key(slot: number): TargetKey {
    return this.#index.key(slot);
  }

  /** Newest failure of the slot, or NONE. */
  head(slot: number): number {
    return this.#head[slot] ?? NONE;
  }

  setHead(slot: number, record: number): void {
    this.#head[slot] = record;
  }

  /** Sum of the counts of the slot's failures. */
  weight(slot: number): number {
    return this.#weight[slot] ?? 0;
  }

  setWeight(slot: number, weight: number): void {
    this.#weight[slot] = weight;
  }

  floor(slot: number): number {
    return this.#floor[slot] ?? 0;
  }

  setFloor(slot: number, floor: number): void {
    this.#floor[slot] = floor;
  }

  /** Every slot in use, oldest evidence first. The slot at hand may be removed meanwhile. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let slot = this.#oldest; slot !== NONE; ) {
      const next = this.#newer[slot] ?? NONE;
      yield slot;
      slot = next;
    }
  }

  #link(slot: number): void {
    this.#older[slot] = this.#newest;
    this.#newer[slot] = NONE;
    if (this.#newest === NONE) this.#oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
  }

  #unlink(slot: number): void {
    const newer = this.#newer[slot] ?? NONE;
    const older = this.#older[slot] ?? NONE;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }

  #grow(): void {
    const size = Math.min(this.#max, this.#head.length * 2);
    this.#head = grown(this.#head, new Int32Array(size));
    this.#weight = grown(this.#weight, new Uint32Array(size));
    this.#floor = grown(this.#floor, new Float64Array(size));
    this.#newer = grown(this.#newer, new Int32Array(size));
    this.#older = grown(this.#older, new Int32Array(size));
  }
}
