import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { literalMarks, literalSearch } from '../../src/core/text.js';

const naive = (literals: readonly string[]) => (text: string) =>
  literals.some((one) => text.includes(one));

describe('the search for literals', () => {
  test.each([
    ['short ones', 1, 3],
    ['long ones, whose windows skip', 4, 9],
    ['ones of every length', 1, 300],
  ])('agrees with looking for one after the other: %s', (_, minLength, maxLength) => {
    // Few characters, some of which share slots of the tables with others.
    const unit = fc.constantFrom('a', 'b', ' ', ':', 'é', '\u{1f600}', 'ā', '\u0141');
    const literal = fc.string({ unit, minLength, maxLength });
    fc.assert(
      fc.property(
        fc.array(literal, { maxLength: 8 }),
        fc.array(fc.oneof(literal, fc.string({ unit, maxLength: 12 })), { maxLength: 8 }),
        (literals, parts) => {
          const text = parts.join('');
          expect(literalSearch(literals)(text)).toBe(naive(literals)(text));
        },
      ),
    );
  });

  test('in a part of a text sees nothing of what stands around it', () => {
    const unit = fc.constantFrom('a', 'b', ' ', ':');
    const literal = fc.string({ unit, minLength: 2, maxLength: 7 });
    fc.assert(
      fc.property(
        fc.array(literal, { minLength: 1, maxLength: 5 }),
        fc.string({ unit, maxLength: 60 }),
        fc.nat(60),
        fc.nat(60),
        (literals, text, one, other) => {
          const [from = 0, to = 0] = [one, other].sort((a, b) => a - b);
          const part = text.slice(from, to);
          const end = Math.min(to, text.length);
          expect(literalSearch(literals)(text, from, end)).toBe(naive(literals)(part));
          const marks = new Map(literals.map((each, i) => [each, 1 << i]));
          expect(literalMarks(marks)(text, from, end)).toBe(literalMarks(marks)(part));
        },
      ),
    );
  });

  test('says which of them stand in a text', () => {
    const unit = fc.constantFrom('a', 'b', ' ', ':', 'é');
    const literal = fc.string({ unit, minLength: 2, maxLength: 7 });
    const mark = fc.integer({ min: 1, max: 0x7fff_ffff });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(literal, mark), { minLength: 1, maxLength: 8 }),
        fc.string({ unit, maxLength: 40 }),
        (pairs, text) => {
          const marks = new Map(pairs);
          let expected = 0;
          for (const [one, own] of marks) if (text.includes(one)) expected |= own;
          expect(literalMarks(marks)(text)).toBe(expected);
        },
      ),
    );
  });

  test('finds a literal at either end, and as the whole text', () => {
    const search = literalSearch(['Failed password', 'Invalid user', 'reject:']);
    for (const text of ['reject:', 'Invalid user x', 'x Failed password', 'xreject:'])
      expect([text, search(text)]).toEqual([text, true]);
    for (const text of ['', 'reject', 'eject:', 'Failed passwor', 'nvalid user x'])
      expect([text, search(text)]).toEqual([text, false]);
  });

  test('takes every character of them as it is', () => {
    expect(literalSearch(['a.b', '(x)|[y]', '\\d'])('axb')).toBe(false);
    expect(literalSearch(['a.b', '(x)|[y]', '\\d'])('..(x)|[y]..')).toBe(true);
    expect(literalSearch([])('anything')).toBe(false);
    expect(literalSearch(['', 'reject:'])('')).toBe(true);
  });
});
