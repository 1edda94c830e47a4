import { describe, expect, test } from '@jest/globals';
import { compileRegex } from '../../../src/filter/regex/regex.js';

const TEXT = 'login of bob from 192.0.2.1';

function both(source: string, text = TEXT, finalNewline = true) {
  const options = { usedns: 'no', finalNewline } as const;
  const fast = compileRegex(source, options).regex;
  const slow = compileRegex(source, options).regex;
  slow?.demote();
  const [one, other] = [fast?.exec(text), slow?.exec(text)];
  expect(other).toEqual(one);
  return one;
}

describe('the newline behind a line', () => {
  test.each([
    '\\s',
    '[^0-9.]',
    '\\W',
    '\\D',
    '\\n',
    '\\s+$',
    '(?:;|\\s)',
    '(?=\\s)',
    '\\s$',
    '(?: x|\\W)$',
    '[\\s]{1,2}\\Z',
  ])('is there for a regex that ends in %s', (end) => {
    const found = both(`login of \\w+ from <HOST>${end}`);
    expect(found?.groups['ip4']).toBe('192.0.2.1');
    expect(found?.end).toBe(TEXT.length);
    expect(both(`login of \\w+ from <HOST>${end}`, TEXT, false)).toBeNull();
  });

  test.each(['.', '\\S', ' ', '\\s\\s', '[^\\n]', '\\s.', '\\s(?!$)'])(
    'is one, and no other character: %s',
    (end) => {
      expect(both(`from 192\\.0\\.2\\.1${end}`)).toBeNull();
    },
  );

  test('belongs to no group', () => {
    expect(both('from (?P<user>[^;]+;|.+\\s)')?.groups['user']).toBe('192.0.2.1');
  });

  test('is in no literal of the gate', () => {
    expect(compileRegex('<HOST> refused\\n', { usedns: 'no' }).regex?.literals).toEqual([
      ' refused',
    ]);
  });
});
