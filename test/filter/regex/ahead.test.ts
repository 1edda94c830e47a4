import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { observable } from '../../../src/filter/regex/captures.js';
import { mayGoOn } from '../../../src/filter/regex/instructions.js';
import { parseRegex } from '../../../src/filter/regex/parse.js';
import { compileProgram } from '../../../src/filter/regex/program.js';
import { compileRegex } from '../../../src/filter/regex/regex.js';

/** Whether a match may begin with the text, by its first character alone. */
function begins(source: string, text: string): boolean {
  return mayGoOn(compileProgram(observable(parseRegex(source, false))).ahead, 0, text, 0);
}

describe('what must come next', () => {
  test.each([
    ['ab', 'a', 'b'],
    ['(?:ab|cd)', 'c', 'b'],
    ['x*y', 'y', 'a'],
    ['x*?y', 'x', 'a'],
    ['[^a]', 'é', 'a'],
    ['(?:a?b)+', 'b', 'c'],
    ['(?=a)\\w', 'b', ';'],
    ['(?>a|b)c', 'b', 'c'],
    ['(?P<q>")?(?(q)x|y)', 'y', 'z'],
  ])('%s may begin with %s and not with %s', (source, may, mayNot) => {
    expect(begins(source, may)).toBe(true);
    expect(begins(source, mayNot)).toBe(false);
  });

  test('the end of the text is ruled out only where a character is needed', () => {
    expect(begins('a', '')).toBe(false);
    expect(begins('a*', '')).toBe(true);
    expect(begins('$', '')).toBe(true);
    expect(begins('(?P<a>x)?(?P=a)', '')).toBe(true);
  });

  test('nothing that matches at the start is ever ruled out', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '[^a]',
      '\\w',
      '.',
      '(?:a|b)',
      '(?:ab?)*',
      '$',
      '\\b',
      '(?!a)',
      '(?>a|ab)',
    );
    const loop = fc.constantFrom('', '*', '+', '?', '*?', '{0,2}');
    const source = fc
      .array(fc.tuple(piece, loop), { minLength: 1, maxLength: 5 })
      .map((parts) =>
        parts.map(([part, mark]) => (/^(?:\$|\\b|\(\?!)/.test(part) ? part : part + mark)).join(''),
      );
    fc.assert(
      fc.property(
        source,
        fc.string({ unit: fc.constantFrom('a', 'b', ';', 'é', '\n'), maxLength: 4 }),
        (regex, text) => {
          const found =
            compileRegex(`^${regex}`, { usedns: 'no', finalNewline: false }).regex?.exec(text) ??
            null;
          if (found !== null) expect(begins(regex, text)).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
