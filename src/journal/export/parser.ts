/**
 * The journal export format, parsed piece by piece in bounded memory (systemd.dev, "Journal Export
 * Formats"): entries end with an empty line; a field is `NAME=value` and a newline, or `NAME`, a
 * newline, a 64-bit little-endian length, that many bytes and a newline.
 *
 * Input may be hostile. What is malformed is skipped up to the next empty line and counted as one
 * unreadable entry.
 */
import {
  ENTRY_VALUES_MAX,
  EXPORT_FIELD_BYTES_MAX,
  FIELD_BYTES_MAX,
  MESSAGE_TAIL_CHARS,
} from '../../core/limits.js';
import type { MessageValue } from '../message.js';

const NEWLINE = 0x0a;
const EQUALS = 0x3d;
const TAIL_BYTES = 4 * MESSAGE_TAIL_CHARS;
const HEAD_BYTES = FIELD_BYTES_MAX - TAIL_BYTES;
/**
 * Names of journald are at most 64 characters; `__MONOTONIC_TIMESTAMP` and its kind are shorter.
 */
const NAME_BYTES_MAX = 64;
const EMPTY = Buffer.alloc(0);

/** One entry: the wanted fields in the order of the stream, each with its values. */
export type ExportEntry = ReadonlyMap<string, readonly MessageValue[]>;

/** What `next` came to. */
export type ExportItem =
  | { readonly kind: 'entry'; readonly entry: ExportEntry; readonly offset: number }
  | { readonly kind: 'malformed' };

/** Collects a value of any length, keeping its head and its tail. */
class BoundedValue {
  readonly name: string;
  #head: Buffer[] = [];
  #headLength = 0;
  #tail: Buffer = EMPTY;
  #whole = true;

  constructor(name: string) {
    this.name = name;
  }

  add(bytes: Buffer): void {
    let rest = bytes;
    if (this.#whole) {
      const room = FIELD_BYTES_MAX - this.#headLength;
      const taken = rest.subarray(0, room);
      if (taken.length > 0) this.#head.push(Buffer.from(taken));
      this.#headLength += taken.length;
      rest = rest.subarray(room);
      if (rest.length === 0) return;
      const all = Buffer.concat(this.#head);
      this.#head = [all.subarray(0, HEAD_BYTES)];
      this.#tail = all.subarray(HEAD_BYTES);
      this.#whole = false;
    }
    const last = rest.subarray(-TAIL_BYTES);
    this.#tail = Buffer.concat([
      this.#tail.subarray(Math.max(0, this.#tail.length + last.length - TAIL_BYTES)),
      last,
    ]);
  }

  piece(): MessageValue {
    const [only] = this.#head;
    const head = (this.#head.length === 1 && only ? only : Buffer.concat(this.#head)).toString(
      'utf8',
    );
    return this.#whole ? { head } : { head, tail: this.#tail.toString('utf8') };
  }
}

export class ExportParser {
  /** Wanted names by their hash. */
  readonly #wanted = new Map<number, string[]>();
  #buffer: Buffer = EMPTY;
  #at = 0;
  /** Bytes of the stream before `#buffer`. */
  #before = 0;
  #state: 'line' | 'text' | 'binary' | 'binary-end' | 'skip' = 'line';
  #skipAtLineStart = false;
  #binaryLeft = 0;
  #hash = 0;
  #value: BoundedValue | undefined;
  #fields = new Map<string, MessageValue[]>();
  #values = 0;
  #sawField = false;
  #entryOffset = 0;
  #final = false;

  /** Only the wanted fields are kept. */
  constructor(wanted: ReadonlySet<string>) {
    for (const name of wanted) {
      let hash = 0;
      for (const byte of Buffer.from(name)) hash = (Math.imul(hash, 31) + byte) | 0;
      this.#wanted.set(hash, [...(this.#wanted.get(hash) ?? []), name]);
    }
  }

  /**
   * Gives the parser more bytes. Call it only after `next` has returned undefined, so that memory
   * stays bounded.
   */
  feed(chunk: Buffer): void {
    this.#before += this.#at;
    const rest = this.#buffer.subarray(this.#at);
    this.#buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.#at = 0;
  }

  /**
   * Says that no more bytes come: the last entry may lack its empty line, but not the end of a
   * field.
   */
  end(): void {
    this.#final = true;
  }

  /** The next entry; undefined when more bytes are needed, or none are left after `end`. */
  next(): ExportItem | undefined {
    for (;;) {
      const item = this.#step();
      if (item === 'more') return this.#final ? this.#finish() : undefined;
      if (item !== undefined) return item;
    }
  }

  #step(): ExportItem | 'more' | undefined {
    switch (this.#state) {
      case 'line':
        return this.#line();
      case 'text':
        return this.#text();
      case 'binary':
        return this.#binary();
      case 'binary-end':
        return this.#binaryEnd();
      case 'skip':
        return this.#skip();
    }
  }

  #line(): ExportItem | 'more' | undefined {
    const start = this.#at;
    const newline = this.#buffer.indexOf(NEWLINE, start);
    const end = newline < 0 ? this.#buffer.length : newline;
    if (end === start) return newline < 0 ? 'more' : this.#emptyLine();
    const nameEnd = this.#scanName(start, end);
    if (nameEnd < 0) return this.#malformed();
    if (nameEnd === end) return newline < 0 ? 'more' : this.#binaryStart(start, newline);
    this.#sawField = true;
    const name = this.#wantedName(start, nameEnd);
    this.#at = nameEnd + 1;
    if (newline < 0 || newline - this.#at > FIELD_BYTES_MAX) {
      this.#value = name === undefined ? undefined : new BoundedValue(name);
      this.#state = 'text';
      return undefined;
    }
    if (name !== undefined)
      this.#keep(name, { head: this.#buffer.toString('utf8', this.#at, newline) });
    this.#at = newline + 1;
    return undefined;
  }

  /**
   * The end of the field name that begins at `start`: the index of its `=` or of the end of the
   * line. -1 when it is no name. Names of unwanted fields, which are most of the stream, never
   * become strings: only their hash is looked up.
   */
  #scanName(start: number, end: number): number {
    const buffer = this.#buffer;
    const limit = Math.min(end, start + NAME_BYTES_MAX + 1);
    let hash = 0;
    let at = start;
    for (; at < limit; at++) {
      const byte = buffer[at] as number;
      if (byte === EQUALS) break;
      const isName =
        (byte >= 65 && byte <= 90) || byte === 95 || (byte >= 48 && byte <= 57 && at > start);
      if (!isName) return -1;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    this.#hash = hash;
    return at === start || at - start > NAME_BYTES_MAX ? -1 : at;
  }

  #wantedName(start: number, end: number): string | undefined {
    const candidates = this.#wanted.get(this.#hash);
    if (candidates === undefined || this.#values >= ENTRY_VALUES_MAX) return undefined;
    const name = this.#buffer.toString('latin1', start, end);
    return candidates.includes(name) ? name : undefined;
  }

  #keep(name: string, piece: MessageValue): void {
    const others = this.#fields.get(name);
    if (others === undefined) this.#fields.set(name, [piece]);
    else others.push(piece);
    this.#values++;
  }

  #emptyLine(): ExportItem | undefined {
    this.#at++;
    if (!this.#sawField) {
      this.#entryOffset = this.#before + this.#at;
      return undefined;
    }
    return this.#take();
  }

  #take(): ExportItem {
    const item: ExportItem = { kind: 'entry', entry: this.#fields, offset: this.#entryOffset };
    this.#reset();
    return item;
  }

  #reset(): void {
    this.#fields = new Map();
    this.#values = 0;
    this.#sawField = false;
    this.#value = undefined;
    this.#entryOffset = this.#before + this.#at;
  }

  #store(): void {
    if (this.#value !== undefined) this.#keep(this.#value.name, this.#value.piece());
    this.#value = undefined;
  }

  #text(): 'more' | undefined {
    const newline = this.#buffer.indexOf(NEWLINE, this.#at);
    const end = newline < 0 ? this.#buffer.length : newline;
    this.#value?.add(this.#buffer.subarray(this.#at, end));
    this.#at = end;
    if (newline < 0) return 'more';
    this.#at++;
    this.#store();
    this.#state = 'line';
    return undefined;
  }

  #binaryStart(start: number, newline: number): ExportItem | 'more' | undefined {
    if (this.#buffer.length < newline + 9) return 'more';
    const length = this.#buffer.readBigUInt64LE(newline + 1);
    if (length > BigInt(EXPORT_FIELD_BYTES_MAX)) return this.#malformed();
    this.#sawField = true;
    const name = this.#wantedName(start, newline);
    this.#value = name === undefined ? undefined : new BoundedValue(name);
    this.#at = newline + 9;
    this.#binaryLeft = Number(length);
    this.#state = 'binary';
    return undefined;
  }

  #binary(): 'more' | undefined {
    const end = Math.min(this.#buffer.length, this.#at + this.#binaryLeft);
    this.#value?.add(this.#buffer.subarray(this.#at, end));
    this.#binaryLeft -= end - this.#at;
    this.#at = end;
    if (this.#binaryLeft > 0) return 'more';
    this.#state = 'binary-end';
    return undefined;
  }

  #binaryEnd(): ExportItem | 'more' | undefined {
    if (this.#at === this.#buffer.length) return 'more';
    if (this.#buffer[this.#at] !== NEWLINE) return this.#malformed();
    this.#at++;
    this.#store();
    this.#state = 'line';
    return undefined;
  }

  #malformed(): ExportItem {
    this.#state = 'skip';
    this.#skipAtLineStart = false;
    return { kind: 'malformed' };
  }

  /** Goes on behind the next empty line. */
  #skip(): 'more' | undefined {
    while (this.#at < this.#buffer.length) {
      if (this.#skipAtLineStart && this.#buffer[this.#at] === NEWLINE) {
        this.#at++;
        this.#reset();
        this.#state = 'line';
        return undefined;
      }
      const newline = this.#buffer.indexOf(NEWLINE, this.#at);
      this.#skipAtLineStart = newline >= 0;
      this.#at = newline < 0 ? this.#buffer.length : newline + 1;
    }
    return 'more';
  }

  /**
   * After the last byte: an entry whose last field is whole counts, one that broke off in a field
   * is malformed.
   */
  #finish(): ExportItem | undefined {
    const broken =
      this.#state === 'text' || this.#state.startsWith('binary') || this.#at < this.#buffer.length;
    this.#at = this.#buffer.length;
    this.#state = 'line';
    if (broken) {
      this.#reset();
      return { kind: 'malformed' };
    }
    return this.#sawField ? this.#take() : undefined;
  }
}
