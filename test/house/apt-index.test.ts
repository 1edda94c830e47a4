/** The index that apt reads has one order, however the folder lists its packages. */
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';

const { sortedIndex } = (await import(resolve('scripts/lib/package/apt-index.mjs'))) as {
  sortedIndex(index: string): string;
};

/** As dpkg-scanpackages writes an entry. */
const entry = (file: string, description: string) =>
  `Package: banjour\nVersion: 1\nFilename: ./${file}\nDescription: bans\n ${description}\n .\n more\n`;
const FILES = [
  'banjour_0.10.0_amd64.deb',
  'banjour_0.2.0+node24.22.3_amd64.deb',
  'banjour_0.2.0+node24.22.3_arm64.deb',
  'banjour_0.2.0_amd64.deb',
  'banjour_0.2.0~rc1_amd64.deb',
];
const entries = FILES.map((file) => entry(file, `Filename: is a word of ${file}`));
const joined = (all: readonly string[]) => all.map((one) => `${one}\n`).join('');

test('entries in any order give the same index: all of them, by the names of their files', async () => {
  await fc.assert(
    fc.property(fc.shuffledSubarray(entries), (some) => {
      const sorted = entries.filter((one) => some.includes(one));
      expect(sortedIndex(joined(some))).toBe(joined(sorted));
    }),
  );
});

test('an index of one entry stays as it is', () =>
  expect(sortedIndex(joined(entries.slice(0, 1)))).toBe(joined(entries.slice(0, 1))));
