import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { refuseManualBan } from '../../src/allow/manual.js';
import { AllowSnapshot, reasonOf } from '../../src/allow/snapshot.js';
import {
  contains,
  formatPrefix,
  fromBits,
  overlap,
  type Prefix,
  prefixOf,
  widthOf,
} from '../../src/core/address.js';
import { address, exemptions, JAIL, OTHER, prefix } from './support.js';

describe('a snapshot', () => {
  const snapshot = new AllowSnapshot([
    ...exemptions('192.0.2.0/24', '192.0.2.7', '2001:db8::/32'),
    {
      prefix: prefix('198.51.100.1'),
      reason: reasonOf('ignoreip', prefix('198.51.100.1')),
      jail: OTHER,
    },
  ]);

  test('tells who is never banned and why, by the most exact word', () => {
    expect(snapshot.allows(JAIL, address('192.0.2.1'))?.text).toBe('ignoreip 192.0.2.0/24');
    expect(snapshot.allows(JAIL, address('192.0.2.7'))?.text).toBe('ignoreip 192.0.2.7');
    expect(snapshot.allows(JAIL, address('2001:db8:ffff::1'))?.text).toBe('ignoreip 2001:db8::/32');
    expect(snapshot.allows(JAIL, address('192.0.3.1'))).toBeUndefined();
    expect(snapshot.allows(JAIL, address('2001:db9::1'))).toBeUndefined();
  });

  test('keeps the words of one jail to that jail, and out of the kernel', () => {
    expect(snapshot.allows(OTHER, address('198.51.100.1'))).toBeDefined();
    expect(snapshot.allows(JAIL, address('198.51.100.1'))).toBeUndefined();
    expect(snapshot.prefixes().map(formatPrefix)).toEqual(['192.0.2.0/24', '2001:db8::/32']);
  });

  test('tells whether a prefix shares an address with an exemption, around it or within it', () => {
    expect(snapshot.overlaps(JAIL, prefix('192.0.0.0/16'))).toBeDefined();
    expect(snapshot.overlaps(JAIL, prefix('192.0.2.128/25'))).toBeDefined();
    expect(snapshot.overlaps(JAIL, prefix('192.0.3.0/24'))).toBeUndefined();
    expect(snapshot.overlaps(JAIL, prefix('198.51.100.0/24'))).toBeUndefined();
    expect(snapshot.overlaps(OTHER, prefix('198.51.100.0/24'))).toBeDefined();
  });

  test('answers as a look at every exemption would', () => {
    // Few bits that matter, so that prefixes meet.
    const some = fc
      .record({
        six: fc.boolean(),
        bits: fc.bigInt({ min: 0n, max: 255n }),
        length: fc.integer({ min: 0, max: 8 }),
      })
      .map(({ six, bits, length }): Prefix => {
        const family = six ? 6 : 4;
        return prefixOf(fromBits(family, bits << BigInt(widthOf(family) - 8)), length);
      });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 8 }), some, (list, asked) => {
        const made = new AllowSnapshot(
          list.map((one) => ({ prefix: one, reason: reasonOf('ignoreip', one) })),
        );
        expect(made.overlaps(JAIL, asked) !== undefined).toBe(
          list.some((one) => overlap(one, asked)),
        );
        const host = address(asked.base);
        expect(made.allows(JAIL, host) !== undefined).toBe(list.some((one) => contains(one, host)));
        for (const [i, a] of made.prefixes().entries())
          for (const b of made.prefixes().slice(i + 1)) expect(overlap(a, b)).toBe(false);
        for (const one of list)
          expect(made.prefixes().some((kept) => overlap(kept, one))).toBe(true);
      }),
    );
  });

  test('exempts an IPv4 address behind a NAT64 too, the well-known one and the own', () => {
    const own = new AllowSnapshot(exemptions('192.0.2.0/24'), [prefix('2001:db8:64::/96')]);
    for (const text of ['64:ff9b::c000:207', '2001:db8:64::c000:207', '::ffff:0:c000:207'])
      expect(own.allows(JAIL, address(text))?.text).toBe('ignoreip 192.0.2.0/24');
    for (const text of ['64:ff9b::c000:307', '2001:db8:65::c000:207'])
      expect(own.allows(JAIL, address(text))).toBeUndefined();
    expect(own.overlaps(JAIL, prefix('64:ff9b::c000:0/112'))).toBeDefined();
    expect(own.overlaps(JAIL, prefix('64:ff9b::c000:300/120'))).toBeUndefined();
  });

  test('an empty one allows nobody', () => {
    const empty = new AllowSnapshot([]);
    expect(empty.allows(JAIL, address('127.0.0.1'))).toBeUndefined();
    expect(empty.overlaps(JAIL, prefix('0.0.0.0/0'))).toBeUndefined();
    expect(empty.prefixes()).toEqual([]);
  });
});

describe("an operator's ban", () => {
  const snapshot = new AllowSnapshot(exemptions('192.0.2.7'));
  const refused = (text: string, force = false) =>
    refuseManualBan(prefix(text), JAIL, snapshot, force)?.message;

  test('of an exempted address, or of a network that holds one, is refused', () => {
    expect(refused('192.0.2.7')).toContain('ignoreip 192.0.2.7');
    expect(refused('192.0.2.0/24')).toContain(
      '192.0.2.0/24 would shut out an address that is never banned',
    );
    expect(refused('192.0.2.8')).toBeUndefined();
  });

  test.each([
    ['10.0.0.0/8', false],
    ['10.0.0.0/7', true],
    ['0.0.0.0/0', true],
    ['2001:db8::/32', false],
    ['2001:db8::/31', true],
  ])('of %s is refused as too wide: %s', (text, expected) => {
    expect(refused(text) !== undefined).toBe(expected);
  });

  test.each(['0.0.0.0', '224.0.0.1', '255.255.255.255', '::', 'ff02::1'])(
    'of %s is refused, forced or not',
    (text) => {
      expect(refused(text)).toContain('no remote host has such an address');
      expect(refused(text, true)).toBe(refused(text));
    },
  );

  test.each([
    '64:ff9b::/64',
    '64:ff9b::/96',
    '64:ff9b::c000:0/112',
    '64:ff9b::/32',
    '2001:0:102:304::/64',
    'fe80::/64',
    '2002::/32',
  ])('of %s is refused: it holds strangers', (text) => {
    expect(refused(text)).toContain('holds strangers');
    expect(refused(text, true)).toBeUndefined();
  });

  test.each(['64:ff9b::c000:208', 'fe80::7%eth0', '2002:c000:208::/48', '2001:db8:64::/64'])(
    'of %s is made',
    (text) => {
      expect(refused(text)).toBeUndefined();
    },
  );

  test("of the network's own NAT64 prefix is refused", () => {
    const own = [prefix('2001:db8:64::/96')];
    expect(
      refuseManualBan(prefix('2001:db8:64::/64'), JAIL, snapshot, false, own)?.message,
    ).toContain('holds strangers');
    expect(
      refuseManualBan(prefix('2001:db8:64::c000:208'), JAIL, snapshot, false, own),
    ).toBeUndefined();
  });

  test('is made all the same with --force', () => {
    expect([refused('192.0.2.7', true), refused('0.0.0.0/0', true)]).toEqual([
      undefined,
      undefined,
    ]);
  });
});
