/** The cursors of the entries that failures came from, so that a ban can name its evidence. */
import { type Cursor, cursor } from '../../core/names.js';

/** Where a cursor stands in the log; `NO_EVIDENCE` when it was not kept. */
export type EvidenceRef = number;
export const NO_EVIDENCE: EvidenceRef = -1;

const LENGTH_BYTES = 2;

/**
 * The cursors of recent failures, in one ring of bytes shared by all jails: strictly bounded,
 * nothing for the garbage collector, and no cursor can hold on to the text it was cut from. When
 * the ring comes round, the oldest cursors are gone; a ban then names fewer entries, its count
 * stays right.
 */
export class EvidenceLog {
  readonly #bytes: Buffer;
  readonly #cursorBytesMax: number;
  /** Bytes ever written; the position of the next record. */
  #end = 0;
  #last: { readonly cursor: Cursor; readonly ref: EvidenceRef } | undefined;

  constructor(bytesMax: number, cursorBytesMax: number) {
    if (bytesMax < 2 * (LENGTH_BYTES + cursorBytesMax))
      throw new RangeError(`evidence log of ${bytesMax} bytes`);
    this.#bytes = Buffer.alloc(bytesMax);
    this.#cursorBytesMax = cursorBytesMax;
  }

  /**
   * Keeps a cursor; the same one several times in a row (an entry that concerns several jails) is
   * kept once.
   */
  append(text: Cursor): EvidenceRef {
    if (this.#last?.cursor === text) return this.#last.ref;
    const length = Buffer.byteLength(text);
    if (length > this.#cursorBytesMax) return NO_EVIDENCE;
    const need = LENGTH_BYTES + length;
    let offset = this.#end % this.#bytes.length;
    if (offset + need > this.#bytes.length) {
      this.#end += this.#bytes.length - offset;
      offset = 0;
    }
    const ref = this.#end;
    this.#bytes.writeUInt16LE(length, offset);
    this.#bytes.write(text, offset + LENGTH_BYTES, length, 'utf8');
    this.#end += need;
    this.#last = { cursor: text, ref };
    return ref;
  }

  /** The cursor, or undefined when it was not kept or has been overwritten. */
  read(ref: EvidenceRef): Cursor | undefined {
    if (ref < 0 || ref < this.#end - this.#bytes.length) return undefined;
    const offset = ref % this.#bytes.length;
    const length = this.#bytes.readUInt16LE(offset);
    return cursor(
      this.#bytes.toString('utf8', offset + LENGTH_BYTES, offset + LENGTH_BYTES + length),
    );
  }
}
