import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jailName, mustJailName } from '../../src/core/names.js';
import {
  counterName,
  decodeJail,
  encodeJail,
  parseCounterName,
  parseSetName,
  setName,
} from '../../src/firewall/names.js';

const LETTERS = 'abzAZ019._@+- '.split('');
const jail = fc
  .array(fc.constantFrom(...LETTERS), { minLength: 1, maxLength: 64 })
  .map((parts) => jailName(parts.join('')))
  .filter((name) => name !== undefined);

describe('names in the tables', () => {
  test('tell people what a set holds', () => {
    const sshd = mustJailName('sshd');
    expect(setName({ jail: sshd, family: 4, length: 32 })).toBe('ban4.sshd');
    expect(setName({ jail: sshd, family: 6, length: 128 })).toBe('ban6.sshd');
    expect(setName({ jail: sshd, family: 6, length: 64 })).toBe('net6.64.sshd');
    expect(setName({ jail: mustJailName('a@b+c'), family: 4, length: 24 })).toBe('net4.24.a/ab/pc');
    expect(setName({ jail: mustJailName('web mail'), family: 6, length: 128 })).toBe(
      'ban6.web/smail',
    );
    expect(counterName(mustJailName('all'))).toBe('jail.all');
  });

  test('give the jail back, whatever it is called', () => {
    fc.assert(
      fc.property(
        jail,
        fc.constantFrom<[4 | 6, number]>([4, 32], [4, 1], [6, 128], [6, 64]),
        (name, [family, length]) => {
          const set = { jail: name, family, length };
          expect(parseSetName(setName(set))).toEqual(set);
          expect(parseCounterName(counterName(name))).toBe(name);
        },
      ),
    );
  });

  test('are legal in nft syntax and short enough for the kernel', () => {
    fc.assert(
      fc.property(jail, (name) => {
        const text = setName({ jail: name, family: 6, length: 64 });
        expect(text).toMatch(/^[a-z][A-Za-z0-9/._-]*$/);
        expect(text.length).toBeLessThan(255);
      }),
    );
    const longest = mustJailName(`a${'@'.repeat(62)}b`);
    expect(setName({ jail: longest, family: 6, length: 127 }).length).toBeLessThan(255);
  });

  test('of others are not taken for ours', () => {
    for (const name of [
      'allow4',
      'ban4',
      'ban4.',
      'ban5.sshd',
      'net4.sshd',
      'net4.33.sshd',
      'net4.32.sshd',
      'net6.129.x',
    ]) {
      expect(parseSetName(name)).toBeUndefined();
    }
    expect(decodeJail('a@b')).toBeUndefined();
    expect(decodeJail('a/b')).toBeUndefined();
    expect(decodeJail(encodeJail(mustJailName('a@b')))).toBe('a@b');
    expect(parseCounterName('sshd')).toBeUndefined();
  });
});
