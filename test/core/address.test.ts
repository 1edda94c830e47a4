import { isIP } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Address,
  baseAddress,
  bitsOf,
  compareAddresses,
  comparePrefixes,
  contains,
  covers,
  formatPrefix,
  fromBits,
  hostPrefix,
  isHost,
  outermost,
  overlap,
  type Prefix,
  parseAddress,
  parsePrefix,
  prefixOf,
  widthOf,
} from '../../src/core/address.js';

const address = (text: string) => parseAddress(text) as Address;
const prefix = (text: string) => parsePrefix(text) as Prefix;

const bits4 = fc.bigInt({ min: 0n, max: (1n << 32n) - 1n });
const bits6 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });
/** Groups with many zeros: where the shortening of IPv6 goes wrong. */
const sparse6 = fc
  .array(fc.constantFrom(0n, 0n, 0n, 1n, 0xffffn, 0xdb8n), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.reduce((bits: bigint, group) => (bits << 16n) | group, 0n));
const anyBits6 = fc.oneof(bits6, sparse6).filter((bits) => bits >> 32n !== 0xffffn);
const anyAddress = fc.oneof(
  bits4.map((bits) => fromBits(4, bits)),
  anyBits6.map((bits) => fromBits(6, bits)),
);

describe('an address', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['[192.0.2.1]', '192.0.2.1'],
    ['2001:DB8::0001', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%eth0]', 'fe80::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['::', '::'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
  ])('%s is %s', (text, canonical) => {
    expect(parseAddress(text)?.text).toBe(canonical);
  });

  test.each([
    '',
    ' ',
    'localhost',
    '192.0.2',
    '192.0.2.256',
    '192.0.02.1',
    '192.0.2.1:22',
    '0x7f.1',
    '3221225985',
    '192.0.2.1 ',
    '2001:db8::1::2',
    '2001:db8',
    '[2001:db8::1',
    '[2001:db8::1]:25',
    '%eth0',
    '192.0.2.1\n',
    '１９２.0.2.1',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test('in IPv6 is written as the URL standard writes it (RFC 5952)', () => {
    fc.assert(
      fc.property(anyBits6, (bits) => {
        const { text } = fromBits(6, bits);
        expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
      }),
      { numRuns: 1_000 },
    );
  });

  test('in IPv6 is read as the URL standard reads it, however it is written', () => {
    const written = fc.oneof(
      anyBits6.map((bits) =>
        Array.from({ length: 8 }, (_, i) =>
          ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16).padStart(4, '0'),
        ).join(':'),
      ),
      fc.ipV6(),
    );
    fc.assert(
      fc.property(written, (text) => {
        const parsed = parseAddress(text);
        if (parsed?.family !== 6) return;
        expect(`[${parsed.text}]`).toBe(new URL(`http://[${text}]/`).hostname);
      }),
      { numRuns: 1_000 },
    );
  });

  test('survives the way through bits and text', () => {
    fc.assert(
      fc.property(anyAddress, (one) => {
        expect(parseAddress(one.text)).toEqual(one);
        expect(fromBits(one.family, bitsOf(one))).toEqual(one);
      }),
    );
  });

  test('in IPv4 is what Node.js takes for one', () => {
    const quad = fc.constantFrom(
      '0',
      '00',
      '1',
      '01',
      '9',
      '10',
      '99',
      '100',
      '255',
      '256',
      '1000',
      '',
      'a',
    );
    const texts = fc.oneof(
      fc.array(quad, { minLength: 3, maxLength: 5 }).map((parts) => parts.join('.')),
      fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }).map((parts) => parts.join('.')),
      fc.string({ unit: fc.constantFrom(...'0125.'), maxLength: 16 }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const expected = isIP(text) === 4 ? { family: 4, text } : undefined;
        expect([text, parseAddress(text)]).toEqual([text, expected]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('of any text, it never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcdf:./[]%x ') }), (text) => {
        const parsed = parseAddress(text);
        if (parsed !== undefined) expect(parseAddress(parsed.text)).toEqual(parsed);
        const wide = parsePrefix(text);
        if (wide !== undefined) expect(parsePrefix(formatPrefix(wide))).toEqual(wide);
      }),
      { numRuns: 2_000 },
    );
  });

  test('sorts by family, then by number, not by text', () => {
    const texts = ['2001:db8::', '10.0.0.0', '9.0.0.0', '::1'];
    expect(
      texts
        .map(address)
        .sort(compareAddresses)
        .map(({ text }) => text),
    ).toEqual(['9.0.0.0', '10.0.0.0', '::1', '2001:db8::']);
  });
});

describe('a prefix', () => {
  test.each([
    ['192.0.2.77/24', '192.0.2.0/24'],
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1/32', '192.0.2.1'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:db8::1/32', '2001:db8::/32'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['::/0', '::/0'],
    ['::ffff:192.0.2.7/120', '192.0.2.0/24'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
  ])('%s is %s', (text, canonical) => {
    expect(formatPrefix(prefix(text))).toBe(canonical);
  });

  test.each([
    '192.0.2.0/33',
    '192.0.2.0/-1',
    '192.0.2.0/',
    '192.0.2.0/024',
    '192.0.2.0/24/24',
    '192.0.2.0/255.255.255.0',
    '2001:db8::/129',
    '::ffff:192.0.2.7/95',
    'example.org/24',
  ])('%s is none', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });

  test('of a length that cannot be is a bug of the caller', () => {
    for (const length of [-1, 33, 1.5, Number.NaN])
      expect(() => prefixOf(address('192.0.2.1'), length)).toThrow(RangeError);
  });

  test('holds the address it was made of, and exactly 2 to the free bits', () => {
    fc.assert(
      fc.property(anyAddress, fc.integer({ min: 0, max: 128 }), (one, any) => {
        const length = any % (widthOf(one.family) + 1);
        const wide = prefixOf(one, length);
        expect(contains(wide, one)).toBe(true);
        const size = 1n << BigInt(widthOf(one.family) - length);
        const base = bitsOf(baseAddress(wide));
        expect(base % size).toBe(0n);
        expect(contains(wide, fromBits(one.family, base + size - 1n, false))).toBe(true);
        if (base + size < 1n << BigInt(widthOf(one.family)))
          expect(contains(wide, fromBits(one.family, base + size, false))).toBe(false);
        if (base > 0n) expect(contains(wide, fromBits(one.family, base - 1n, false))).toBe(false);
      }),
    );
  });

  test('covers what lies in it, overlaps both ways, never across families', () => {
    expect(covers(prefix('192.0.2.0/24'), prefix('192.0.2.0/25'))).toBe(true);
    expect(covers(prefix('192.0.2.0/25'), prefix('192.0.2.0/24'))).toBe(false);
    expect(overlap(prefix('192.0.2.0/25'), prefix('192.0.2.0/24'))).toBe(true);
    expect(overlap(prefix('192.0.2.0/25'), prefix('192.0.2.128/25'))).toBe(false);
    expect(overlap(prefix('0.0.0.0/0'), prefix('::/0'))).toBe(false);
  });

  test('of one address is a host', () => {
    expect(isHost(hostPrefix(address('192.0.2.1')))).toBe(true);
    expect(isHost(prefix('2001:db8::1'))).toBe(true);
    expect(isHost(prefix('2001:db8::/127'))).toBe(false);
  });

  test('sorts by first address, the wider first', () => {
    const texts = ['192.0.2.0', '192.0.2.0/24', '192.0.0.0/16'];
    expect(texts.map(prefix).sort(comparePrefixes).map(formatPrefix)).toEqual([
      '192.0.0.0/16',
      '192.0.2.0/24',
      '192.0.2.0',
    ]);
  });

  test('that another one covers is left out: an interval set refuses overlaps', () => {
    const texts = ['11.0.0.1', '::1', '10.1.0.0/16', '10.0.0.0/8', '10.0.0.0/8', '::/0'];
    expect(outermost(texts.map(prefix)).map(formatPrefix)).toEqual([
      '10.0.0.0/8',
      '11.0.0.1',
      '::/0',
    ]);
  });
});
