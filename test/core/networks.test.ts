import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Address,
  bitsOf,
  covers,
  formatPrefix,
  fromBits,
  type Prefix,
  parseAddress,
  parsePrefix,
  prefixOf,
} from '../../src/core/address.js';
import {
  embedded,
  embeddedPrefix,
  holderLength,
  noneRemote,
  notRemote,
  parseTranslator,
  strangersIn,
} from '../../src/core/networks.js';

const address = (text: string) => parseAddress(text) as Address;
const prefix = (text: string) => parsePrefix(text) as Prefix;
const OWN = [prefix('2001:db8:64::/96')];

describe('an address that no remote host has', () => {
  test.each([
    ['0.0.0.0', 'this network'],
    ['0.255.255.255', 'this network'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['ff02::1', 'multicast'],
    ['ff02::1%eth0', 'multicast'],
    ['64:ff9b::e000:1', 'multicast'],
    ['::ffff:0:0.0.0.0', 'this network'],
  ])('%s is told apart: %s', (text, what) => {
    expect(notRemote(address(text))).toContain(what);
  });

  test.each([
    '1.0.0.0',
    '223.255.255.255',
    '240.0.0.1',
    '255.255.255.254',
    '127.0.0.1',
    '::1',
    'fe80::7',
    'fec0::1',
    '64:ff9b::c633:6401',
  ])('%s is none of them', (text) => {
    expect(notRemote(address(text))).toBeUndefined();
  });

  test('a prefix is refused when all of it is such, not when a part is', () => {
    expect(
      ['ff05::/16', '224.0.0.0/24', '0.0.0.0'].map(
        (text) => noneRemote(prefix(text)) !== undefined,
      ),
    ).toEqual([true, true, true]);
    expect(['0.0.0.0/0', 'fe00::/7'].map((text) => noneRemote(prefix(text)))).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe('the length that an IPv6 address is banned by', () => {
  test.each([
    ['2001:db8::1', 64, 64],
    ['2001:db8::1', 128, 128],
    // One past each border.
    ['64:ff9b::c633:6401', 64, 128],
    ['64:ff9b::1:c633:6401', 64, 128],
    ['64:ff9b:0:1::1', 64, 64],
    ['64:ff9b:1:7::1', 64, 128],
    ['64:ff9b:2::1', 64, 64],
    ['64:ff9b:2::1', 32, 128],
    ['64:ff9c::1', 31, 31],
    ['64:fffe::1', 24, 128],
    ['2001:0:102:304::1', 64, 128],
    ['2001:1::1', 64, 64],
    ['2001:1::1', 16, 128],
    ['2002:c633:6401:5::1', 64, 64],
    ['2002:c633:6401:5::1', 32, 48],
    ['2003::1', 32, 32],
    ['fe80::7', 64, 128],
    ['febf::7', 64, 128],
    ['fec0::7', 64, 64],
    ['::198.51.100.1', 96, 128],
    ['::ffff:0:c633:6401', 64, 128],
    ['2001:db8:64::c633:6401', 64, 64],
  ])('%s, wanted by /%i: /%i', (text, wanted, length) => {
    expect(holderLength(address(text), wanted)).toBe(length);
  });

  test("an operator's own NAT64 prefix is as the well-known one", () => {
    expect(holderLength(address('2001:db8:64::c633:6401'), 64, OWN)).toBe(128);
    expect(holderLength(address('2001:db8:64::1:c633:6401'), 64, OWN)).toBe(128);
    expect(holderLength(address('2001:db8:64::1:c633:6401'), 96, OWN)).toBe(96);
    expect(holderLength(address('2001:db8:65::1'), 64, OWN)).toBe(64);
  });

  test('no prefix that is banned by it holds a network of strangers', () => {
    const networks = [
      '64:ff9b::',
      '64:ff9b:1::',
      '2001::',
      '2002::',
      'fe80::',
      '::ffff:0:0:0',
      '2001:db8:64::',
    ];
    const bits = fc
      .record({
        base: fc.constantFrom(...networks),
        low: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
        kept: fc.integer({ min: 0, max: 128 }),
      })
      .map(({ base, low, kept }) => bitsOf(address(base)) ^ (low >> BigInt(kept)));
    fc.assert(
      fc.property(
        bits.filter((one) => one >> 32n !== 0xffffn),
        fc.integer({ min: 1, max: 128 }),
        (one, wanted) => {
          const who = fromBits(6, one);
          const banned = prefixOf(who, holderLength(who, wanted, OWN));
          expect(banned.length).toBeGreaterThanOrEqual(wanted);
          expect(formatPrefix(strangersIn(banned, OWN) ?? banned)).toBe(formatPrefix(banned));
          for (const strangers of ['64:ff9b::/96', '2001::/32', 'fe80::/10', '2001:db8:64::/96'])
            expect(covers(banned, prefix(strangers))).toBe(false);
        },
      ),
    );
  });
});

describe('the IPv4 address within', () => {
  test.each([
    // RFC 6052, section 2.4, text representation.
    ['2001:db8::/32', '2001:db8:c000:221::'],
    ['2001:db8:100::/40', '2001:db8:1c0:2:21::'],
    ['2001:db8:122::/48', '2001:db8:122:c000:2:2100::'],
    ['2001:db8:122:300::/56', '2001:db8:122:3c0:0:221::'],
    ['2001:db8:122:344::/64', '2001:db8:122:344:c0:2:2100::'],
    ['2001:db8:122:344::/96', '2001:db8:122:344::192.0.2.33'],
    ['64:ff9b::/96', '64:ff9b::192.0.2.33'],
  ])('of %s is read as the RFC has it', (network, text) => {
    expect(embedded(address(text), [prefix(network)])?.text).toBe('192.0.2.33');
    expect(parseTranslator(network)).toEqual(prefix(network));
  });

  test('of a prefix is a prefix', () => {
    expect(embeddedPrefix(prefix('64:ff9b::c000:200/120'))).toEqual(prefix('192.0.2.0/24'));
    expect(embeddedPrefix(prefix('64:ff9b::/96'))).toEqual(prefix('0.0.0.0/0'));
    expect(embeddedPrefix(prefix('64:ff9b::/95'))).toBeUndefined();
    expect(
      embeddedPrefix(prefix('2001:db8:122:c000:2::/80'), [prefix('2001:db8:122::/48')]),
    ).toEqual(prefix('192.0.2.0/24'));
    expect(embeddedPrefix(prefix('2001:db8::/64'))).toBeUndefined();
  });

  test.each(['2001:db8::/31', '2001:db8::/33', '2001:db8::/95', '2001:db8::', '192.0.2.0/24', 'x'])(
    '%s is no NAT64 prefix',
    (text) => {
      expect(parseTranslator(text)).toBeUndefined();
    },
  );
});
