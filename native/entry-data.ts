/** Data of entries: copied out of libsystemd's memory in bounded pieces. */
import koffi from 'koffi';
import { FIELD_BYTES_MAX, MESSAGE_TAIL_CHARS } from '../src/core/limits.js';
import { StableMemory, stableText } from './libc.js';
import type { Pointer } from './libsystemd.js';

/** Kept of the end of data longer than `FIELD_BYTES_MAX`; a UTF-8 character has at most 4 bytes. */
export const DATA_TAIL_BYTES = 4 * MESSAGE_TAIL_CHARS;
/** Kept of its beginning, the field's name included. */
export const DATA_HEAD_BYTES = FIELD_BYTES_MAX - DATA_TAIL_BYTES;

/** What reading one field came to. */
export const READ = { unreadable: -1, absent: 0, found: 1 } as const;
export type Read = (typeof READ)[keyof typeof READ];

/** A field's name, kept where C can find it. */
export interface FieldKey {
  readonly name: string;
  readonly address: bigint;
}

const keys = new Map<string, FieldKey>();

/**
 * The key of a field; the same name gives the same key. Names come from configuration, so their
 * number is bounded.
 */
export function fieldKey(name: string): FieldKey {
  let key = keys.get(name);
  if (key === undefined) {
    key = { name, address: stableText(name) };
    keys.set(name, key);
  }
  return key;
}

type Memcpy = (to: Pointer, from: Pointer, bytes: number) => undefined;
/** libc's memcpy(3), the one way to copy from an address that only C knows. */
let memcpy: Memcpy | undefined;

/**
 * The data read last, as `NAME=value`. Data longer than `FIELD_BYTES_MAX` is there as its first
 * `DATA_HEAD_BYTES` and, from `split` on, its last `DATA_TAIL_BYTES`.
 */
export class DataCopy {
  readonly #memory = new StableMemory(FIELD_BYTES_MAX);
  readonly #tailAddress = this.#memory.address + BigInt(DATA_HEAD_BYTES);
  readonly #memcpy: Memcpy;
  /** Bytes that are valid until the next read. */
  length = 0;
  /** Where the tail begins, 0 when the data is whole. */
  split = 0;

  constructor() {
    memcpy ??= koffi
      .load('libc.so.6')
      .func('memcpy', 'void', ['void *', 'void *', 'size_t']) as Memcpy;
    this.#memcpy = memcpy;
  }

  /** Empty once the journal is closed. */
  get bytes(): Buffer {
    return this.#memory.bytes;
  }

  /** Copies the data that libsystemd shows. */
  take(address: bigint, length: number): void {
    const { address: to } = this.#memory;
    if (length <= FIELD_BYTES_MAX) {
      this.#memcpy(to, address, length);
      this.length = length;
      this.split = 0;
    } else {
      this.#memcpy(to, address, DATA_HEAD_BYTES);
      this.#memcpy(this.#tailAddress, address + BigInt(length - DATA_TAIL_BYTES), DATA_TAIL_BYTES);
      this.length = FIELD_BYTES_MAX;
      this.split = DATA_HEAD_BYTES;
    }
  }

  /** The kept bytes from `from` on as Latin-1: fast, and good enough to look for ASCII in. */
  latin1(from: number): string {
    return this.#memory.bytes.toString('latin1', from, this.length);
  }

  /** The kept head from `from` on; invalid UTF-8 becomes U+FFFD. */
  head(from: number): string {
    return this.#memory.bytes.toString('utf8', from, this.split > 0 ? this.split : this.length);
  }

  /** The kept tail, undefined when the data is whole. */
  tail(): string | undefined {
    return this.split > 0
      ? this.#memory.bytes.toString('utf8', this.split, this.length)
      : undefined;
  }

  free(): void {
    this.#memory.free();
    this.length = 0;
    this.split = 0;
  }
}
