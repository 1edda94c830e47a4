/**
 * The targets of one jail in the order of their newest failure, so that a flood makes room for
 * itself.
 */
import { isSix, KeyIndex, type TargetKey } from './keys.js';
import { grown, NONE } from './pool.js';

const FIRST_CAPACITY = 1_024;

/**
 * Both families, each with the targets that failed at most once and those that failed again.
 * A flood fills one of these lists. Room is made in the longest list, so each keeps at least a
 * quarter of the whole.
 */
export const LISTS = 4;
/** The first list of IPv6. */
const SIX = 2;

/** What the lists are compared by: how many targets they have, or how many failures. */
export type SizeUnit = 'targets' | 'failures';

/**
 * The targets of one jail, each in a slot of a list, in the order of their newest evidence. A slot
 * has a chain of failures and a floor: the time up to which failures of the target do not count (it
 * was banned, unbanned or forgiven then).
 */
export class TargetTable {
  readonly #index = new KeyIndex();
  #head = new Int32Array(FIRST_CAPACITY).fill(NONE);
  #weight = new Uint32Array(FIRST_CAPACITY);
  #floor = new Float64Array(FIRST_CAPACITY);
  #newer = new Int32Array(FIRST_CAPACITY).fill(NONE);
  #older = new Int32Array(FIRST_CAPACITY).fill(NONE);
  #list = new Uint8Array(FIRST_CAPACITY);
  readonly #oldest = new Int32Array(LISTS).fill(NONE);
  readonly #newest = new Int32Array(LISTS).fill(NONE);
  readonly #sums: Readonly<Record<SizeUnit, Float64Array>> = {
    targets: new Float64Array(LISTS),
    failures: new Float64Array(LISTS),
  };
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

  /** The slot of a list whose newest evidence is the oldest, or NONE. */
  oldest(list: number): number {
    return this.#oldest[list] ?? NONE;
  }

  /**
   * The slot that has to go first: the oldest of the longest list, of equals that which `key` is
   * about to join; never `kept`. NONE when there is no other.
   */
  victim(measure: SizeUnit, key: TargetKey, kept = NONE): number {
    const joined = listOf(isSix(key), 0);
    const sums = this.#sums[measure];
    let found = NONE;
    let most = -1;
    for (let list = 0; list < LISTS; list++) {
      let slot = this.#oldest[list] ?? NONE;
      if (slot === kept && slot !== NONE) slot = this.#newer[slot] ?? NONE;
      const sum = (sums[list] ?? 0) + (list === joined ? 0.5 : 0);
      if (slot === NONE || sum <= most) continue;
      found = slot;
      most = sum;
    }
    return found;
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
    this.#list[slot] = listOf(isSix(key), 0);
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
    if (slot === this.#newest[this.#list[slot] ?? 0]) return;
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

  /** A slot that changes its list becomes the newest of the other. */
  setWeight(slot: number, weight: number): void {
    const list = listOf((this.#list[slot] ?? 0) >= SIX, weight);
    const sums = this.#sums.failures;
    if (list === this.#list[slot]) {
      sums[list] = (sums[list] ?? 0) + weight - this.weight(slot);
      this.#weight[slot] = weight;
      return;
    }
    this.#unlink(slot);
    this.#weight[slot] = weight;
    this.#list[slot] = list;
    this.#link(slot);
  }

  floor(slot: number): number {
    return this.#floor[slot] ?? 0;
  }

  setFloor(slot: number, floor: number): void {
    this.#floor[slot] = floor;
  }

  /**
   * Every slot in use, list by list, oldest evidence first. The slot at hand may be removed
   * meanwhile.
   */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let list = 0; list < LISTS; list++)
      for (let slot = this.oldest(list); slot !== NONE; ) {
        const next = this.#newer[slot] ?? NONE;
        yield slot;
        slot = next;
      }
  }

  #link(slot: number): void {
    const list = this.#list[slot] ?? 0;
    const newest = this.#newest[list] ?? NONE;
    this.#older[slot] = newest;
    this.#newer[slot] = NONE;
    if (newest === NONE) this.#oldest[list] = slot;
    else this.#newer[newest] = slot;
    this.#newest[list] = slot;
    this.#count(slot, 1);
  }

  #unlink(slot: number): void {
    const list = this.#list[slot] ?? 0;
    const newer = this.#newer[slot] ?? NONE;
    const older = this.#older[slot] ?? NONE;
    if (older === NONE) this.#oldest[list] = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest[list] = older;
    else this.#older[newer] = older;
    this.#count(slot, -1);
  }

  #count(slot: number, sign: 1 | -1): void {
    const list = this.#list[slot] ?? 0;
    const { targets, failures } = this.#sums;
    targets[list] = (targets[list] ?? 0) + sign;
    failures[list] = (failures[list] ?? 0) + sign * this.weight(slot);
  }

  #grow(): void {
    const size = Math.min(this.#max, this.#head.length * 2);
    this.#head = grown(this.#head, new Int32Array(size));
    this.#weight = grown(this.#weight, new Uint32Array(size));
    this.#floor = grown(this.#floor, new Float64Array(size));
    this.#newer = grown(this.#newer, new Int32Array(size));
    this.#older = grown(this.#older, new Int32Array(size));
    this.#list = grown(this.#list, new Uint8Array(size));
  }
}

function listOf(isOfSix: boolean, weight: number): number {
  return (isOfSix ? SIX : 0) + (weight > 1 ? 1 : 0);
}
