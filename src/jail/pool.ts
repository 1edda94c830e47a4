/** The failures of one jail in columns of numbers, without an object for each. */
import { type EvidenceRef, NO_EVIDENCE } from './evidence/log.js';

/** No record, no slot. */
export const NONE = -1;

const FIRST_CAPACITY = 1_024;

/**
 * All failures of one jail in columns of numbers: 25 bytes each, no objects. Records form chains,
 * newest first; freed ones are used again. Grows by doubling up to its bound.
 */
export class FailurePool {
  #time = new Float64Array(FIRST_CAPACITY);
  #count = new Uint8Array(FIRST_CAPACITY);
  #evidence = new Float64Array(FIRST_CAPACITY);
  #points = new Float32Array(FIRST_CAPACITY);
  #older = new Int32Array(FIRST_CAPACITY);
  #free = NONE;
  #fresh = 0;
  #used = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get used(): number {
    return this.#used;
  }

  get full(): boolean {
    return this.#used >= this.#max;
  }

  /**
   * Takes a record; the caller makes room first when `full`. `points`: what it weighed, of a jail
   * that weighs.
   */
  take(time: number, count: number, evidence: EvidenceRef, points: number): number {
    let record = this.#free;
    if (record === NONE) {
      record = this.#fresh++;
      if (record >= this.#time.length) this.#grow();
    } else this.#free = this.#older[record] ?? NONE;
    this.#time[record] = time;
    this.#count[record] = count;
    this.#evidence[record] = evidence;
    this.#points[record] = points;
    this.#older[record] = NONE;
    this.#used++;
    return record;
  }

  release(record: number): void {
    this.#older[record] = this.#free;
    this.#free = record;
    this.#used--;
  }

  time(record: number): number {
    return this.#time[record] ?? 0;
  }

  count(record: number): number {
    return this.#count[record] ?? 0;
  }

  evidence(record: number): EvidenceRef {
    return this.#evidence[record] ?? NO_EVIDENCE;
  }

  points(record: number): number {
    return this.#points[record] ?? 0;
  }

  older(record: number): number {
    return this.#older[record] ?? NONE;
  }

  setOlder(record: number, older: number): void {
    this.#older[record] = older;
  }

  #grow(): void {
    const size = Math.min(this.#max, this.#time.length * 2);
    this.#time = grown(this.#time, new Float64Array(size));
    this.#count = grown(this.#count, new Uint8Array(size));
    this.#evidence = grown(this.#evidence, new Float64Array(size));
    this.#points = grown(this.#points, new Float32Array(size));
    this.#older = grown(this.#older, new Int32Array(size));
  }
}

/** Copies a column into its longer successor. */
export function grown<
  T extends Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array,
>(from: T, to: T): T {
  to.set(from);
  return to;
}
