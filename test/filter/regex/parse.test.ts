import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  REGEX_CHARS_MAX,
  REGEX_CONDITIONS_MAX,
  REGEX_DEPTH_MAX,
} from '../../../src/core/limits.js';
import { compileRegex } from '../../../src/filter/regex/regex.js';

function problemOf(source: string): { id: string; offset: number; message: string } | undefined {
  const { regex, problems } = compileRegex(source, { usedns: 'raw' });
  expect(regex === undefined).toBe(problems.length > 0);
  return problems[0];
}

describe('what cannot be kept is refused by name, at its place', () => {
  test.each([
    ['(?x) a b', 'regex.unsupported', 0, 'verbose'],
    ['a(?x: b)', 'regex.unsupported', 1, 'verbose'],
    ['a(?<=b+)c', 'regex.unsupported', 1, 'fixed width'],
    ['(?P<a>b)(?<=(?P=a))c', 'regex.unsupported', 8, 'lookbehind'],
    ['a\\N{DASH}', 'regex.unsupported', 1, 'by name'],
    ['[\u{1f600}]', 'regex.unsupported', 1, 'U+FFFF'],
    ['(a\\1)', 'regex.unsupported', 2, 'inside itself'],
    ['^a(?i)b', 'regex.syntax', 2, 'start of the regex'],
    ['a**', 'regex.syntax', 2, 'one quantifier follows'],
    ['*a', 'regex.syntax', 0, 'nothing stands before'],
    ['^*', 'regex.syntax', 1, 'anchor'],
    ['a(b', 'regex.syntax', 1, 'not closed'],
    ['a)b', 'regex.syntax', 1, 'closes nothing'],
    ['[ab', 'regex.syntax', 0, 'class is not closed'],
    ['[b-a]', 'regex.syntax', 1, 'is no range'],
    ['\\y', 'regex.syntax', 0, 'has no meaning'],
    ['a\\', 'regex.syntax', 1, 'backslash'],
    ['(?P=x)', 'regex.syntax', 0, 'there is no group'],
    ['\\2(a)', 'regex.syntax', 0, 'no group 2'],
    ['a{3,2}', 'regex.syntax', 1, 'wrong order'],
    ['(?<user>a)', 'regex.syntax', 0, '(?P<name>'],
    ['<F-A-B>x</F-A-B>', 'regex.syntax', 0, 'group name'],
    ['  ', 'regex.syntax', 0, 'empty'],
  ])('%s', (source, id, offset, words) => {
    const problem = problemOf(source);
    expect(problem).toMatchObject({ id, offset });
    expect(problem?.message).toContain(words);
  });

  test('an offset counts in the text as written, before tags are expanded', () => {
    expect(problemOf('from <HOST> to <HOST>')).toMatchObject({ offset: 15 });
    expect(problemOf('from <HOST>: [ab')).toMatchObject({ offset: 13 });
  });
});

describe('bounds', () => {
  test('length of a regex', () => {
    expect(problemOf('a'.repeat(9_000))).toBeUndefined();
    expect(problemOf(`[${'a'.repeat(REGEX_CHARS_MAX - 2)}]`)).toBeUndefined();
    expect(problemOf(`[${'a'.repeat(REGEX_CHARS_MAX - 1)}]`)).toMatchObject({
      id: 'regex.too-large',
    });
  });

  test('depth of groups', () => {
    const nested = (depth: number) => '('.repeat(depth) + ')'.repeat(depth);
    expect(problemOf(nested(REGEX_DEPTH_MAX))).toBeUndefined();
    expect(problemOf(nested(REGEX_DEPTH_MAX + 1))).toMatchObject({ id: 'regex.too-large' });
  });

  test.each([REGEX_CONDITIONS_MAX, REGEX_CONDITIONS_MAX + 1])(
    '%d groups that conditionals test',
    (count) => {
      const groups = Array.from({ length: count }, (_, i) => `(?P<g${i}>${i})?`).join('');
      const tests = Array.from({ length: count }, (_, i) => `(?(g${i})a|b)`).join('');
      const { regex } = compileRegex(`^${groups}-${tests}$`, { usedns: 'no' });
      regex?.demote();
      expect(regex?.exec(`0-${'a'}${'b'.repeat(count - 1)}`)).not.toBeNull();
      expect(regex?.exec(`0-${'b'.repeat(count)}`)).toBeNull();
      expect(regex?.gaveUp).toBe(0);
    },
  );
});

describe('any text at all', () => {
  const unit = fc.constantFrom(
    ...'ab1()[]{}|?*+^$.\\-<>=!:,#PFHOSTsx/',
    '(?P<',
    '(?=',
    '(?(1)',
    '<HOST>',
    '<F-USER>',
    '</F-USER>',
    '\u{1f600}',
  );
  test('compiles or is refused with an offset within it, and both executors run it', () => {
    fc.assert(
      fc.property(
        fc.array(unit, { maxLength: 30 }),
        fc.string({ maxLength: 10 }),
        (units, text) => {
          const source = units.join('');
          const { regex, problems } = compileRegex(source, { usedns: 'no' });
          for (const { offset } of problems) expect(offset).toBeLessThanOrEqual(source.length);
          expect(regex === undefined).toBe(problems.length > 0);
          if (regex === undefined) return;
          for (const { offset } of regex.lint()) expect(offset).toBeLessThanOrEqual(source.length);
          const fast = regex.exec(text);
          regex.demote();
          expect(regex.exec(text)).toEqual(fast);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
