/**
 * When to read ahead: where much is stored, a thread of C reads on while what it has read is judged. It reads what was
 * stored when the source was opened; the source goes on from there by itself, and sees to files that came and went.
 */
import type { Place } from '../../native/batch-bytes.js';
import type { Ahead, AheadBatch, RawBatch, Reader } from '../../native/reader.js';

/** So many full batches in a row show that there is a past to catch up with. */
const BATCHES_BEFORE = 3;
/** Of fewer batches that were read ahead, finding the place cost more than was won: not again in this source. */
const BATCHES_WORTH = 10;

export class ReadAhead {
  readonly #reader: Reader;
  #ahead: Ahead | undefined;
  #full = 0;
  #taken = 0;
  #worth = true;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** True while there is, or may be, a batch that was read ahead. */
  get active(): boolean {
    return this.#ahead !== undefined;
  }

  /** Notes a batch that the source has read itself, of at most `max` entries; may begin to read ahead after it. */
  note({ read, more }: RawBatch, max: number, place: () => Place | undefined): void {
    this.#full = more && read === max ? this.#full + 1 : 0;
    if (this.#full < BATCHES_BEFORE || !this.#worth || this.#reader.ahead === undefined) return;
    const from = place();
    if (from === undefined) return;
    this.#taken = 0;
    this.#ahead = this.#reader.ahead(from);
  }

  /** The next batch; undefined when all is read and the source must go on itself, from the last batch. */
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
