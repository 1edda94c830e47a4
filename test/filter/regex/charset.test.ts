import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  bitmapOf,
  type CharSet,
  CODE_MAX,
  charSet,
  foldCase,
  has,
  inBitmap,
  intersect,
  negate,
  rangesOf,
  sameLetter,
  single,
} from '../../../src/filter/regex/charset.js';

/** Sets with few and with nearly all characters, whose ranges end anywhere in a byte. */
const code = fc.oneof(fc.nat(40), fc.integer({ min: CODE_MAX - 40, max: CODE_MAX }));
const few = fc
  .array(fc.tuple(code, fc.nat(20)), { maxLength: 5 })
  .map((ranges) => charSet(ranges.map(([lo, more]) => [lo, Math.min(CODE_MAX, lo + more)])));
const sets: fc.Arbitrary<CharSet> = fc.oneof(few, few.map(negate));
const codes = [
  ...Array.from({ length: 80 }, (_, i) => i),
  0x1000,
  ...Array.from({ length: 80 }, (_, i) => CODE_MAX - i),
];

describe('sets of characters', () => {
  test('an intersection has what both have, in ranges that do not touch', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const both = intersect(a, b);
        const wrong = codes.filter((one) => has(both, one) !== (has(a, one) && has(b, one)));
        expect(wrong).toEqual([]);
        expect(charSet(rangesOf(both))).toEqual(both);
      }),
    );
  });

  test('a bitmap has the characters of its set and no other', () => {
    fc.assert(
      fc.property(sets, (set) => {
        const bits = bitmapOf(set);
        expect(codes.filter((one) => inBitmap(bits, one) !== has(set, one))).toEqual([]);
      }),
    );
  });

  test('what case makes of a letter of ASCII is what any other character says of it', () => {
    for (let letter = 0; letter < 0x80; letter++) {
      const like: [number, number][] = [];
      for (let other = 0; other <= CODE_MAX; other++)
        if (sameLetter(letter, other)) like.push([other, other]);
      expect([letter, foldCase(single(letter), false)]).toEqual([letter, charSet(like)]);
      const ascii = like.filter(([other]) => other < 0x80);
      expect([letter, foldCase(single(letter), true)]).toEqual([letter, charSet(ascii)]);
    }
  });
});
