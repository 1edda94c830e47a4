/** JSON that comes in pieces: the items of its lists, each as soon as it is there. */
import { CONTROL_STREAM_BACKLOG_BYTES_MAX } from '../core/service-limits.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACE = 0x7b;
const isOpening = (byte: number) => byte === BRACKET || byte === BRACE;
const isClosing = (byte: number) => byte === 0x5d || byte === 0x7d;

export interface ItemsOptions {
  /** Brackets around an item: those of one list, or those of an object of lists as well. */
  readonly level: 1 | 2;
  readonly bytesMax: number;
  /** What is said of an item that is larger. */
  readonly tooLarge: string;
}

/** One list, as the agent answers. */
const LIST: ItemsOptions = {
  level: 1,
  bytesMax: CONTROL_STREAM_BACKLOG_BYTES_MAX,
  tooLarge: `an item is larger than ${CONTROL_STREAM_BACKLOG_BYTES_MAX} bytes`,
};

export class JsonItems {
  readonly #found: (json: string, list: string) => void;
  readonly #options: ItemsOptions;
  #rest: Buffer = Buffer.alloc(0);
  /** Where in `#rest` the newest name of a list, or the item that goes on, begins. */
  #begin = 0;
  #seen = 0;
  #depth = 0;
  #isText = false;
  #isEscaped = false;
  #list = '';
  #isOver = false;

  /** `found` gets each item that is an object or a list, and the name of the list that has it. */
  constructor(found: (json: string, list: string) => void, options = LIST) {
    this.#found = found;
    this.#options = options;
  }

  /** True when all has ended as it should. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Takes a piece. Throws for an item that is too large to be one, and for what is no list. */
  take(piece: Buffer): void {
    const { level, bytesMax, tooLarge } = this.#options;
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    for (let at = this.#seen; at < bytes.length; at++) this.#look(bytes, at);
    const isOpen = this.#depth > level || (this.#isText && this.#depth < level);
    this.#rest = isOpen ? Buffer.from(bytes.subarray(this.#begin)) : Buffer.alloc(0);
    this.#begin = 0;
    this.#seen = this.#rest.length;
    if (this.#seen > bytesMax) throw new Error(tooLarge);
  }

  #look(bytes: Buffer, at: number): void {
    const { level } = this.#options;
    const byte = bytes[at] as number;
    if (this.#isText) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) {
        this.#isText = false;
        if (this.#depth === level - 1) this.#list = bytes.toString('utf8', this.#begin + 1, at);
      }
    } else if (byte === QUOTE) {
      this.#isText = true;
      if (this.#depth < level) this.#begin = at;
    } else if (isOpening(byte)) {
      const outer = level === 1 ? BRACKET : BRACE;
      if (this.#depth === 0 && (byte !== outer || this.#isOver)) throw new Error('it is no list');
      if (this.#depth++ === level) this.#begin = at;
    } else if (isClosing(byte)) {
      if (--this.#depth < 0) throw new Error('it is no list');
      if (this.#depth === level)
        this.#found(bytes.toString('utf8', this.#begin, at + 1), this.#list);
      this.#isOver = this.#depth === 0;
    }
  }
}
