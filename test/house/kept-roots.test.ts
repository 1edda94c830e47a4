/** Kept root file systems: one that somebody may work on is never removed. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const { takeKept, workplaceOf, keepRoot } = (await import(
  resolve('scripts/lib/kept-roots.mjs')
)) as {
  takeKept(root: string): boolean;
  workplaceOf(root: string): string;
  keepRoot(work: string, root: string): void;
};
const HOUR_MS = 3_600_000;
let cache = '';
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'banjour-roots-'));
});
afterEach(() => rmSync(cache, { recursive: true }));

const inCache = (name: string) => join(cache, name);
/** A root that was built and last taken some hours ago. */
function root(name: string, builtHours: number, takenHours: number): string {
  const path = inCache(name);
  mkdirSync(path);
  writeFileSync(join(path, '.built'), `${Date.now() - builtHours * HOUR_MS}\n`);
  const taken = new Date(Date.now() - takenHours * HOUR_MS);
  utimesSync(join(path, '.built'), taken, taken);
  return path;
}
/** A root that is being built, begun some hours ago. */
function workplace(path: string, hours: number): string {
  mkdirSync(path);
  writeFileSync(join(path, 'init'), '');
  const begun = new Date(Date.now() - hours * HOUR_MS);
  utimesSync(path, begun, begun);
  return path;
}

test('a root is taken while it is younger than 30 days; a half-made one never', () => {
  expect(takeKept(root('rpm-00000000000a', 24 * 30 - 1, 0))).toBe(true);
  expect(takeKept(root('rpm-00000000000b', 24 * 30, 0))).toBe(false);
  expect(takeKept(workplace(inCache('rpm-00000000000c'), 0))).toBe(false);
});

test('a finished build removes what nobody took for a day, and nothing of other names', () => {
  root('rpm-00000000000a', 99, 25);
  root('rpm-00000000000b', 99, 23);
  workplace(inCache('rpm-00000000000c.building-0123456789ab'), 25);
  workplace(inCache('rpm-00000000000d.building-0123456789ab'), 23);
  root('rpm-00000000000e.former-0123456789ab', 99, 25);
  root('rpm-trixie-00000000000f', 99, 99);
  const mine = inCache('rpm-000000000001');
  const work = root(workplaceOf(mine).slice(cache.length + 1), 0, 0);
  keepRoot(work, mine);
  expect(readdirSync(cache)).toEqual([
    'rpm-000000000001',
    'rpm-00000000000b',
    'rpm-00000000000d.building-0123456789ab',
    'rpm-trixie-00000000000f',
  ]);
});

test('taking a root keeps it for another day', () => {
  const theirs = root('rpm-00000000000a', 99, 99);
  expect(takeKept(theirs)).toBe(true);
  const mine = inCache('rpm-000000000001');
  keepRoot(root('rpm-000000000001.building-0123456789ab', 0, 0), mine);
  expect(readdirSync(cache)).toContain('rpm-00000000000a');
});

test('a root that is built anew is moved aside, since machines may run on it', () => {
  const old = root('rpm-00000000000a', 24 * 31, 1);
  writeFileSync(join(old, 'init'), 'old');
  keepRoot(root('rpm-00000000000a.building-0123456789ab', 0, 0), old);
  const names = readdirSync(cache);
  expect(names).toEqual([
    'rpm-00000000000a',
    expect.stringMatching(/^rpm-00000000000a\.former-[0-9a-f]{12}$/),
  ]);
  expect(readdirSync(inCache(names[0] ?? ''))).not.toContain('init');
  expect(readdirSync(inCache(names[1] ?? ''))).toContain('init');
});

test('two builds of the same root never work in the same place', () => {
  expect(workplaceOf('/x/rpm-00000000000a')).not.toBe(workplaceOf('/x/rpm-00000000000a'));
});
