/** Anchors and word boundaries of the linear matcher. */
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
  return text.charCodeAt(pos) < 0x80 ? isAsciiWord(text, pos) : inBitmap(bitmapOfWords(), text.charCodeAt(pos));
}

function isAsciiWord(text: string, pos: number): boolean {
  const code = text.charCodeAt(pos);
  const letter = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (letter >= 0x61 && letter <= 0x7a && code < 0x80) || code === 0x5f;
}
