/**
 * The compiled SQLite that is kept for the next clone: found with the same of everything, under the
 * name that prebuild-install looks for, and with nothing else.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { hasCommand, isRoot, needs } from '../support/require.js';

interface Places {
  readonly cache: string;
  readonly module?: string;
  readonly compilers?: readonly string[];
}
const { keepSqlite, keptSqlite } = (await import(resolve('scripts/lib/kept-sqlite.mjs'))) as {
  keepSqlite(places: Places): void;
  keptSqlite(places: Places): string | undefined;
};
const test = needs(isRoot && hasCommand('cc'), 'needs root and a compiler');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-sqlite-'));
  mkdirSync(join(folder, 'cache'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const places = () => ({ cache: join(folder, 'cache'), module: join(folder, 'module') });

/** A module as node-gyp leaves it, or as npm fetched it ready-made. */
function made({ compiled }: { compiled: boolean }): void {
  const release = join(folder, 'module/build/Release');
  mkdirSync(release, { recursive: true });
  writeFileSync(join(release, 'better_sqlite3.node'), 'a module');
  if (compiled) writeFileSync(join(folder, 'module/build/Makefile'), '');
}

/** A program that says it is another compiler. */
function compiler(version: string): string {
  const path = join(folder, `cc-${version}`);
  writeFileSync(path, `#!/bin/sh\necho cc ${version}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('what was compiled is found again, where prebuild-install looks for it', () => {
  made({ compiled: true });
  expect(keptSqlite(places())).toBeUndefined();
  keepSqlite(places());
  const kept = keptSqlite(places()) ?? '';
  const asked = createRequire(import.meta.url)('prebuild-install/util.js') as {
    getDownloadUrl(options: object): string;
  };
  const manifest = readFileSync('node_modules/better-sqlite3/package.json', 'utf8');
  const pkg = JSON.parse(manifest) as object;
  const target = { pkg, platform: 'linux', arch: process.arch, 'tag-prefix': 'v' };
  const name = basename(asked.getDownloadUrl(target));
  expect(readdirSync(kept)).toEqual([name]);
  const listed = spawnSync('tar', ['-tzf', join(kept, name)], { encoding: 'utf8' });
  expect(listed.stdout).toBe('build/Release/better_sqlite3.node\n');
});

test('with another compiler nothing is found, nor without one', () => {
  made({ compiled: true });
  const [one, other] = [compiler('12'), compiler('14')];
  keepSqlite({ ...places(), compilers: [one] });
  expect(keptSqlite({ ...places(), compilers: [other] })).toBeUndefined();
  expect(keptSqlite({ ...places(), compilers: [join(folder, 'none')] })).toBeUndefined();
  expect(keptSqlite({ ...places(), compilers: [one] })).toBeDefined();
});

test('what npm fetched ready-made is not kept, and no folder is made for it', () => {
  made({ compiled: false });
  keepSqlite(places());
  expect(readdirSync(join(folder, 'cache'))).toEqual([]);
  const elsewhere = { ...places(), cache: join(folder, 'none') };
  made({ compiled: true });
  keepSqlite(elsewhere);
  expect([existsSync(elsewhere.cache), keptSqlite(elsewhere)]).toEqual([false, undefined]);
});
