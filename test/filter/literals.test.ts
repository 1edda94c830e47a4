import { describe, expect, test } from '@jest/globals';
import { compiled, type FilterText } from '../support/filters.js';

const literals = (text: FilterText) => compiled(text).literals;

describe('the literals of a filter', () => {
  test('are phrases of the message, one per failregex', () => {
    expect(
      literals({
        failregex: ['Failed password for .* from <HOST>', 'No such user .* \\[<HOST>\\]'],
      }),
    ).toEqual(['Failed password for ', 'No such user ']);
  });

  test('are none when one failregex has none: every entry must be read', () => {
    expect(
      literals({ failregex: ['Failed password for .* from <HOST>', '^<HOST>'] }),
    ).toBeUndefined();
  });

  test('are never words that the identifier may have satisfied', () => {
    expect(literals({ failregex: ['dovecot.*<HOST>'] })).toBeUndefined();
    expect(literals({ failregex: ['^\\S+ vchkpw: .*:<HOST>$'] })).toBeUndefined();
  });

  test('lose what the end of the header may have satisfied', () => {
    expect(literals({ failregex: ['sshd: Failed password .*<HOST>'] })).toEqual([
      'Failed password ',
    ]);
  });

  test('may be single words behind a prefregex that takes the header', () => {
    const prefregex = '^\\S+ sshd(?:\\[\\d+\\])?: <F-CONTENT>.+</F-CONTENT>$';
    expect(literals({ prefregex, failregex: ['^Failed.*<HOST>'] })).toEqual(['Failed']);
  });

  test('do not cross a newline of the message, which the line shows as \\n', () => {
    expect(literals({ failregex: ['first part of it\\\\nsecond.*<HOST>'] })).toEqual([
      'first part of it',
    ]);
  });

  test('are none for a filter of several lines: any line may be part of a match', () => {
    expect(
      literals({ maxlines: 3, failregex: ['Failed password for .* from <HOST>'] }),
    ).toBeUndefined();
  });
});
