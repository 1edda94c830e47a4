/** Stored entries, read ahead by a thread of C (native/batch/ahead.c) while those before them are judged here. */
import { cursor } from '../src/core/names.js';
import { entryTime } from '../src/core/time.js';
import { type Place, placeOf, wishesOf } from './batch-bytes.js';
import { StableMemory } from './memory.js';
import type { Ahead, AheadBatch, Wanted } from './reader.js';
import { batchOf, COUNTS_BYTES } from './records.js';

/** `BANJOUR_AHEAD_CHUNKS` and `BANJOUR_CURSOR_BYTES_MAX` of batch.h. */
const CHUNKS = 3;
const CURSOR_BYTES = 512;
/** Where `struct banjour_chunk` has the time, the chunk's index, and the cursor. */
const REALTIME_AT = COUNTS_BYTES;
const INDEX_AT = REALTIME_AT + 8;
const CURSOR_AT = INDEX_AT + 4;

/** The functions of ahead.c. */
export interface AheadFunctions {
  readonly make: (
    wishes: Buffer,
    length: number,
    place: Buffer,
    placeLength: number,
    max: number,
    memory: bigint,
    size: number,
  ) => bigint | null;
  readonly take: (ahead: bigint, chunk: bigint) => number;
  readonly free: (ahead: bigint) => undefined;
}

export class AheadReader implements Ahead {
  readonly #functions: AheadFunctions;
  readonly #names: readonly string[];
  readonly #size: number;
  readonly #memory: StableMemory;
  readonly #chunk = new StableMemory(CURSOR_AT + CURSOR_BYTES);
  #ahead: bigint | null;

  /** Begins at once. `size`: bytes of a chunk; `max`: entries of one. */
  constructor(functions: AheadFunctions, wanted: Wanted, place: Place, max: number, size: number) {
    this.#functions = functions;
    this.#names = [...wanted.fields];
    this.#size = size;
    this.#memory = new StableMemory(CHUNKS * size);
    const [wishes, where] = [wishesOf(wanted), placeOf(place)];
    this.#ahead = functions.make(wishes, wishes.length, where, where.length, max, this.#memory.address, size);
  }

  take(): AheadBatch | undefined {
    if (this.#ahead === null || this.#functions.take(this.#ahead, this.#chunk.address) <= 0) return undefined;
    const chunk = this.#chunk.bytes;
    const from = chunk.readUInt32LE(INDEX_AT) * this.#size;
    const end = chunk.indexOf(0, CURSOR_AT);
    return {
      batch: batchOf(chunk, this.#memory.bytes, from, this.#names),
      last: {
        cursor: cursor(chunk.toString('latin1', CURSOR_AT, end)),
        time: entryTime(chunk.readBigUInt64LE(REALTIME_AT)),
      },
    };
  }

  close(): void {
    // When there was no thread to be had, there is only the memory.
    if (this.#ahead !== null) this.#functions.free(this.#ahead);
    this.#ahead = null;
    this.#memory.free();
    this.#chunk.free();
  }
}
