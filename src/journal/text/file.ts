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
import { TEXT_PROOF_BYTES } from '../../core/limits.js';
import {
  Chunk,
  JoinedLine,
  type Newline,
  newlineAt,
  newlineLength,
  PendingLine,
  proofOf,
  type RawLine,
  WholeLine,
} from './lines.js';

/** Bytes that are read at once. */
const CHUNK_BYTES = 64 * 1024;

/** A place in a file whose identity is not in question. */
export interface ProvenOffset {
  readonly offset: number;
  readonly proof: string;
}

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
    this.#pending = new PendingLine(newline);
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
    this.#pending = new PendingLine(this.#newline);
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
    const found = newlineAt(bytes, begin, from, this.#newline);
    return found < 0 ? undefined : found + newlineLength(this.#newline);
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
    const lines = this.#split(new Chunk(bytes, from, this.#newline), prefix, from);
    this.#scanned = from + count;
    this.#before = Buffer.from(bytes.subarray(Math.max(0, count - TEXT_PROOF_BYTES)));
    const more = size - this.#scanned >= newlineLength(this.#newline);
    if (!more) this.#changed = mtimeMs;
    return { lines, more };
  }

  /** What stands after the last newline, as a line: for a file that nobody writes any more. */
  rest(): RawLine | undefined {
    if (this.#scanned === this.#start || this.#pending.isEmpty) return undefined;
    const proof = proofOf(this.#before);
    const line = new JoinedLine(this.#pending.take(), this.#start, this.#scanned, () => proof);
    this.#start = this.#scanned;
    this.#startProof = proof;
    return line;
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
    this.#pending = new PendingLine(this.#newline);
    this.#changed = -1;
  }

  #split(chunk: Chunk, prefix: number, from: number): RawLine[] {
    const { bytes, newlineLength: length } = chunk;
    const lines: RawLine[] = [];
    let begin = prefix;
    for (;;) {
      const found = chunk.newlineAt(begin);
      if (found < 0) break;
      const next = found + length;
      const end = from + next;
      if (this.#pending.isWhole(bytes, begin, found))
        lines.push(new WholeLine(chunk, begin, found, this.#start, end));
      else {
        this.#pending.add(bytes.subarray(begin, found));
        const proof = () => chunk.proofBefore(next);
        lines.push(new JoinedLine(this.#pending.take(), this.#start, end, proof));
      }
      begin = next;
      this.#start = end;
    }
    if (begin > prefix) this.#startProof = chunk.proofBefore(begin);
    this.#pending.add(bytes.subarray(begin));
    return lines;
  }
}

const NO_BYTES = Buffer.alloc(0);
const NOTHING: TextRead = { lines: [], more: false };

export function fileId({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}.${ino}`;
}

const BEYOND_ASCII = /[^\0-\x7f]/;

/** Bytes of log files to text. */
export interface Decode {
  /**
   * `start` is the bytes' offset in the file: a byte order mark stands at 0 only. Invalid bytes
   * become U+FFFD.
   */
  (bytes: Buffer, start: number): string;
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
  // Of ISO-2022-JP alone bytes of ASCII may mean other characters.
  const isPlain = newline === 'byte' && decoder.encoding !== 'iso-2022-jp';
  const decode = (bytes: Buffer, start: number) => {
    // A decoder takes several times as long as this, and hardly any line needs one.
    const latin1 = isPlain ? bytes.toString('latin1') : undefined;
    if (latin1 !== undefined && !BEYOND_ASCII.test(latin1)) return latin1;
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
