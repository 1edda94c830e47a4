/**
 * What Valkey and Redis say (RESP 2), read as it comes, and what they are asked. Whatever they say
 * may be anybody's text: nothing is made room for before it is there, and an answer that is larger
 * than one may be ends the reading. A well-known library has no such bound: eleven bytes that
 * announce 33 million values take 256 MiB of it.
 */
import {
  SHARE_REPLY_BYTES_MAX,
  SHARE_REPLY_DEPTH_MAX,
  SHARE_REPLY_VALUES_MAX,
} from '../core/service-limits.js';

/** What a command was refused with. */
export class ReplyError extends Error {}

export type Reply = string | number | null | ReplyError | readonly Reply[];

const LINE_FEED = 0x0a;
/** First byte of what a server says that waits for TLS. */
const TLS_ALERT = 0x15;

export class ReplyReader {
  readonly #found: (reply: Reply) => void;
  /** Of the answer that is under way, all its bytes. */
  #bytes = 0;
  /** Values that its arrays announce. */
  #values = 0;
  /** A text or a line that has begun, in the first bytes of a buffer that grows. */
  #kept = Buffer.alloc(0);
  #length = 0;
  /** Bytes that are still to come of a text, with its end of line; undefined between two. */
  #left: number | undefined;
  readonly #open: { readonly items: Reply[]; left: number }[] = [];

  /** `found` takes one answer after the other. */
  constructor(found: (reply: Reply) => void) {
    this.#found = found;
  }

  /** Throws for what is no RESP 2, and for an answer that is too large. */
  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; )
      at = this.#left === undefined ? this.#takeLine(chunk, at) : this.#takeText(chunk, at);
  }

  #takeLine(chunk: Buffer, at: number): number {
    if (this.#length === 0 && chunk[at] === TLS_ALERT) throw new Error('its answer is TLS');
    const feed = chunk.indexOf(LINE_FEED, at);
    const end = feed === -1 ? chunk.length : feed + 1;
    this.#keep(chunk.subarray(at, end));
    if (feed !== -1) this.#readLine(this.#ended());
    return end;
  }

  #takeText(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + (this.#left ?? 0));
    this.#keep(chunk.subarray(at, end));
    this.#left = (this.#left ?? 0) - (end - at);
    if (this.#left > 0) return end;
    this.#left = undefined;
    this.#put(this.#ended());
    return end;
  }

  #keep(piece: Buffer): void {
    this.#count(piece.length);
    const length = this.#length + piece.length;
    if (length > this.#kept.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#kept.length));
      this.#kept.copy(larger, 0, 0, this.#length);
      this.#kept = larger;
    }
    piece.copy(this.#kept, this.#length);
    this.#length = length;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > SHARE_REPLY_BYTES_MAX) throw tooLarge();
  }

  /** The text or line that was kept, without its end. */
  #ended(): string {
    const text = this.#kept.toString('utf8', 0, this.#length);
    this.#length = 0;
    if (!text.endsWith('\r\n')) throw new Error('its answer is no RESP');
    return text.slice(0, -2);
  }

  #readLine(line: string): void {
    const rest = line.slice(1);
    const kind = line[0];
    if (kind === '+') this.#put(rest);
    else if (kind === '-') this.#put(new ReplyError(rest));
    else if (kind === ':') this.#put(wholeNumber(rest));
    else if (kind !== '$' && kind !== '*') throw new Error('its answer is no RESP');
    else if (rest === '-1') this.#put(null);
    else if (kind === '$') this.#left = this.#announced(countOf(rest)) + 2;
    else this.#begin(countOf(rest));
  }

  /** So many bytes are to come: too many are refused before the first one is there. */
  #announced(bytes: number): number {
    if (bytes > SHARE_REPLY_BYTES_MAX - this.#bytes) throw tooLarge();
    return bytes;
  }

  #begin(left: number): void {
    this.#values += left;
    if (this.#values > SHARE_REPLY_VALUES_MAX)
      throw new TooLargeError(`its answer has more than ${SHARE_REPLY_VALUES_MAX} values`);
    if (left === 0) this.#put([]);
    else if (this.#open.length === SHARE_REPLY_DEPTH_MAX)
      throw new TooLargeError(`its answer is nested deeper than ${SHARE_REPLY_DEPTH_MAX} arrays`);
    else this.#open.push({ items: [], left });
  }

  #put(value: Reply): void {
    let whole = value;
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      top.items.push(whole);
      if (--top.left > 0) return;
      this.#open.pop();
      whole = top.items;
    }
    this.#bytes = 0;
    this.#values = 0;
    this.#found(whole);
  }
}

/** Says that an answer is too large, which nobody but a person can mend. */
export class TooLargeError extends Error {}

function tooLarge(): TooLargeError {
  return new TooLargeError(`its answer is larger than ${SHARE_REPLY_BYTES_MAX} bytes`);
}

function wholeNumber(text: string): number {
  if (!/^-?\d{1,20}$/.test(text)) throw new Error('its answer is no RESP');
  return Number(text);
}

function countOf(text: string): number {
  const count = wholeNumber(text);
  if (count < 0) throw new Error('its answer is no RESP');
  return count;
}

/** A command as it is sent. */
export function encodeCommand(words: readonly string[]): string {
  const texts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${texts.join('')}`;
}
