/** Memory that C may keep a pointer to: it does not move and lives until it is freed. */
import koffi from 'koffi';

/**
 * A block of memory outside of V8's heap with one address for life. Out-parameters of the hot path live here: a call
 * that writes to a fixed address needs no conversion and no allocation.
 */
export class StableMemory {
  /** Where C finds the block. */
  readonly address: bigint;
  #bytes: Buffer;

  constructor(size: number) {
    this.address = koffi.alloc('uint8_t', size) as bigint;
    this.#bytes = Buffer.from(koffi.view(this.address, size));
    this.#bytes.fill(0);
  }

  /** The block's content; empty after `free`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The block as 64-bit words. The caller drops them when it frees the block. */
  words(): BigUint64Array<ArrayBufferLike> {
    return new BigUint64Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length >> 3);
  }

  /** Gives the memory back; the second call does nothing. */
  free(): void {
    if (this.#bytes.length === 0) return;
    this.#bytes = Buffer.alloc(0);
    koffi.free(this.address);
  }
}

/** A constant NUL-terminated text for C, never freed: for the few field names that are asked for again and again. */
export function stableText(text: string): bigint {
  const bytes = Buffer.from(`${text}\0`, 'utf8');
  const address = koffi.alloc('uint8_t', bytes.length) as bigint;
  Buffer.from(koffi.view(address, bytes.length)).set(bytes);
  return address;
}
