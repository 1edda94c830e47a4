/**
 * One text file that grows: its lines, once each, across truncation; and its bytes as text.
 *
 * A place is an offset, and the bytes just before it prove that the file is still the one that was
 * read: they are read again with everything that is new, so a file that was emptied and has grown
 * past the place meanwhile is noticed too. A line counts when its newline is there.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { encodingLabel } from '../../core/encoding.js';
import { OperatorError } from '../../core/errors.js';
import { FIELD_BYTES_MAX, MESSAGE_TAIL_CHARS, TEXT_PROOF_BYTES } from '../../core/limits.js';

/** Bytes that are read at once. */
const CHUNK_BYTES = 64 * 1024;

/** Kept of the end of a line that is too long to be kept whole; a character has at most 4 bytes. */
const TAIL_BYTES = 4 * MESSAGE_TAIL_CHARS;

/**
 * The bytes of one line without its newline; with `tail`, what stood between the two was left out.
 */
export interface RawLine {
  readonly head: Buffer;
  readonly tail?: Buffer;
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset after the newline. */
  readonly end: number;
  /** Proof of the place `end`; to be asked for before the next `read`. */
  proof(): string;
}

/** A place in a file whose identity is not in question. */
export interface ProvenOffset {
  readonly offset: number;
  readonly proof: string;
}

export type Newline = 'byte' | 'utf-16le' | 'utf-16be';

/** What one `read` came to. */
export interface TextRead {
  readonly lines: readonly RawLine[];
  /** False when the end of the file was reached. */
  readonly more: boolean;
  /**
   * Set when the file was begun anew: how far it had been looked at, and where the line began that
   * had not ended.
   */
  readonly restarted?: ProvenOffset & { readonly lineStart: number };
}

export class TextFile {
  readonly path: string;
  /** Device and inode, as `dev.ino`. */
  readonly id: string;
  /** Size when it was opened. */
  readonly openedSize: number;
  generation = 0;
  readonly chunkBytes: number;
  readonly #file: number;
  readonly #newline: Newline;
  readonly #chunk: Buffer;
  /** Offset of the line that is being collected, and of the first byte that was not looked at. */
  #start = 0;
  #scanned = 0;
  #startProof = proofOf(NO_BYTES);
  #pending: PendingLine;
  /** The bytes before `#scanned`. */
  #before: Buffer = NO_BYTES;
  #changed = -1;
  #closed = false;

  /** @throws ErrnoException when it cannot be opened or is no regular file */
  constructor(path: string, newline: Newline = 'byte', chunkBytes = CHUNK_BYTES) {
    this.path = path;
    this.#newline = newline;
    this.#pending = this.#newPending();
    this.#file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const stats = fstatSync(this.#file, { bigint: true });
    if (!stats.isFile()) {
      closeSync(this.#file);
      throw Object.assign(new Error(`${path} is not a file`), { code: 'ENOTREG' });
    }
    this.id = fileId(stats);
    this.openedSize = Number(stats.size);
    this.chunkBytes = chunkBytes;
    this.#chunk = Buffer.allocUnsafe(TEXT_PROOF_BYTES + chunkBytes);
  }

  /** Offset after the last line that was read. */
  get at(): number {
    return this.#start;
  }

  /** Proof of the place `at`. */
  get proof(): string {
    return this.#startProof;
  }

  size(): number {
    return this.stats().size;
  }

  stats(): Stats {
    return fstatSync(this.#file);
  }

  /** Goes to the beginning of a line. */
  goTo(offset: number): void {
    this.#start = offset;
    this.#scanned = offset;
    this.#pending = this.#newPending();
    this.#before = this.bytesBefore(offset);
    this.#startProof = proofOf(this.#before);
  }

  /** The proof of a place, read from the file. */
  proofAt(offset: number): string {
    return proofOf(this.bytesBefore(offset));
  }

  /** Up to `length` bytes before the offset; fewer where there are none. */
  bytesBefore(offset: number, length = TEXT_PROOF_BYTES): Buffer {
    const start = Math.max(0, offset - length);
    return this.bytesAt(start, offset - start);
  }

  bytesAt(start: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, readSync(this.#file, bytes, 0, length, start));
  }

  /** Index after the next newline of bytes that stand at `from` in the file. */
  newlineEnd(bytes: Buffer, begin: number, from: number): number | undefined {
    const found = this.#newlineAt(bytes, begin, from);
    return found < 0 ? undefined : found + this.#newlineLength;
  }

  /** Offset after the last newline among bytes that stand at `from` in the file. */
  lastNewlineEnd(bytes: Buffer, from: number): number | undefined {
    let last: number | undefined;
    for (
      let at = this.newlineEnd(bytes, 0, from);
      at !== undefined;
      at = this.newlineEnd(bytes, at, from)
    )
      last = at;
    return last === undefined ? undefined : from + last;
  }

  /** Lines that are complete, at most one chunk's. */
  read(): TextRead {
    const { size, mtimeMs } = this.stats();
    if (size === this.#scanned && mtimeMs === this.#changed) return NOTHING;
    const prefix = this.#before.length;
    const from = this.#scanned - prefix;
    const got =
      size < this.#scanned ? 0 : readSync(this.#file, this.#chunk, 0, this.#chunk.length, from);
    if (got < prefix || this.#before.compare(this.#chunk, 0, prefix) !== 0) {
      const restarted = {
        offset: this.#scanned,
        proof: proofOf(this.#before),
        lineStart: this.#start,
      };
      this.restart();
      return { lines: [], more: true, restarted };
    }
    // Half a character of UTF-16 waits for its other half.
    const count = this.#newline === 'byte' ? got : got - ((from + got) % 2);
    const bytes = this.#chunk.subarray(0, count);
    const lines = this.#split(bytes, prefix, from);
    this.#scanned = from + count;
    this.#before = Buffer.from(bytes.subarray(Math.max(0, count - TEXT_PROOF_BYTES)));
    const more = size - this.#scanned >= this.#newlineLength;
    if (!more) this.#changed = mtimeMs;
    return { lines, more };
  }

  /** What stands after the last newline, as a line: for a file that nobody writes any more. */
  rest(): RawLine | undefined {
    if (this.#scanned === this.#start || this.#pending.empty) return undefined;
    const line = { ...this.#pending.take(), start: this.#start, end: this.#scanned };
    const proof = proofOf(this.#before);
    this.#start = this.#scanned;
    this.#startProof = proof;
    return { ...line, proof: () => proof };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#file);
  }

  /** Another file's content stands here now: everything is read from the beginning. */
  restart(): void {
    this.generation++;
    this.#start = 0;
    this.#scanned = 0;
    this.#before = NO_BYTES;
    this.#startProof = proofOf(NO_BYTES);
    this.#pending = this.#newPending();
    this.#changed = -1;
  }

  #newPending(): PendingLine {
    return new PendingLine(this.#newline === 'byte');
  }

  #split(bytes: Buffer, prefix: number, from: number): RawLine[] {
    const lines: RawLine[] = [];
    let begin = prefix;
    for (;;) {
      const found = this.#newlineAt(bytes, begin, from);
      if (found < 0) break;
      this.#pending.add(bytes.subarray(begin, found));
      begin = found + this.#newlineLength;
      const end = from + begin;
      const before = bytes.subarray(Math.max(0, begin - TEXT_PROOF_BYTES), begin);
      lines.push({
        ...this.#pending.take(),
        start: this.#start,
        end,
        proof: () => proofOf(before),
      });
      this.#start = end;
    }
    if (begin > prefix)
      this.#startProof = proofOf(bytes.subarray(Math.max(0, begin - TEXT_PROOF_BYTES), begin));
    this.#pending.add(bytes.subarray(begin));
    return lines;
  }

  get #newlineLength(): number {
    return this.#newline === 'byte' ? 1 : 2;
  }

  /** UTF-16 has a newline of two bytes, at an even offset of the file. */
  #newlineAt(bytes: Buffer, begin: number, from: number): number {
    if (this.#newline === 'byte') return bytes.indexOf(0x0a, begin);
    const wanted = this.#newline === 'utf-16le' ? NEWLINE_LE : NEWLINE_BE;
    for (let at = bytes.indexOf(wanted, begin); at >= 0; at = bytes.indexOf(wanted, at + 1))
      if ((from + at) % 2 === 0) return at;
    return -1;
  }
}

const NO_BYTES = Buffer.alloc(0);
const NOTHING: TextRead = { lines: [], more: false };
const NEWLINE_LE = Buffer.from([0x0a, 0]);
const NEWLINE_BE = Buffer.from([0, 0x0a]);

/** A line that has not ended yet: its first bytes and, when there are too many, its last. */
class PendingLine {
  #parts: Buffer[] = [];
  #bytes = 0;
  #tail: Buffer | undefined;
  readonly #skipZeros: boolean;

  constructor(skipZeros: boolean) {
    this.#skipZeros = skipZeros;
  }

  get empty(): boolean {
    return this.#bytes === 0 && this.#tail === undefined;
  }

  add(bytes: Buffer): void {
    let rest = bytes;
    if (this.#skipZeros && this.empty) {
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

  take(): { readonly head: Buffer; readonly tail?: Buffer } {
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

export function fileId({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}.${ino}`;
}

/**
 * 53 bits of a hash (two rounds of FNV-1a with different primes) in base 36. It guards against
 * mistakes, not forgery.
 */
export function proofOf(bytes: Uint8Array): string {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x85ebca6b) ^ (b >>> 15);
  }
  return ((a >>> 0) * 0x200000 + ((b >>> 0) & 0x1fffff)).toString(36);
}

/** Bytes of log files to text. */
export interface Decode {
  /**
   * `start` is the bytes' offset in the file: a byte order mark stands at 0 only. Invalid bytes
   * become U+FFFD.
   */
  (bytes: Uint8Array, start: number): string;
  /** ASCII is written as in ASCII, so bytes can be searched undecoded. */
  readonly asciiBytes: boolean;
}

/**
 * The decoder of a `logencoding`: `auto` is UTF-8; Python's names are understood where they differ
 * from the labels of the WHATWG Encoding Standard. Throws OperatorError for others.
 */
export function decoderOf(encoding: string, path: string): Decode {
  const label = encodingLabel(encoding);
  const newline = newlineOf(encoding);
  let decoder: InstanceType<typeof TextDecoder>;
  try {
    decoder = new TextDecoder(label, { ignoreBOM: true });
  } catch (cause) {
    throw new OperatorError(`the encoding ${JSON.stringify(encoding)} of ${path} is not known`, {
      hint: 'write logencoding = auto, utf-8, iso-8859-1, windows-1252, utf-16le ...',
      cause,
    });
  }
  const decode = (bytes: Uint8Array, start: number) => {
    const text = decoder.decode(bytes);
    return start === 0 && text.startsWith('\ufeff') ? text.slice(1) : text;
  };
  return Object.assign(decode, { asciiBytes: newline === 'byte' });
}

/** How lines end in the encoding. */
export function newlineOf(encoding: string): Newline {
  const label = encodingLabel(encoding);
  return label === 'utf-16le' || label === 'utf-16be' ? label : 'byte';
}
