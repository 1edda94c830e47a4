/**
 * The lines among the bytes of a file, chunk by chunk. A busy log has thousands a second, and most
 * concern nobody: so a line that lies whole in its chunk is two numbers, and what is asked of it is
 * made when it is asked.
 */
import { FIELD_BYTES_MAX, MESSAGE_TAIL_CHARS, TEXT_PROOF_BYTES } from '../../core/limits.js';
import type { LiteralTest } from '../../core/text.js';

/** Kept of the end of a line that is too long to be kept whole; a character has at most 4 bytes. */
const TAIL_BYTES = 4 * MESSAGE_TAIL_CHARS;

export type Newline = 'byte' | 'utf-16le' | 'utf-16be';

/** One line without its newline. All of it is good until the file is read again. */
export interface RawLine {
  /** Its bytes; with `tail`, what stood between the two was left out. */
  readonly head: Buffer;
  readonly tail?: Buffer;
  readonly isEmpty: boolean;
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset after the newline. */
  readonly end: number;
  /** One of its first bytes; undefined where it is shorter. */
  byteAt(index: number): number | undefined;
  /** Whether the test holds for its bytes as Latin-1. */
  passes(test: LiteralTest): boolean;
  /** Proof of the place `end`. */
  proof(): string;
}

/** Bytes of a file that were read at once. */
export class Chunk {
  readonly bytes: Buffer;
  readonly #newline: Newline;
  /** Where the bytes begin in the file. */
  readonly #from: number;
  #latin1: string | undefined;

  constructor(bytes: Buffer, from: number, newline: Newline) {
    this.bytes = bytes;
    this.#from = from;
    this.#newline = newline;
  }

  /** All bytes as Latin-1. One text for all lines of the chunk. */
  get latin1(): string {
    this.#latin1 ??= this.bytes.toString('latin1');
    return this.#latin1;
  }

  get newlineLength(): number {
    return newlineLength(this.#newline);
  }

  /** Index of the next newline; below zero when there is none. */
  newlineAt(begin: number): number {
    if (this.#newline === 'byte') return this.latin1.indexOf('\n', begin);
    return newlineAt(this.bytes, begin, this.#from, this.#newline);
  }

  /** Proof of the place before the byte at this index. */
  proofBefore(index: number): string {
    return proofOf(this.bytes, Math.max(0, index - TEXT_PROOF_BYTES), index);
  }
}

const NEWLINE_LE = Buffer.from([0x0a, 0]);
const NEWLINE_BE = Buffer.from([0, 0x0a]);

/**
 * Index of the next newline among bytes that stand at `from` in the file; below zero when there is
 * none. UTF-16 has one of two bytes, at an even offset of the file.
 */
export function newlineAt(bytes: Buffer, begin: number, from: number, newline: Newline): number {
  if (newline === 'byte') return bytes.indexOf(0x0a, begin);
  const wanted = newline === 'utf-16le' ? NEWLINE_LE : NEWLINE_BE;
  for (let at = bytes.indexOf(wanted, begin); at >= 0; at = bytes.indexOf(wanted, at + 1))
    if ((from + at) % 2 === 0) return at;
  return -1;
}

/** Bytes of a newline. */
export function newlineLength(newline: Newline): number {
  return newline === 'byte' ? 1 : 2;
}

/** A line that lies whole in a chunk: from the index `first` to before `last`. */
export class WholeLine implements RawLine {
  readonly start: number;
  readonly end: number;
  readonly #chunk: Chunk;
  readonly #first: number;
  readonly #last: number;

  constructor(chunk: Chunk, first: number, last: number, start: number, end: number) {
    this.#chunk = chunk;
    this.#first = first;
    this.#last = last;
    this.start = start;
    this.end = end;
  }

  get isEmpty(): boolean {
    return this.#first === this.#last;
  }

  get head(): Buffer {
    return this.#chunk.bytes.subarray(this.#first, this.#last);
  }

  byteAt(index: number): number | undefined {
    return this.#first + index < this.#last ? this.#chunk.bytes[this.#first + index] : undefined;
  }

  passes(test: LiteralTest): boolean {
    return test(this.#chunk.latin1, this.#first, this.#last);
  }

  proof(): string {
    return this.#chunk.proofBefore(this.#last + this.#chunk.newlineLength);
  }
}

/** A line that was put together of pieces. */
export class JoinedLine implements RawLine {
  readonly head: Buffer;
  readonly tail?: Buffer;
  readonly start: number;
  readonly end: number;
  readonly proof: () => string;

  constructor(
    { head, tail }: Pick<RawLine, 'head' | 'tail'>,
    start: number,
    end: number,
    proof: () => string,
  ) {
    this.head = head;
    if (tail !== undefined) this.tail = tail;
    this.start = start;
    this.end = end;
    this.proof = proof;
  }

  get isEmpty(): boolean {
    return this.head.length === 0;
  }

  byteAt(index: number): number | undefined {
    return this.head[index];
  }

  passes(test: LiteralTest): boolean {
    const text = this.head.toString('latin1');
    return test(this.tail === undefined ? text : `${text}\n${this.tail.toString('latin1')}`);
  }
}

/** A line that has not ended yet: its first bytes and, when there are too many, its last. */
export class PendingLine {
  #parts: Buffer[] = [];
  #bytes = 0;
  #tail: Buffer | undefined;
  readonly #skipZeros: boolean;

  constructor(newline: Newline) {
    this.#skipZeros = newline === 'byte';
  }

  get isEmpty(): boolean {
    return this.#bytes === 0 && this.#tail === undefined;
  }

  /** True where those bytes are the whole line, just as they stand. */
  isWhole(bytes: Buffer, first: number, last: number): boolean {
    return (
      this.isEmpty && last - first <= FIELD_BYTES_MAX && !(this.#skipZeros && bytes[first] === 0)
    );
  }

  add(bytes: Buffer): void {
    let rest = bytes;
    if (this.#skipZeros && this.isEmpty) {
      // A writer that does not append goes on at its old offset after a truncation: the hole reads
      // as NUL.
      let zeros = 0;
      while (zeros < rest.length && rest[zeros] === 0) zeros++;
      rest = rest.subarray(zeros);
    }
    const room = FIELD_BYTES_MAX - this.#bytes;
    if (room > 0 && rest.length > 0) {
      this.#parts.push(Buffer.from(rest.subarray(0, room)));
      this.#bytes += Math.min(room, rest.length);
    }
    if (rest.length <= room) return;
    const over = rest.subarray(Math.max(0, rest.length - TAIL_BYTES));
    const before = this.#tail ?? Buffer.concat(this.#parts).subarray(-TAIL_BYTES);
    this.#tail = Buffer.concat([before, over]).subarray(-TAIL_BYTES);
  }

  take(): Pick<RawLine, 'head' | 'tail'> {
    const head = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    const tail = this.#tail;
    this.#parts = [];
    this.#bytes = 0;
    this.#tail = undefined;
    return tail === undefined
      ? { head }
      : { head: head.subarray(0, FIELD_BYTES_MAX - TAIL_BYTES), tail };
  }
}

/**
 * 53 bits of a hash (two rounds of FNV-1a with different primes) in base 36. It guards against
 * mistakes, not forgery.
 */
export function proofOf(bytes: Uint8Array, from = 0, to = bytes.length): string {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x85ebca6b) ^ (b >>> 15);
  }
  return ((a >>> 0) * 0x200000 + ((b >>> 0) & 0x1fffff)).toString(36);
}
