/**
 * The C batch reader (`native/batch/`): what `PlainReader` does, in one call for many entries, and
 * ahead of what is judged.
 */
import { OperatingError } from '../src/core/errors.js';
import { BATCH_ENTRIES_MAX } from '../src/core/limits.js';
import { cursor } from '../src/core/names.js';
import { entryTime } from '../src/core/time.js';
import { COUNTS_BYTES, namesOf, placeOf, RecordDecoder, readRequest } from './batch-bytes.js';
import type { AheadFunctions, Functions } from './batch-library.js';
import { callFailed } from './errors.js';
import type { JournalHandle } from './journal.js';
import { StableMemory } from './libc.js';
import type {
  Ahead,
  AheadBatch,
  Awaited,
  EntryReader,
  RawBatch,
  ReadRange,
  Wanted,
} from './raw-entries.js';

/**
 * Bytes for records beyond the room that the largest needs; a batch of ordinary entries takes a
 * tenth of it.
 */
const BUFFER_BYTES = 512 * 1024;

/** No descriptor, for poll(2). */
const NONE = -1;

/** What `banjour_wait` returns. */
const AWAITED = ['nothing', 'entry', 'invalidate'] as const;

export class BatchReader implements EntryReader {
  readonly #functions: Functions;
  readonly #wanted: Wanted;
  readonly #decoder: RecordDecoder;
  #reader: bigint | undefined;
  readonly #buffer: StableMemory;
  readonly #counts = new StableMemory(COUNTS_BYTES);

  constructor(functions: Functions, wanted: Wanted) {
    this.#functions = functions;
    this.#wanted = wanted;
    this.#decoder = new RecordDecoder(namesOf(wanted));
    const wishes = readRequest(wanted);
    const reader = functions.make(wishes, wishes.length);
    if (reader === null) throw new Error('bug: the batch reader refuses what is wanted');
    this.#reader = reader;
    this.#buffer = new StableMemory(Number(functions.recordMax(reader)) + BUFFER_BYTES);
  }

  read(handle: JournalHandle, max: number, fromCurrent: boolean): RawBatch {
    if (this.#reader === undefined)
      throw new OperatingError('ERR_JOURNAL_CLOSED', 'the reader is closed');
    const { address, bytes } = this.#buffer;
    const result = this.#functions.read(
      this.#reader,
      handle.pointer,
      max,
      fromCurrent ? 1 : 0,
      address,
      bytes.length,
      this.#counts.address,
    );
    if (result < 0) throw callFailed('banjour_read', result);
    return this.#decoder.batch(this.#counts.bytes, bytes, 0);
  }

  ahead(place: ReadRange): Ahead {
    return new AheadReader(
      this.#functions.ahead,
      this.#wanted,
      place,
      BATCH_ENTRIES_MAX,
      this.#buffer.bytes.length,
    );
  }

  wait(handle: JournalHandle, interval: number, most: number, orders = NONE): Awaited {
    const result = this.#functions.wait(handle.pointer, orders, interval * 1_000, most * 1_000);
    if (result < 0) throw callFailed('banjour_wait', result);
    return AWAITED[result] ?? 'nothing';
  }

  close(): void {
    if (this.#reader === undefined) return;
    this.#functions.free(this.#reader);
    this.#reader = undefined;
    this.#buffer.free();
    this.#counts.free();
  }
}

// Stored entries, read ahead by a thread of C (native/batch/ahead.c) while those before them are
// judged here.

/** `BANJOUR_AHEAD_CHUNKS` and `BANJOUR_CURSOR_BYTES_MAX` of batch.h. */
const CHUNKS = 3;
const CURSOR_BYTES = 512;
/** Where `struct banjour_chunk` has the time, the chunk's index, and the cursor. */
const REALTIME_AT = COUNTS_BYTES;
const INDEX_AT = REALTIME_AT + 8;
const CURSOR_AT = INDEX_AT + 4;

class AheadReader implements Ahead {
  readonly #functions: AheadFunctions;
  readonly #decoder: RecordDecoder;
  readonly #size: number;
  readonly #memory: StableMemory;
  readonly #chunk = new StableMemory(CURSOR_AT + CURSOR_BYTES);
  #ahead: bigint | null;

  /** Begins at once. `size`: bytes of a chunk; `max`: entries of one. */
  constructor(
    functions: AheadFunctions,
    wanted: Wanted,
    place: ReadRange,
    max: number,
    size: number,
  ) {
    this.#functions = functions;
    this.#decoder = new RecordDecoder(namesOf(wanted));
    this.#size = size;
    this.#memory = new StableMemory(CHUNKS * size);
    const [wishes, where] = [readRequest(wanted), placeOf(place)];
    this.#ahead = functions.make(
      wishes,
      wishes.length,
      where,
      where.length,
      max,
      this.#memory.address,
      size,
    );
  }

  take(): AheadBatch | undefined {
    if (this.#ahead === null || this.#functions.take(this.#ahead, this.#chunk.address) <= 0)
      return undefined;
    const chunk = this.#chunk.bytes;
    const from = chunk.readUInt32LE(INDEX_AT) * this.#size;
    const end = chunk.indexOf(0, CURSOR_AT);
    return {
      batch: this.#decoder.batch(chunk, this.#memory.bytes, from),
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
