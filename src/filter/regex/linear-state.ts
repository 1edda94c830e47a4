/** What the linear matcher works with: anchors and word boundaries, and its memory. */

import { REGEX_MEMORY_WORDS_MAX } from '../../core/limits.js';
import { inBitmap } from './charset.js';
import { ASSERTS } from './instructions.js';
import { bitmapOfWords } from './scripts.js';

/** Whether the assertion, by its number in `ASSERTS`, holds at a position. */
export function holds(what: number, text: string, pos: number): boolean {
  switch (ASSERTS[what]) {
    case 'start':
      return pos === 0;
    case 'end':
      return pos === text.length;
    case 'line-start':
      return pos === 0 || text.charCodeAt(pos - 1) === 10;
    case 'line-end':
      return pos === text.length || text.charCodeAt(pos) === 10;
    case 'word':
      return isWord(text, pos - 1) !== isWord(text, pos);
    case 'ascii-word':
      return isAsciiWord(text, pos - 1) !== isAsciiWord(text, pos);
    case 'not-ascii-word':
      return text.length > 0 && isAsciiWord(text, pos - 1) === isAsciiWord(text, pos);
    default:
      // Until 3.14 Python's \B does not hold in an empty text.
      return text.length > 0 && isWord(text, pos - 1) === isWord(text, pos);
  }
}

function isWord(text: string, pos: number): boolean {
  return text.charCodeAt(pos) < 0x80
    ? isAsciiWord(text, pos)
    : inBitmap(bitmapOfWords(), text.charCodeAt(pos));
}

function isAsciiWord(text: string, pos: number): boolean {
  const code = text.charCodeAt(pos);
  const letter = code | 0x20;
  return (
    (code >= 0x30 && code <= 0x39) ||
    (letter >= 0x61 && letter <= 0x7a && code < 0x80) ||
    code === 0x5f
  );
}

// Working memory of the linear matcher: one for all, as matches never overlap. Nothing in it
// survives a run.

/** A bit per (choice, position). */
export class Bits {
  private words = new Int32Array(1024);

  /** Clears room for `count` bits; false when that is more than is ever taken. */
  prepare(count: number): boolean {
    const words = Math.ceil(count / 32);
    if (words > REGEX_MEMORY_WORDS_MAX) return false;
    if (words > this.words.length)
      this.words = new Int32Array(Math.min(REGEX_MEMORY_WORDS_MAX, words * 2));
    else this.words.fill(0, 0, words);
    return true;
  }

  get(bit: number): boolean {
    return ((this.words[bit >> 5] as number) & (1 << (bit & 31))) !== 0;
  }

  set(bit: number): void {
    this.words[bit >> 5] = (this.words[bit >> 5] as number) | (1 << (bit & 31));
  }

  clear(bit: number): void {
    this.words[bit >> 5] = (this.words[bit >> 5] as number) & ~(1 << (bit & 31));
  }
}

/** Kinds of entries on the stack of what is left to try. */
export const LEFT = {
  /** Instruction, position, bit of the choice. */
  alternative: 0,
  /** Greedy run: instruction, the next position to try, the last one. */
  run: 1,
  /** Lazy run: instruction, the next position to try, the first one. */
  lazyRun: 2,
  /** Slot and what it held before. */
  slot: 3,
  /** In a look: a choice of the present path that has nothing left; its bit is the third value. */
  spent: 4,
} as const;

/** Entries of three numbers. */
export class Stack {
  data = new Int32Array(3 * 1024);
  top = 0;

  push(kind: number, what: number, x: number, y: number): void {
    if (this.top + 3 > this.data.length) {
      const larger = new Int32Array(this.data.length * 2);
      larger.set(this.data);
      this.data = larger;
    }
    this.data[this.top] = (what << 3) | kind;
    this.data[this.top + 1] = x;
    this.data[this.top + 2] = y;
    this.top += 3;
  }
}
