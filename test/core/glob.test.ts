import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { globTest, isGlob, isNameGlob } from '../../src/core/match.js';

const fits = (pattern: string, text: string) => globTest(pattern)(text);

describe('wildcards', () => {
  test.each([
    ['postfix@*', 'postfix@-.service', true],
    ['postfix@*.service', 'postfix@mx-out.service', true],
    ['postfix@*.service', 'postfix.service', false],
    ['*', '', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[]a]', ']', true],
    ['[', '[', true],
    ['*.log', 'mail.log.1', false],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['🙂?', '🙂é', true],
  ])('%s on %s: %s', (pattern, text, expected) => {
    expect(fits(pattern, text)).toBe(expected);
  });

  test('a backslash is a character like others in names of units', () => {
    expect(globTest('dev-x\\x2d*', 'literal')('dev-x\\x2dy.device')).toBe(true);
    expect([isGlob('a\\*'), isNameGlob('a\\*'), isGlob('a*'), isGlob('a')]).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('agree with the regex that says the same', () => {
    const letters = fc.constantFrom('a', 'b', '*', '?');
    fc.assert(
      fc.property(
        fc.string({ unit: letters, maxLength: 12 }),
        fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 }),
        (pattern, text) => {
          const regex = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
          expect(fits(pattern, text)).toBe(regex.test(text));
        },
      ),
    );
  });

  test('cost little on names that were made to be slow', () => {
    expect(fits(`${'*a'.repeat(40)}b`, 'a'.repeat(4_000))).toBe(false);
  });
});
