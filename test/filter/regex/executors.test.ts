import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  REGEX_BACKTRACK_STEPS_MAX,
  REGEX_BACKTRACK_STEPS_PER_CHAR,
  REGEX_INSTRUCTIONS_MAX,
} from '../../../src/core/limits.js';
import { compileRegex, type Regex } from '../../../src/filter/regex/regex.js';
import { vmGuard } from '../../support/guard.js';
import { generate } from './generate.js';

function compiled(source: string, usedns: 'no' | 'raw' = 'raw'): Regex {
  const { regex, problems } = compileRegex(source, { usedns });
  if (regex === undefined) throw new Error(JSON.stringify(problems));
  return regex;
}

function demoted(source: string): Regex {
  const regex = compiled(source);
  regex.demote();
  return regex;
}

describe('both executors', () => {
  test('agree on verdict, place and every group, whatever the regex and the text', () => {
    const text = fc.string({ unit: fc.constantFrom(...'aabAB1_-: \n\u2028\x1c'), maxLength: 24 });
    fc.assert(
      fc.property(
        fc.integer(),
        fc.boolean(),
        fc.array(text, { maxLength: 3 }),
        (seed, wild, texts) => {
          const generated = generate(seed, { references: true, wild, atomic: wild });
          fc.pre(generated.pattern.trim() !== '');
          const v8 = compiled(generated.pattern);
          const linear = demoted(generated.pattern);
          for (const candidate of [
            ...generated.texts,
            ...texts.map((line) => line.replace(/\n+$/, '')),
          ]) {
            let fast: unknown;
            const done = vmGuard(() => {
              fast = v8.exec(candidate);
            }, 50);
            const slow = linear.exec(candidate);
            if (done && linear.gaveUp === 0 && v8.gaveUp === 0) expect(fast).toEqual(slow);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  test('agree again after a demotion, which is for good and named', () => {
    const regex = compiled('^(?P<user>\\w+) failed from <HOST>$');
    expect(regex.engine).toBe('v8');
    const before = regex.exec('bob failed from 192.0.2.1');
    regex.demote();
    expect(regex.engine).toBe('linear');
    expect(regex.exec('bob failed from 192.0.2.1')).toEqual(before);
    expect(before).toMatchObject({ index: 0, end: 25, groups: { user: 'bob', ip4: '192.0.2.1' } });
  });

  test.each([
    [
      'a dot stops at a newline only, not at the separators that JavaScript knows',
      '^a.*b$',
      'a\u2028\u2029\rb',
      true,
    ],
    ['white space is that of Python: the file separator belongs to it', '^a\\sb$', 'a\x1cb', true],
    ['white space is that of Python: the byte order mark does not', '^a\\sb$', 'a\ufeffb', false],
    ['letters and digits are those of every script', '^\\w\\d$', '\u00e9\u0663', true],
    ['a letter is no digit', '^\\d$', '\u00e9', false],
    ['a number that is no digit is a letter', '^\\w(?<!\\d)$', '\u00b2', true],
    ['a symbol is no letter', '\\w', '\u20ac\u00a7\u{1f642}', false],
    ['a letter beyond the basic plane is one letter', '^\\w$', '\u{1d400}', true],
    ['a symbol beyond the basic plane is one character', '^.$', '\u{1f642}', true],
    ['the flag a keeps to ASCII', '(?a)\\w', '\u00e9', false],
    ['a word does not end before an accented letter', 'm\\b', 'm\u00fcller', false],
    ['with the flag a it does', '(?a)m\\b', 'm\u00fcller', true],
    ['a letter that the regex names is that letter only', '^\u00e9\\w$', '\u00e8\u00e9', false],
    ['what a group took is the same text, not the same kind', '^(\\w)\\1$', '\u00e9\u00e8', false],
    ['what stands for a letter is no name of one', '^\\xe9$', '\u00fc', false],
    ['the range of Latin-1 is not that of all letters', '^[\\x80-\\xff]$', '\u044f', false],
    ['{,2} is a count', '^a{,2}$', 'a{,2}', false],
    ['a bracket first in a class is a character', '^[]a]+$', ']a', true],
    ['[^] waits for its bracket', '^[^]]+$', 'ab', true],
    ['a reference to a group that took no part fails', '^(?P<q>")?a(?P=q)$', 'a', false],
    ['a conditional asks whether the group took part', '^(?P<q>")?a(?(q)"|$)', '"a"', true],
    ['a conditional at the start of a text', '^(?P<q>)?(?(q)a|b)', 'a', true],
    ['flags hold in their scope', '^(?i:ab)c$', 'ABC', false],
    ['the Kelvin sign is a k when case is ignored', '^(?i:k)$', '\u212a', true],
    ['an octal escape', '^\\101\\07$', 'A\x07', true],
    [
      'characters beyond the basic plane count as one for a quantifier',
      '^\u{1f600}+$',
      '\u{1f600}\u{1f600}',
      true,
    ],
  ])('%s', (_title, source, text, matches) => {
    expect(compiled(source).exec(text) !== null).toBe(matches);
    expect(demoted(source).exec(text) !== null).toBe(matches);
  });

  test('a group of an earlier round of a loop is kept, as in Python', () => {
    for (const regex of [compiled('^(?:(?P<a>a)|b)*$'), demoted('^(?:(?P<a>a)|b)*$')]) {
      expect(regex.exec('ab')?.groups).toMatchObject({ a: 'a' });
    }
  });

  test('groups have no inherited names', () => {
    for (const regex of [
      compiled('^(?P<__proto__>a)(?P<constructor>b)?'),
      demoted('^(?P<__proto__>a)(?P<constructor>b)?'),
    ]) {
      const groups: Readonly<Record<string, string | undefined>> = regex.exec('a')?.groups ?? {};
      expect(Object.keys(groups).filter((name) => groups[name] !== undefined)).toEqual([
        '__proto__',
      ]);
      expect(Object.getPrototypeOf(Object.getPrototypeOf(groups))).toBeNull();
      expect(groups['constructor']).toBeUndefined();
      expect(groups['toString']).toBeUndefined();
    }
  });
});

describe('hostile lines', () => {
  const length = 50_000;
  const slow: readonly (readonly [string, string, string])[] = [
    ['words within words', '^(?:\\w+ ?)*: from <HOST>$', 'word '],
    ['two ways to read a round', '^(?:(?:x=[^;]*|\\w+=\\w*); )*ip <HOST>', 'x=1; '],
    ['a loop within a loop within a loop', '^(?:(?:a*)*)*b', 'a'],
    ['rounds that may be empty', '^(?:(?:a|)*|c)*b', 'a'],
    ['blanks at the end', '\\s+$(?<=y)', ' '],
    ['three catch-alls', '.*foo.*bar.*<IP4>$', 'foobar'],
    ['a look that succeeds everywhere', '(?:(?=.*x).)*y<HOST>', 'x'],
    ['a look that fails everywhere', '(?:(?!.*z).)*y<HOST>', 'x'],
    ['addresses without end', '<HOST>: <HOSTS>', '1:'],
    ['a conditional in a loop', '(?:(a)|b)*?(?(1)x|y)<HOST>', 'ab'],
  ];
  test.each(slow)(
    '%s: the linear matcher takes each choice once per position',
    (_title, source, pump) => {
      const regex = demoted(source);
      // Stopped by the guard if it were not linear; generous, since other tests run beside.
      const done = vmGuard(() => {
        for (let i = 0; i < 3; i++) regex.exec(pump.repeat(length / pump.length));
      }, 10_000);
      expect(done).toBe(true);
      expect(regex.gaveUp).toBe(0);
    },
  );

  test('a back-reference that goes on and on is given up after the bound, counted, and no match', () => {
    const regex = demoted('(?P<u>.*) and (?P=u) from <HOST>');
    expect(regex.hasBackreference).toBe(true);
    expect(regex.exec('bob and bob from 192.0.2.1')).toMatchObject({ groups: { u: 'bob' } });
    expect(regex.exec('a and '.repeat(10))).toBeNull();
    expect(regex.gaveUp).toBe(0);
    expect(regex.exec('a and '.repeat(REGEX_BACKTRACK_STEPS_MAX / 100))).toBeNull();
    expect(regex.gaveUp).toBe(1);
  });

  test('a back-reference in a long text has the steps that each of its characters adds', () => {
    const regex = demoted('(?P<u>z) and (?P=u) from <HOST>');
    const long = (chars: number) => `${'z'.repeat(chars)} z and z from 192.0.2.1`;
    // Each of these characters begins a match that fails at its second character.
    const chars = (4 * REGEX_BACKTRACK_STEPS_MAX) / REGEX_BACKTRACK_STEPS_PER_CHAR;
    const more = REGEX_BACKTRACK_STEPS_MAX;
    expect(regex.exec(long(chars))).not.toBeNull();
    expect(regex.exec(long(more))).not.toBeNull();
    expect(regex.gaveUp).toBe(0);
  });

  test('a loop that doubles with every round never runs in V8', () => {
    expect(compiled('^(?:\\w+ ?)*: from <HOST>$').engine).toBe('linear');
    expect(compiled('^(?:\\w+ )*: from <HOST>$').engine).toBe('v8');
    expect(compiled('^(?:[^,]*, )*ip=<HOST>$').engine).toBe('v8');
  });

  test('a search that is stopped in its middle leaves nothing behind', () => {
    const regex = demoted('^(?:(?P<a>a)|(?P<b>b))*c$');
    const long = 'ab'.repeat(400_000);
    vmGuard(() => {
      for (;;) regex.exec(long);
    }, 30);
    expect(regex.exec('abc')).toMatchObject({ index: 0, end: 3, groups: { a: 'a', b: 'b' } });
    expect(regex.exec('ab')).toBeNull();
  });
});

describe('bounds of the linear matcher', () => {
  test('counts are written out up to the bound of instructions, one past it is refused', () => {
    // One instruction is the end.
    expect(compileRegex(`a{${REGEX_INSTRUCTIONS_MAX - 1}}`, { usedns: 'no' }).regex).toBeDefined();
    const { regex, problems } = compileRegex(`a{${REGEX_INSTRUCTIONS_MAX}}`, { usedns: 'no' });
    expect(regex).toBeUndefined();
    expect(problems[0]?.id).toBe('regex.too-large');
  });
});
