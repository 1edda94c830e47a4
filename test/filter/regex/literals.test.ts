import { describe, expect, test } from '@jest/globals';
import { compileRegex } from '../../../src/filter/regex/regex.js';

function literals(source: string): readonly string[] | undefined {
  return compileRegex(source, { usedns: 'raw' }).regex?.literals;
}

describe('what a line must contain', () => {
  test.each([
    ['^Failed password for .* from <HOST>$', ['Failed password for ']],
    ['^(?:reject|discard): RCPT from <HOST>', ['discard: RCPT from ', 'reject: RCPT from ']],
    [
      '(?:[Uu]nknown user|password mismatch) <HOST>',
      ['Unknown user ', 'password mismatch ', 'unknown user '],
    ],
    ['^(?:a+bcd)+ <HOST>', ['bcd']],
    ['^.*(?=.* SASL).*$', [' SASL']],
    ['^x{3}<HOST>', ['xxx']],
    ['^(?:lost )?connection <HOST>', ['connection ']],
  ])('%s', (source, expected) => {
    expect(literals(source)).toEqual(expected);
  });

  test.each([
    '^<HOST>$',
    '^(?:foo|\\d+)',
    '^(?i:sks) <HOST>',
    '^(?!foo).*$',
    '^(?:foo)?',
    '^a:<HOST>',
    '^é+<HOST>',
  ])('nothing useful can be said of %s', (source) => {
    expect(literals(source)).toBeUndefined();
  });
});
