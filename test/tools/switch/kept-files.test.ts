import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SWITCH_KEPT_BYTES_MAX, SWITCH_KEPT_FILES_MAX } from '../../../src/core/service-limits.js';
import { KeptFolder, KeptLedger } from '../../../src/tools/switch/kept-files.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-kept-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a folder', () => {
  const path = (name: string) => join(folder, 'etc', name);
  const write = (name: string, text: string) => writeFileSync(path(name), text);
  beforeEach(() => {
    mkdirSync(path('jail.d'), { recursive: true });
  });

  test('becomes what it was: contents, modes, links; what is new is gone', () => {
    write('jail.local', 'old');
    chmodSync(path('jail.local'), 0o640);
    write('jail.d/host.conf', 'host');
    symlinkSync('jail.local', path('link'));
    const kept = new KeptFolder(join(folder, 'etc'));
    rmSync(path('jail.local'));
    mkdirSync(path('jail.local'));
    write('jail.local/inside', 'x');
    write('jail.d/host.conf', 'changed');
    rmSync(path('link'));
    write('link', 'no link');
    mkdirSync(path('filter.d'));
    write('filter.d/new.conf', 'new');
    kept.restore();
    expect(readFileSync(path('jail.local'), 'utf8')).toBe('old');
    expect(statSync(path('jail.local')).mode & 0o777).toBe(0o640);
    expect(readFileSync(path('jail.d/host.conf'), 'utf8')).toBe('host');
    expect(readlinkSync(path('link'))).toBe('jail.local');
    expect(existsSync(path('filter.d'))).toBe(false);
  });

  test('that was not there is not there again', () => {
    const kept = new KeptFolder(path('none'));
    mkdirSync(path('none'));
    write('none/file', 'x');
    kept.restore();
    expect(existsSync(path('none'))).toBe(false);
  });

  test('with as many files or bytes as a configuration can have is kept, with one more it is not', () => {
    write('large', '');
    truncateSync(path('large'), SWITCH_KEPT_BYTES_MAX);
    new KeptFolder(join(folder, 'etc'));
    truncateSync(path('large'), SWITCH_KEPT_BYTES_MAX + 1);
    expect(() => new KeptFolder(join(folder, 'etc'))).toThrow(
      `more than ${SWITCH_KEPT_BYTES_MAX} bytes`,
    );
    rmSync(path('large'));
    // The folder and jail.d count, too.
    for (let at = 2; at < SWITCH_KEPT_FILES_MAX; at++) write(`${at}`, '');
    new KeptFolder(join(folder, 'etc'));
    write('more', '');
    expect(() => new KeptFolder(join(folder, 'etc'))).toThrow(
      `more than ${SWITCH_KEPT_FILES_MAX} files`,
    );
  });
});

describe('a ledger', () => {
  const state = () => join(folder, 'state');
  const file = (name: string) => join(state(), name);

  test('becomes what it was with its companions, and no copy stays', () => {
    mkdirSync(state());
    writeFileSync(file('ledger.sqlite3'), 'old');
    writeFileSync(file('ledger.sqlite3-wal'), 'old log');
    writeFileSync(file('other'), 'other');
    const kept = new KeptLedger(file('ledger.sqlite3'));
    writeFileSync(file('ledger.sqlite3'), 'new');
    rmSync(file('ledger.sqlite3-wal'));
    writeFileSync(file('ledger.sqlite3-shm'), 'new');
    kept.restore();
    expect(readFileSync(file('ledger.sqlite3'), 'utf8')).toBe('old');
    expect(readFileSync(file('ledger.sqlite3-wal'), 'utf8')).toBe('old log');
    expect(
      ['ledger.sqlite3-shm', 'before-switch', 'other'].map((name) => existsSync(file(name))),
    ).toEqual([false, false, true]);
  });

  test('that an agent writes is not touched; copies of a move that was killed go', () => {
    mkdirSync(file('before-switch'), { recursive: true });
    writeFileSync(file('ledger.sqlite3'), 'old');
    const kept = new KeptLedger(file('ledger.sqlite3'), false);
    writeFileSync(file('ledger.sqlite3'), 'new');
    kept.restore();
    expect([
      readFileSync(file('ledger.sqlite3'), 'utf8'),
      existsSync(file('before-switch')),
    ]).toEqual(['new', false]);
  });

  test('that was not there is gone, with the folder that was made for it', () => {
    const kept = new KeptLedger(file('ledger.sqlite3'));
    mkdirSync(state());
    writeFileSync(file('ledger.sqlite3'), 'new');
    kept.restore();
    expect(existsSync(state())).toBe(false);
  });
});
