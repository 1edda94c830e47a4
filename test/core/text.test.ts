import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { copyOf, counted, escapeUntrusted, isUserName, shellWords } from '../../src/core/text.js';

describe('text of strangers', () => {
  test.each([
    ['\u001b[31mred', '\\x1b[31mred'],
    ['a\nb\r\tc', 'a\\x0ab\\x0d\\x09c'],
    ['\u0000\u007f\u0085', '\\x00\\x7f\\x85'],
    ['\u202eevil', '\\u{202e}evil'],
    ['a\u200bb\ufeffc', 'a\\u{200b}b\\u{feff}c'],
    ['\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['\ud800x', '\\u{d800}x'],
    ['x\udc00', 'x\\u{dc00}'],
    ['müller 😀', 'müller 😀'],
  ])('%j is shown as %s', (text, shown) => {
    expect(escapeUntrusted(text)).toBe(shown);
  });

  test('has no control character and no lone surrogate left, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeUntrusted(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/u);
      }),
    );
  });

  test('is cut at its bound, and not before', () => {
    expect(escapeUntrusted('x'.repeat(10), 10)).toBe('x'.repeat(10));
    expect(escapeUntrusted('x'.repeat(11), 10)).toBe(`${'x'.repeat(10)}…`);
  });
});

describe('words of a line', () => {
  test.each([
    ['', []],
    ['  a  b\tc\n', ['a', 'b', 'c']],
    [`'a b' "c d"`, ['a b', 'c d']],
    [`a'b'"c"d`, ['abcd']],
    [`''`, ['']],
    ['a\\ b', ['a b']],
    ['"a\\"b\\$c\\n"', ['a"b$c\\n']],
    [`'a\\b'`, ['a\\b']],
  ])('%j', (line, words) => {
    expect(shellWords(line)).toEqual(words);
  });

  test.each([`'a`, `"a`, 'a\\', `"a'`])('%j is not closed', (line) => {
    expect(shellWords(line)).toBeUndefined();
  });
});

test.each([
  [counted(0, 'ban'), '0 bans'],
  [counted(1, 'ban'), '1 ban'],
  [counted(1234, 'ban'), '1,234 bans'],
  [counted(1, 'entry', 'entries'), '1 entry'],
  [counted(2, 'entry', 'entries'), '2 entries'],
])('a number of things: %s', (text, expected) => expect(text).toBe(expected));

describe('a copy of a piece of a line', () => {
  test('is the same text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => copyOf(text) === text));
  });

  test.each([12, 13, 40])('does not keep the line in memory: %i characters', (length) => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const lineBytes = 1_000_000;
    collect();
    const before = process.memoryUsage().heapUsed;
    const pieces = Array.from({ length: 30 }, (_, i) =>
      copyOf(
        Buffer.alloc(lineBytes, 97 + (i % 26))
          .toString('latin1')
          .slice(5, 5 + length),
      ),
    );
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10 * lineBytes);
    expect(pieces.every((piece) => piece.length === length)).toBe(true);
  });
});

test('what looks like an address is one, however wrong; all else is the name of a user', () => {
  const addresses =
    '192.0.2.1 192.0.2.0/24 192.0.2.999 2001:db8::1 2001:db8::/32 [fe80::1%eth0] fe80::1%eth0 ::1 ::ffff:192.0.2.1';
  for (const text of addresses.split(' ')) expect([text, isUserName(text)]).toEqual([text, false]);
  for (const text of ['anna', 'anna@example.org', 'anna.b', 'abc', '7', 'a/b', 'x:y'])
    expect([text, isUserName(text)]).toEqual([text, true]);
});
