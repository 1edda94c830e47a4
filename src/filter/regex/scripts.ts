/**
 * What Python's `\w`, `\d` and `\b` know beyond ASCII: letters, digits and numbers of every script.
 *
 * A class of them all has some 700 ranges, which would make every regex large and slow for the few
 * lines that need it. So a line that has other characters than ASCII is judged by a stand-in: each
 * of its characters is replaced by one that every class of Python judges alike. The regexes then
 * need to know three characters more, and an ASCII line costs nothing. A regex that names a
 * character beyond ASCII, or refers back to what a group took, could tell a stand-in from the
 * character itself; it is given the line as it is, and the whole classes (`wide`).
 */
import {
  bitmapOf,
  type CharSet,
  CODE_MAX,
  charSet,
  DIGIT,
  has,
  inBitmap,
  rangesOf,
  SPACE,
  union,
  WORD,
} from './charset.js';

/**
 * What stands for a letter or a number, for a digit, for any other character. All of Latin-1: such
 * texts are small.
 */
const LETTER_FOR_ALL = '\u00e9';
const DIGIT_FOR_ALL = '\u00b2';
const OTHER_FOR_ALL = '\u00a7';

/**
 * Letters that are an ASCII letter when case is ignored: dotted and dotless i, the long s, the
 * Kelvin sign.
 */
const FOLDED: CharSet = [0x130, 0x131, 0x17f, 0x17f, 0x212a, 0x212a];

/** What stands for itself beyond ASCII. */
const KEPT: CharSet = union(SPACE, FOLDED);

const WORD_OF_ANY = /[\p{L}\p{N}_]/u;
const DIGIT_OF_ANY = /\p{Nd}/u;
const BEYOND_ASCII = /[^\0-\x7f]/;
const RUNS_BEYOND_ASCII = /[^\0-\x7f]+/g;

/** `\w` and `\d` in a stand-in. */
export const STANDIN_WORD: CharSet = charSet([
  ...rangesOf(WORD),
  ...rangesOf(FOLDED),
  [LETTER_FOR_ALL.charCodeAt(0), LETTER_FOR_ALL.charCodeAt(0)],
  [DIGIT_FOR_ALL.charCodeAt(0), DIGIT_FOR_ALL.charCodeAt(0)],
]);
export const STANDIN_DIGIT: CharSet = charSet([
  ...rangesOf(DIGIT),
  [DIGIT_FOR_ALL.charCodeAt(0), DIGIT_FOR_ALL.charCodeAt(0)],
]);

/** Whether a regex may name the character and still be given stand-ins. */
export function standsForItself(code: number): boolean {
  return code < 0x80 || has(KEPT, code);
}

let wideWord: CharSet | undefined;
let wideDigit: CharSet | undefined;

/** `\w` of every script, as far as U+FFFF. */
export function wordOfAnyScript(): CharSet {
  wideWord ??= members(WORD_OF_ANY);
  return wideWord;
}

/** `\d` of every script, as far as U+FFFF. */
export function digitOfAnyScript(): CharSet {
  wideDigit ??= members(DIGIT_OF_ANY);
  return wideDigit;
}

/** The text with digits of every script in ASCII, as Python's `int` reads them. */
export function asciiDigits(text: string): string {
  return text.replace(RUNS_BEYOND_ASCII, (run) => Array.from(run, asciiDigit).join(''));
}

/** The digits of a script stand in a row from nought to nine. */
function asciiDigit(char: string): string {
  const isDigit = (code: number) => DIGIT_OF_ANY.test(String.fromCodePoint(code));
  const code = char.codePointAt(0) as number;
  if (!isDigit(code)) return char;
  let zero = code;
  while (isDigit(zero - 1)) zero--;
  return String((code - zero) % 10);
}

let wordBits: Uint8Array | undefined;
let digitBits: Uint8Array | undefined;

/** `\w` of every script as a bitmap. */
export function bitmapOfWords(): Uint8Array {
  wordBits ??= bitmapOf(wordOfAnyScript());
  return wordBits;
}

function bitmapOfDigits(): Uint8Array {
  digitBits ??= bitmapOf(digitOfAnyScript());
  return digitBits;
}

function members(wanted: RegExp): CharSet {
  const found: [number, number][] = [];
  for (let code = 0; code <= CODE_MAX; code++)
    if (wanted.test(String.fromCharCode(code))) {
      const last = found.at(-1);
      if (last?.[1] === code - 1) last[1] = code;
      else found.push([code, code]);
    }
  return charSet(found);
}

/** A text and what stands for it. */
export interface StandIn {
  readonly text: string;
  readonly judged: string;
  /** The text has ASCII only, and stands for itself. */
  readonly ascii: boolean;
  /**
   * Where each character of `judged` begins in `text`, and its end; undefined where both are as
   * long.
   */
  readonly places: Int32Array | undefined;
}

let latestLine = { text: '', isAscii: true };

/** Whether the text has ASCII only. Several filters ask it of one line after the other. */
export function isAscii(text: string): boolean {
  if (latestLine.text !== text) latestLine = { text, isAscii: !BEYOND_ASCII.test(text) };
  return latestLine.isAscii;
}

let latest: StandIn = plain('');

/**
 * What stands for a text. The latest one is kept, since many regexes look at one text after the
 * other.
 */
export function standInOf(text: string): StandIn {
  // A run may be stopped between any two steps, so the whole is stored at once.
  if (latest.text !== text) latest = BEYOND_ASCII.test(text) ? made(text) : plain(text);
  return latest;
}

function plain(text: string): StandIn {
  return { text, judged: text, ascii: true, places: undefined };
}

function made(text: string): StandIn {
  const judged = text.replace(RUNS_BEYOND_ASCII, (run) => Array.from(run, standInFor).join(''));
  const places = judged.length === text.length ? undefined : placesOf(text, judged.length);
  return { text, judged, ascii: false, places };
}

/** What stands for a character beyond ASCII. */
function standInFor(char: string): string {
  const code = char.codePointAt(0) as number;
  if (code > CODE_MAX) {
    if (DIGIT_OF_ANY.test(char)) return DIGIT_FOR_ALL;
    return WORD_OF_ANY.test(char) ? LETTER_FOR_ALL : OTHER_FOR_ALL;
  }
  if (has(KEPT, code)) return char;
  if (inBitmap(bitmapOfDigits(), code)) return DIGIT_FOR_ALL;
  return inBitmap(bitmapOfWords(), code) ? LETTER_FOR_ALL : OTHER_FOR_ALL;
}

function placesOf(text: string, length: number): Int32Array {
  const places = new Int32Array(length + 1);
  let at = 0;
  for (let n = 0; n < length; n++) {
    places[n] = at;
    at += (text.codePointAt(at) as number) > CODE_MAX ? 2 : 1;
  }
  places[length] = at;
  return places;
}
