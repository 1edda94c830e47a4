/** Countries by a file that the administrator keeps: what it says, and what becomes of a wrong one. */
import { mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { formatDiagnostic } from '../../src/core/finding.js';
import { WEB_COUNTRY_BYTES_MAX, WEB_COUNTRY_RECORDS_MAX } from '../../src/core/service-limits.js';
import {
  Countries,
  countryDiagnostic,
  problemOfCountries,
  RecentRecords,
} from '../../src/web/countries.js';
import { countriesOf, countryRecord, type MmdbOptions, mmdbOf } from '../support/mmdb.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-countries-'));
  path = join(folder, 'country.mmdb');
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const CODES = {
  '192.0.2.0/24': 'DE',
  '192.0.2.128/25': 'FR',
  '2001:db8::/32': 'JP',
  '2001:db8:8000::/33': 'US',
};

function known(bytes: Buffer): Countries {
  writeFileSync(path, bytes);
  return new Countries(path, ({ message }) => {
    throw new Error(message);
  });
}

test('of addresses and prefixes it says where the narrowest network is', () => {
  const countries = known(countriesOf(CODES));
  for (const [target, code] of [
    ['192.0.2.1', 'DE'],
    ['192.0.2.200', 'FR'],
    ['192.0.2.0/24', 'DE'],
    ['192.0.3.1', undefined],
    ['2001:db8::1', 'JP'],
    ['2001:db8:8000::/48', 'US'],
    ['2001:db9::', undefined],
    ['anna', undefined],
    ['', undefined],
  ] as const)
    expect([target, countries.of(target)]).toEqual([target, code]);
  expect(countries.problem).toBeUndefined();
});

test('a tree of IPv4 says nothing of IPv6', () => {
  const countries = known(countriesOf({ '32.1.0.0/16': 'DE' }, { ipVersion: 4 }));
  expect(countries.of('32.1.13.184')).toBe('DE');
  // Its first 32 bits are those of 32.1.13.184.
  expect(countries.of('2001:db8::1')).toBeUndefined();
});

test('where nobody knows where an address is, it says whose it is', () => {
  const registered = { registered_country: { iso_code: 'SE' } };
  const countries = known(mmdbOf({ '192.0.2.0/24': { ...registered, continent: { code: 'EU' } } }));
  expect(countries.of('192.0.2.1')).toBe('SE');
});

test.each(['<script>', 'de', 'D', 'DEU', '', 'D\u0000'])('%j is no country', (code) => {
  expect(known(countriesOf({ '192.0.2.0/24': code })).of('192.0.2.1')).toBeUndefined();
});

test('a file that comes, is replaced and goes is noticed within a minute', () => {
  const told: string[] = [];
  const clock = jest.spyOn(performance, 'now');
  clock.mockReturnValue(1_000);
  const countries = new Countries(path, ({ message }) => told.push(message));
  expect([countries.of('192.0.2.1'), told]).toEqual([undefined, ['does not exist']]);
  writeFileSync(path, countriesOf(CODES));
  expect(countries.of('192.0.2.1')).toBeUndefined();
  clock.mockReturnValue(61_000);
  expect([countries.of('192.0.2.1'), countries.problem]).toEqual(['DE', undefined]);
  writeFileSync(`${path}.new`, countriesOf({ '192.0.2.0/24': 'NL' }));
  renameSync(`${path}.new`, path);
  clock.mockReturnValue(121_000);
  expect(countries.of('192.0.2.1')).toBe('NL');
  rmSync(path);
  clock.mockReturnValue(181_000);
  expect([countries.of('192.0.2.1'), told.length]).toEqual([undefined, 2]);
  clock.mockReturnValue(241_000);
  expect([countries.of('192.0.2.1'), told.length]).toEqual([undefined, 2]);
});

describe('a file that cannot be used is said to be', () => {
  const asn = { autonomous_system_number: 64_500 };
  const everywhere = { '0.0.0.0/1': asn, '128.0.0.0/1': asn };
  const options: MmdbOptions = { type: 'Test-ASN' };

  test.each<[string, () => void, RegExp]>([
    ['none', () => undefined, /^does not exist; .*take the line out/],
    ['a folder', () => (path = folder), /^is not a regular file/],
    ['empty', () => writeFileSync(path, ''), /^is no whole file in MaxMind’s format; .*unpack/],
    ['a text', () => writeFileSync(path, 'DE 192.0.2.0/24\n'), /^is no whole file/],
    [
      'half of one',
      () => writeFileSync(path, countriesOf(CODES).subarray(0, 400)),
      /^is no whole file/,
    ],
    [
      'a mark alone',
      () => writeFileSync(path, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')),
      /^is broken: /,
    ],
    [
      'without its tree',
      () => writeFileSync(path, countriesOf(CODES).subarray(-200)),
      /^is broken: its tree does not fit/,
    ],
    [
      'of something else',
      () => writeFileSync(path, mmdbOf(everywhere, options)),
      /^holds no countries \(it is Test-ASN\)/,
    ],
  ])('%s', (_, make, words) => {
    make();
    const { message = '', fix = '' } = problemOfCountries(path) ?? {};
    expect(`${message}; ${fix}`).toMatch(words);
  });

  test('with file, line, key and remedy', () => {
    const place = { file: '/etc/banjour/companion.local', line: 3 };
    const problem = problemOfCountries(path) ?? { message: '', fix: '' };
    expect(formatDiagnostic(countryDiagnostic({ file: path, place }, problem))).toBe(
      `/etc/banjour/companion.local:3: warning: [web] country-file: does not exist (got ${JSON.stringify(path)}); ${problem.fix}`,
    );
  });

  test('when it is larger than it may be, and not before', () => {
    writeFileSync(path, countriesOf(CODES));
    truncateSync(path, WEB_COUNTRY_BYTES_MAX);
    expect(problemOfCountries(path)?.message).toMatch(/is no whole file/);
    truncateSync(path, WEB_COUNTRY_BYTES_MAX + 1);
    expect(problemOfCountries(path)?.message).toBe('has more than 64 MiB');
  });

  test('whatever bytes are wrong, nothing is thrown', () => {
    const sound = countriesOf({ ...CODES, '0.0.0.0/2': 'DE', '64.0.0.0/2': 'FR' });
    for (let at = 0; at < sound.length; at += 3) {
      const bytes = Buffer.from(sound);
      bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      writeFileSync(path, bytes);
      const countries = new Countries(path, () => undefined);
      for (const target of ['192.0.2.1', '10.0.0.1', '2001:db8::1'])
        expect(countries.of(target) ?? 'XX').toMatch(/^[A-Z]{2}$/);
    }
  });
});

test('so many records are kept decoded, and not one more', () => {
  const records = new RecentRecords();
  for (let i = 0; i < WEB_COUNTRY_RECORDS_MAX; i++) records.set(i, countryRecord('DE'));
  expect(records.size).toBe(WEB_COUNTRY_RECORDS_MAX);
  records.set(WEB_COUNTRY_RECORDS_MAX, countryRecord('FR'));
  expect(records.size).toBe(1);
});
