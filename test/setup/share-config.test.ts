/** `[share]` of companion.conf: every key, good and bad. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isHostName } from '../../src/core/names.js';
import { SHARE_NAME_CHARS_MAX } from '../../src/core/service-limits.js';
import { examineCompanionConfig, loadCompanionConfig } from '../../src/setup/companion-config.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-share-config-'));
  mkdirSync(join(folder, 'etc'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const folders = () => ({ shipped: 'config', config: join(folder, 'etc') });
const write = (lines: readonly string[]) =>
  writeFileSync(join(folder, 'etc/companion.local'), ['[share]', ...lines, ''].join('\n'));
const load = (...lines: readonly string[]) => {
  write(lines);
  return loadCompanionConfig(folders()).share;
};
const words = (...lines: readonly string[]) => {
  write(lines);
  return examineCompanionConfig(folders()).map(({ level, message }) => `${level}: ${message}`);
};

describe('[share]', () => {
  test('is off, with the host’s name and the files of the documentation', () => {
    expect(load()).toEqual({
      ...{ enabled: false, place: null, stream: 'banjour', user: null, passwordFile: null },
      ...{ name: isHostName(hostname()) ? hostname() : 'localhost', machine: null, caFile: null },
      machinePasswordFile: '/etc/banjour/secrets/lapi-machine',
      bouncerKeyFile: '/etc/banjour/secrets/lapi-bouncer',
    });
  });

  const valkey = { kind: 'valkey', port: 6379, isTls: false, database: 0 };
  test.each([
    ['valkey://192.0.2.1', { ...valkey, address: '192.0.2.1' }],
    [
      'redis://mx1.example.org:7000/3',
      { ...valkey, address: 'mx1.example.org', port: 7000, database: 3 },
    ],
    [
      'valkeys://[2001:db8::1]:6380/',
      { ...valkey, address: '2001:db8::1', port: 6380, isTls: true },
    ],
    ['rediss://valkey', { ...valkey, address: 'valkey', isTls: true }],
    ['http://127.0.0.1:8080', { kind: 'lapi', url: 'http://127.0.0.1:8080' }],
    ['https://lapi.example.org/v1/', { kind: 'lapi', url: 'https://lapi.example.org' }],
    ['https://example.org/crowdsec/', { kind: 'lapi', url: 'https://example.org/crowdsec' }],
  ])('reads url = %s', (url, place) => {
    expect(load(`url = ${url}`).place).toEqual(place);
  });

  test.each([
    ['url = valkey', 'is no URL'],
    ['url = ftp://192.0.2.1', 'is the URL of no engine'],
    ['url = valkey://192.0.2.1/ban', 'is the URL of no engine'],
    ['url = valkey://192.0.2.1/10000', ''],
    ['url = valkey://192.0.2.1/9999', undefined],
    ['url = valkey://me:secret@192.0.2.1', 'has more than a host'],
    ['url = valkey://192.0.2.1?x=1', 'has more than a host'],
    ['url = valkey:///0', 'names no host'],
    ['name = two words', 'is no name of a host'],
    ['name = mx1@example', 'is no name of a host'],
    [`name = ${'x'.repeat(SHARE_NAME_CHARS_MAX)}`, undefined],
    [`name = ${'x'.repeat(SHARE_NAME_CHARS_MAX + 1)}`, 'is no name of a host'],
    [`stream = ${'x'.repeat(64)}`, undefined],
    [`stream = ${'x'.repeat(65)}`, 'is no name of a key'],
    ['stream = two words', 'is no name of a key'],
    ['enabled = perhaps', ''],
    ['urls = valkey://192.0.2.1', 'no such setting'],
  ])('%s', (line, problem) => {
    const found = words(line).filter((word) => !word.startsWith('warning: '));
    if (problem === undefined) expect(found).toEqual([]);
    else expect(found.join('\n')).toContain(problem);
    if (problem !== undefined) expect(found.length).toBeGreaterThan(0);
    expect(found.join('')).not.toContain('secret@');
  });

  test.each([
    ['valkey://192.0.2.1', true],
    ['http://lapi.example.org', true],
    ['valkeys://192.0.2.1', false],
    ['https://lapi.example.org', false],
    ['valkey://127.0.0.1', false],
    ['valkey://[::1]', false],
    ['http://[::1]:8080', false],
    ['http://localhost:8080', false],
  ])('plain text on the network is warned of: %s', (url, isWarned) => {
    const found = words('enabled = true', `url = ${url}`, 'machine-id = mx1');
    expect(found.some((word) => /^warning: .*plain text/.test(word))).toBe(isWarned);
    expect(found.filter((word) => word.startsWith('error'))).toEqual([]);
  });
});
