/** Files that the scripts keep: their folders are bounded, and the oldest go. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const { takeFile, keepFile } = (await import(resolve('scripts/lib/kept-files.mjs'))) as {
  takeFile(path: string): boolean;
  keepFile(finished: string, path: string, most: number): void;
};
const HOUR_S = 3600;
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-kept-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A file that somebody took some hours ago. */
function file(name: string, hours: number): string {
  const path = join(folder, name);
  writeFileSync(path, name);
  const taken = Date.now() / 1000 - hours * HOUR_S;
  utimesSync(path, taken, taken);
  return path;
}

test('as many files as the bound stay; one more, and the oldest goes', () => {
  for (const [name, hours] of Object.entries({ c: 1, a: 3, b: 2 })) file(name, hours);
  keepFile(file('d.half', 9), join(folder, 'd'), 4);
  expect(readdirSync(folder).sort()).toEqual(['a', 'b', 'c', 'd']);
  keepFile(file('e.half', 9), join(folder, 'e'), 4);
  expect(readdirSync(folder).sort()).toEqual(['b', 'c', 'd', 'e']);
});

test('what somebody took stays, however long ago it was made', () => {
  file('b', 2);
  expect(takeFile(file('a', 3))).toBe(true);
  keepFile(file('c.half', 9), join(folder, 'c'), 2);
  expect(readdirSync(folder).sort()).toEqual(['a', 'c']);
  expect(takeFile(join(folder, 'b'))).toBe(false);
});

test('what a killed run left half-made goes too, folders among it', () => {
  const left = join(folder, 'a.0123456789ab');
  mkdirSync(left);
  writeFileSync(join(left, 'inside'), '');
  utimesSync(left, 1, 1);
  keepFile(file('b.half', 0), join(folder, 'b'), 1);
  expect(readdirSync(folder)).toEqual(['b']);
});

test('a file that is made anew takes the place of the former', () => {
  file('a', 1);
  keepFile(file('new', 0), join(folder, 'a'), 1);
  expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('new');
  expect(existsSync(join(folder, 'new'))).toBe(false);
});
