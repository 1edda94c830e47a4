import { describe, expect, test } from '@jest/globals';
import { LOGIN_PREFIXES_MAX } from '../../src/core/limits.js';
import { Logins } from '../../src/jail/logins.js';
import { address } from './support.js';

const at = (logins: Logins, who: string) => logins.ofAnother(address(who), 64, 0, 100);

describe('remembered logins', () => {
  test('tell of another address of the prefix, within the span', () => {
    const logins = new Logins();
    expect(at(logins, '2001:db8::1')).toBe(false);
    logins.add(address('2001:db8::1'), 100, [64]);
    expect(['2001:db8::1', '2001:db8::2', '2001:db8:0:1::2'].map((who) => at(logins, who))).toEqual(
      [false, true, false],
    );
    expect(logins.ofAnother(address('2001:db8::2'), 64, 101, 200)).toBe(false);
    expect(logins.ofAnother(address('2001:db8::2'), 64, 0, 99)).toBe(false);
  });

  test('of two addresses each has another, whoever comes after them', () => {
    const logins = new Logins();
    for (const [i, who] of ['2001:db8::1', '2001:db8::2', '2001:db8::1', '2001:db8::1'].entries())
      logins.add(address(who), i, [64]);
    expect(['2001:db8::1', '2001:db8::2', '2001:db8::3'].map((who) => at(logins, who))).toEqual([
      true,
      true,
      true,
    ]);
  });

  test('are of so many prefixes and no more: the one with the oldest login goes', () => {
    const logins = new Logins();
    const who = (i: number) =>
      `2001:db8:${Math.floor(i / 65_536).toString(16)}:${(i % 65_536).toString(16)}::1`;
    const stranger = (i: number) => who(i).replace(/1$/, '2');
    for (let i = 0; i < LOGIN_PREFIXES_MAX; i++) logins.add(address(who(i)), 1, [64]);
    expect([logins.size, at(logins, stranger(0))]).toEqual([LOGIN_PREFIXES_MAX, true]);
    logins.add(address(who(0)), 2, [64]);
    logins.add(address(who(LOGIN_PREFIXES_MAX)), 3, [64]);
    expect([
      logins.size,
      at(logins, stranger(0)),
      at(logins, stranger(1)),
      at(logins, stranger(2)),
    ]).toEqual([LOGIN_PREFIXES_MAX, true, false, true]);
  });

  test('of IPv4 are not kept', () => {
    const logins = new Logins();
    logins.add(address('192.0.2.1'), 1, [32]);
    expect(logins.size).toBe(0);
  });
});
