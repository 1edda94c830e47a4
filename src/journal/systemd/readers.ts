/**
 * The ways to read many entries of one handle: through C, call by call, as one of several that
 * share a reader, or ahead of what is judged.
 */

import { batchReader } from '../../../native/batch-library.js';
import { BatchReader } from '../../../native/batch-reader.js';
import { PlainReader } from '../../../native/plain-reader.js';
import type {
  Ahead,
  AheadBatch,
  EntryReader,
  RawBatch,
  ReadRange,
  Wanted,
} from '../../../native/raw-entries.js';

/** Reads call by call, through FFI. */
export function plainReader(wanted: Wanted): EntryReader {
  return new PlainReader(wanted);
}

/**
 * One reader for the sources of many files that are read alike: its buffers are the larger part of
 * a source.
 */
export class SharedReader {
  #reader: EntryReader | undefined;

  /** The reader as one source may have it; closing that source leaves it open. */
  share(wanted: Wanted): EntryReader {
    this.#reader ??= bestReader(wanted);
    const reader = this.#reader;
    return {
      read: (handle, max, fromCurrent) => reader.read(handle, max, fromCurrent),
      close: () => undefined,
    };
  }

  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }
}

/** Reads through C when the batch reader was compiled, else call by call. */
export function bestReader(wanted: Wanted): EntryReader {
  const { functions } = batchReader();
  return functions === undefined ? new PlainReader(wanted) : new BatchReader(functions, wanted);
}

// When to read ahead: where much is stored, a thread of C reads on while what it has read is
// judged. It reads what was stored when the source was opened; the source goes on from there by
// itself, and sees to files that came and went.

/** So many full batches in a row show that there is a past to catch up with. */
const BATCHES_BEFORE = 3;
/**
 * Of fewer batches that were read ahead, finding the place cost more than was won: not again in
 * this source.
 */
const BATCHES_WORTH = 10;

export class ReadAhead {
  readonly #reader: EntryReader;
  #ahead: Ahead | undefined;
  #full = 0;
  #taken = 0;
  #worth = true;

  constructor(reader: EntryReader) {
    this.#reader = reader;
  }

  /** True while there is, or may be, a batch that was read ahead. */
  get active(): boolean {
    return this.#ahead !== undefined;
  }

  /**
   * Notes a batch that the source has read itself, of at most `max` entries; may begin to read
   * ahead after it.
   */
  note({ read, more }: RawBatch, max: number, place: () => ReadRange | undefined): void {
    this.#full = more && read === max ? this.#full + 1 : 0;
    if (this.#full < BATCHES_BEFORE || !this.#worth || this.#reader.ahead === undefined) return;
    const from = place();
    if (from === undefined) return;
    this.#taken = 0;
    this.#ahead = this.#reader.ahead(from);
  }

  /**
   * The next batch; undefined when all is read and the source must go on itself, from the last
   * batch.
   */
  take(): AheadBatch | undefined {
    const batch = this.#ahead?.take();
    if (batch === undefined) this.close();
    else this.#taken++;
    return batch;
  }

  close(): void {
    if (this.#ahead === undefined) return;
    this.#ahead.close();
    this.#ahead = undefined;
    this.#full = 0;
    this.#worth = this.#taken >= BATCHES_WORTH;
  }
}
