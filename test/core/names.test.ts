import { describe, expect, test } from '@jest/globals';
import { jailName, mustJailName } from '../../src/core/names.js';

describe('the name of a jail', () => {
  test.each(['sshd', 'a', '9', 'postfix-sasl', 'my_jail.2', 'a@b', 'a+b', 'a b', 'x'.repeat(64)])(
    '%s is one',
    (text) => {
      expect(jailName(text)).toBe(text);
      expect(mustJailName(text)).toBe(text);
    },
  );

  test.each([
    '',
    '-a',
    'a-',
    '.a',
    ' a',
    'a ',
    'a\tb',
    'a/b',
    'a\n',
    'ä',
    'a"b',
    'x'.repeat(65),
    '../x',
  ])('%j is none', (text) => {
    expect(jailName(text)).toBeUndefined();
    expect(() => mustJailName(text)).toThrow(RangeError);
  });
});
