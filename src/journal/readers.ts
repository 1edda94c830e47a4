/** The ways to read many entries of one handle: through C, call by call, or as one of several that share a reader. */
import { BatchReader, batchReader } from '../../native/batch.js';
import { PlainReader, type Reader, type Wanted } from '../../native/reader.js';

/** Reads call by call, through FFI. */
export function plainReader(wanted: Wanted): Reader {
  return new PlainReader(wanted);
}

/** One reader for the sources of many files that are read alike: its buffers are the larger part of a source. */
export class SharedReader {
  #reader: Reader | undefined;

  /** The reader as one source may have it; closing that source leaves it open. */
  share(wanted: Wanted): Reader {
    this.#reader ??= bestReader(wanted);
    const reader = this.#reader;
    return { read: (handle, max, fromCurrent) => reader.read(handle, max, fromCurrent), close: () => undefined };
  }

  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }
}

/** Reads through C when the batch reader was compiled, else call by call. */
export function bestReader(wanted: Wanted): Reader {
  const { functions } = batchReader();
  return functions === undefined ? new PlainReader(wanted) : new BatchReader(functions, wanted);
}
