/** A JSON list of objects that comes in pieces: its items, as soon as each is there. */
import { CONTROL_STREAM_BACKLOG_BYTES_MAX } from '../core/service-limits.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Brackets and braces. */
const isOpening = (byte: number) => byte === 0x5b || byte === 0x7b;
const isClosing = (byte: number) => byte === 0x5d || byte === 0x7d;

export class ItemSplitter {
  #rest: Buffer = Buffer.alloc(0);
  /** How far `#rest` was looked at. */
  #seen = 0;
  #depth = 0;
  #isText = false;
  #isEscaped = false;
  #isOver = false;

  /** True when the list has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The items that are whole now, as JSON. Throws for an item that is too large to be one. */
  take(piece: Buffer): string[] {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const items: string[] = [];
    let begin = 0;
    for (let at = this.#seen; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (this.#isText) this.#inText(byte);
      else if (byte === QUOTE) this.#isText = true;
      else if (isOpening(byte)) {
        if (this.#depth++ === 1) begin = at;
      } else if (isClosing(byte)) {
        this.#depth--;
        if (this.#depth === 1) {
          items.push(bytes.toString('utf8', begin, at + 1));
          begin = at + 1;
        }
        this.#isOver = this.#depth === 0;
      }
    }
    this.#rest = bytes.subarray(begin);
    this.#seen = this.#rest.length;
    if (this.#seen > CONTROL_STREAM_BACKLOG_BYTES_MAX)
      throw new Error(`an item is larger than ${CONTROL_STREAM_BACKLOG_BYTES_MAX} bytes`);
    return items;
  }

  #inText(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isText = false;
  }
}
