/** Positions in their file: ids of bans, and words of an engine. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { Positions } from '../../src/control/positions.js';
import { isHostName } from '../../src/core/names.js';
import { SHARE_NAME_CHARS_MAX, SHARE_POSITION_CHARS_MAX } from '../../src/core/service-limits.js';

const folder = mkdtempSync(join(tmpdir(), 'banjour-positions-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('ids and words come back, each as what it is', () => {
  const path = join(folder, 'both.json');
  const positions = Positions.open(path);
  positions.set('history', 7);
  positions.set('engine', '1700000000000-3');
  positions.write();
  const again = Positions.open(path);
  expect([again.of('history'), again.wordOf('history')]).toEqual([7, undefined]);
  expect([again.of('engine'), again.wordOf('engine')]).toEqual([undefined, '1700000000000-3']);
  expect(JSON.parse(readFileSync(path, 'utf8')).version).toBe(1);
});

test('a word of the engine has so many characters at most', () => {
  const path = join(folder, 'long.json');
  const [fits, long] = [SHARE_POSITION_CHARS_MAX, SHARE_POSITION_CHARS_MAX + 1];
  const targets = { fits: 'x'.repeat(fits), long: 'x'.repeat(long), none: null };
  writeFileSync(path, JSON.stringify({ version: 1, targets }));
  const positions = Positions.open(path);
  expect(positions.wordOf('fits')?.length).toBe(fits);
  expect([positions.wordOf('long'), positions.wordOf('none')]).toEqual([undefined, undefined]);
});

test('a host that shares is called so', () => {
  const longest = 'm'.repeat(SHARE_NAME_CHARS_MAX);
  expect([longest, 'mx1.example.org', 'mx_1', 'fe80::1'].every(isHostName)).toBe(true);
  expect([`${longest}m`, '', 'a b', 'a@b', 'a|b', 'a\n', 'ä'].some(isHostName)).toBe(false);
});
