/**
 * Sets of UTF-16 code units, as sorted disjoint ranges. The regex tree knows characters only
 * through these, so both executors agree on what `\s`, `.` or `(?i)k` mean.
 */

/** `[lo, hi, lo, hi, ...]`, sorted, disjoint and not touching. */
export type CharSet = readonly number[];

export const CODE_MAX = 0xffff;

/** Sorts and joins ranges given in any order. */
export function charSet(ranges: readonly (readonly [number, number])[]): CharSet {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const out: number[] = [];
  for (const [lo, hi] of sorted) {
    const last = out[out.length - 1];
    if (last !== undefined && lo <= last + 1) out[out.length - 1] = Math.max(last, hi);
    else out.push(lo, hi);
  }
  return out;
}

export function rangesOf(set: CharSet): [number, number][] {
  const out: [number, number][] = [];
  for (let i = 0; i < set.length; i += 2) out.push([set[i] as number, set[i + 1] as number]);
  return out;
}

export function single(code: number): CharSet {
  return SINGLES[code] ?? [code, code];
}

/** One set for each character of ASCII: what is known of a set is kept by its identity. */
const SINGLES: readonly CharSet[] = Array.from({ length: 0x80 }, (_, code) => [code, code]);

export function union(...sets: readonly CharSet[]): CharSet {
  return charSet(sets.flatMap(rangesOf));
}

export function negate(set: CharSet): CharSet {
  const out: number[] = [];
  let next = 0;
  for (const [lo, hi] of rangesOf(set)) {
    if (lo > next) out.push(next, lo - 1);
    next = hi + 1;
  }
  if (next <= CODE_MAX) out.push(next, CODE_MAX);
  return out;
}

export function intersect(a: CharSet, b: CharSet): CharSet {
  const out: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [endA, endB] = [a[i + 1] as number, b[j + 1] as number];
    const lo = Math.max(a[i] as number, b[j] as number);
    const hi = Math.min(endA, endB);
    if (lo <= hi) out.push(lo, hi);
    if (endA < endB) i += 2;
    else j += 2;
  }
  return out;
}

export function has(set: CharSet, code: number): boolean {
  for (let i = 0; i < set.length; i += 2) {
    if (code < (set[i] as number)) return false;
    if (code <= (set[i + 1] as number)) return true;
  }
  return false;
}

/** The set as ASCII texts know it; what is beyond ASCII is as is shortest to write. */
export function asciiPart(set: CharSet): CharSet {
  const ascii = intersect(set, [0, 0x7f]);
  return has(set, CODE_MAX) ? union(ascii, [0x80, CODE_MAX]) : ascii;
}

/** How many characters the set has. */
export function sizeOf(set: CharSet): number {
  return rangesOf(set).reduce((sum, [lo, hi]) => sum + hi - lo + 1, 0);
}

/** A bitmap of all 65,536 code units (8 KiB), shared between equal sets. */
export function bitmapOf(set: CharSet): Uint8Array {
  const key = set.join();
  let bits = bitmaps.get(key);
  if (bits === undefined) {
    bits = new Uint8Array(8192);
    for (const [lo, hi] of rangesOf(set)) setBits(bits, lo, hi);
    bitmaps.set(key, bits);
  }
  return bits;
}

/** Whole bytes at once: most of the sets have nearly all of the 65,536. */
function setBits(bits: Uint8Array, lo: number, hi: number): void {
  const [first, end] = [(lo + 7) >> 3, (hi + 1) >> 3];
  if (first < end) bits.fill(0xff, first, end);
  for (let code = lo; code <= hi; code++) {
    if (first < end && code === first << 3) code = end << 3;
    if (code <= hi) bits[code >> 3] = (bits[code >> 3] as number) | (1 << (code & 7));
  }
}

/** Whether a bitmap holds a code unit. */
export function inBitmap(bits: Uint8Array, code: number): boolean {
  return ((bits[code >> 3] as number) & (1 << (code & 7))) !== 0;
}

const bitmaps = new Map<string, Uint8Array>();

export const DIGIT: CharSet = [0x30, 0x39];
export const WORD: CharSet = charSet([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);
/**
 * Python's `str.isspace` (docs.python.org/3/library/re.html, `\s`): has 1C-1F and 85, has not FEFF.
 */
export const SPACE: CharSet = charSet([
  [0x09, 0x0d],
  [0x1c, 0x20],
  [0x85, 0x85],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
]);
export const SPACE_ASCII: CharSet = charSet([
  [0x09, 0x0d],
  [0x20, 0x20],
]);
export const ANY: CharSet = [0, CODE_MAX];
export const NOT_NEWLINE: CharSet = negate(single(0x0a));

/**
 * Every character that is the same as one of the set when case is ignored, as Python's `re` sees
 * it.
 */
export function foldCase(set: CharSet, asciiOnly: boolean): CharSet {
  const ofCase = asciiOnly ? foldedInAscii : folded;
  let found = ofCase.get(set);
  if (found === undefined) {
    found = withCases(set, asciiOnly);
    ofCase.set(set, found);
  }
  return found;
}

const folded = new WeakMap<CharSet, CharSet>();
const foldedInAscii = new WeakMap<CharSet, CharSet>();

function withCases(set: CharSet, asciiOnly: boolean): CharSet {
  const extra: [number, number][] = [];
  for (const [lo, hi] of rangesOf(set)) {
    for (let code = lo; code <= hi; code++) {
      if (asciiOnly) {
        const letter = code | 0x20;
        if (code < 0x80 && letter >= 0x61 && letter <= 0x7a) extra.push([code ^ 0x20, code ^ 0x20]);
      } else for (const other of lettersLike(code)) extra.push([other, other]);
    }
  }
  return union(set, charSet(extra));
}

/** Beyond ASCII's own two: what case makes of these letters. The Kelvin sign, long s, Turkish i. */
const BESIDE_ASCII: ReadonlyMap<number, readonly number[]> = new Map([
  [0x69, [0x130, 0x131]],
  [0x6b, [0x212a]],
  [0x73, [0x17f]],
]);

let letters: Map<number, number[]> | undefined;

function lettersLike(code: number): readonly number[] {
  // Hardly a regex has another letter: the table of all of them takes a fiftieth of a second.
  if (code < 0x80) {
    const lower = code | 0x20;
    if (lower < 0x61 || lower > 0x7a) return [];
    return [lower, lower ^ 0x20, ...(BESIDE_ASCII.get(lower) ?? [])];
  }
  if (letters === undefined) {
    letters = new Map();
    for (let c = 0x41; c <= CODE_MAX; c++) {
      const key = foldKey(c);
      const known = letters.get(key);
      if (known !== undefined) known.push(c);
      else if (key !== c || String.fromCharCode(c).toUpperCase() !== String.fromCharCode(c)) {
        letters.set(key, key < c ? [key, c] : [c]);
      }
    }
  }
  return letters.get(foldKey(code)) ?? [];
}

/** Whether two characters are one letter when case is ignored. */
export function sameLetter(a: number, b: number): boolean {
  return a === b || foldKey(a) === foldKey(b);
}

function foldKey(code: number): number {
  // U+0130 has a lower case of two characters in JavaScript; Python folds it to "i".
  if (code === 0x130) return 0x69;
  const char = String.fromCharCode(code);
  const upper = char.toUpperCase();
  const lower = (upper.length === 1 ? upper : char).toLowerCase();
  return lower.length === 1 ? lower.charCodeAt(0) : code;
}

/** The set as a V8 class or escaped character, valid without the flags `u` and `v`. */
export function toV8(set: CharSet): string {
  if (set.length === 2 && set[0] === set[1]) return escapeCode(set[0] as number);
  if (set.length === 2 && set[0] === 0 && set[1] === CODE_MAX) return '[^]';
  if (set.length === 0) return '[]';
  const inverted = set[set.length - 1] === CODE_MAX;
  const body = rangesOf(inverted ? negate(set) : set)
    .map(([lo, hi]) =>
      lo === hi ? escapeCode(lo) : `${escapeCode(lo)}${hi === lo + 1 ? '' : '-'}${escapeCode(hi)}`,
    )
    .join('');
  return `[${inverted ? '^' : ''}${body}]`;
}

function escapeCode(code: number): string {
  if (has(WORD, code)) return String.fromCharCode(code);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
}
