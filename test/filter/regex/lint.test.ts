import { describe, expect, test } from '@jest/globals';
import { compileRegex } from '../../../src/filter/regex/regex.js';

function lint(source: string): (readonly [string, number])[] {
  const regex = compileRegex(source, { usedns: 'raw' }).regex;
  if (regex === undefined) throw new Error(`does not compile: ${source}`);
  return regex.lint().map(({ id, offset }) => [id, offset] as const);
}

function ids(source: string): string[] {
  return lint(source).map(([id]) => id);
}

describe('lint', () => {
  test.each([
    '^Failed password for (?:invalid user )?<F-USER>\\S+</F-USER> from <HOST> port \\d+$',
    '^connect from [^\\[ ]*\\[<ADDR>\\]: \\d+$',
    '^(?:[^,]*, )*ip=<ADDR>$',
    '^.* from <ADDR>$',
  ])('finds nothing in %s', (source) => {
    expect(ids(source).filter((id) => id !== 'regex.adjacent-loops')).toEqual([]);
  });

  test.each([
    '^(?:\\w+\\s?)*x <HOST>$',
    '^(?:a|a)*b<HOST>$',
    '^(?:a*)*b<HOST>$',
    '^(?:\\d{1,3})*b<HOST>$',
  ])('names a loop that reads one text in many ways: %s', (source) => {
    expect(ids(source)).toContain('regex.nested-loop');
  });

  test('names two loops that take the same characters, at the first', () => {
    expect(lint('^a\\S*\\S*b$')).toEqual([['regex.adjacent-loops', 4]]);
    expect(lint('^a.* .*b$')).toEqual([['regex.adjacent-loops', 3]]);
    expect(lint('^"[^"]*" [^"]*"$')).toEqual([]);
  });

  test('names a regex that begins anywhere', () => {
    expect(ids('failed from <HOST>$')).toContain('regex.unanchored');
    expect(ids('^(?:failed|denied) from <HOST>$')).toEqual([]);
  });

  test('names a catch-all before the address through which a user name forges one', () => {
    // A user called "x from 192.0.2.1 port 1" chooses the address.
    expect(ids('^failed for .*? from <HOST>')).toContain('regex.forgeable-address');
    expect(ids('^failed for .* from <HOST> .*$')).toContain('regex.forgeable-address');
    expect(ids('^user=\\S+,rip=<HOST>')).toContain('regex.forgeable-address');
    expect(ids('^failed for .* from <HOST> port \\d+$')).not.toContain('regex.forgeable-address');
    expect(ids('^failed for "[^"]*" from <HOST>')).not.toContain('regex.forgeable-address');
  });

  test('names an address from a header that any client writes', () => {
    expect(lint('^denied X-Forwarded-For: <ADDR>$')).toContainEqual(['regex.client-header', 8]);
    expect(ids('^denied X\\-Real\\-IP=<ADDR>$')).toContain('regex.client-header');
    expect(ids('^denied <ADDR> X-Forwarded-For: \\S+$')).not.toContain('regex.client-header');
  });
});
