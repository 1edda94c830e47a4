import { expect, test } from '@jest/globals';
import { SHARE_HELD_MAX } from '../../src/core/service-limits.js';
import { Held } from '../../src/share/inbox.js';

const one = (key: string, target: string, until: number) =>
  ({ key, target, until, origin: 'banjour' }) as const;

test('of a target the one that lasts longest counts, whoever comes and goes', () => {
  const held = new Held();
  for (const [key, until] of [
    ['a', 10],
    ['b', 30],
    ['c', 20],
  ] as const)
    expect(held.put(one(key, '192.0.2.1', until))).toBe(true);
  expect([held.size, held.longest('192.0.2.1')?.key]).toEqual([3, 'b']);
  held.put(one('b', '192.0.2.1', 5));
  expect([held.size, held.longest('192.0.2.1')?.key]).toEqual([3, 'c']);
  expect(held.remove(one('c', '192.0.2.1', 0))).toBe(true);
  expect(held.remove(one('c', '192.0.2.1', 0))).toBe(false);
  expect(held.longest('192.0.2.1')?.key).toBe('a');
  held.remove(one('a', '192.0.2.1', 0));
  held.remove(one('b', '192.0.2.1', 0));
  expect([held.size, [...held.targets()], held.longest('192.0.2.1')]).toEqual([0, [], undefined]);
});

test('there is room for so many, and always for a newer word about one of them', () => {
  const held = new Held(2);
  held.put(one('a', '192.0.2.1', 10));
  held.put(one('b', '192.0.2.1', 20));
  expect(held.put(one('c', '192.0.2.2', 10))).toBe(false);
  expect(held.put(one('b', '192.0.2.1', 40))).toBe(true);
  expect([held.size, held.longest('192.0.2.1')?.until]).toEqual([2, 40]);
  held.remove(one('a', '192.0.2.1', 0));
  expect(held.put(one('c', '192.0.2.2', 10))).toBe(true);
});

test('as many as there is room for may be of one target', () => {
  const held = new Held();
  const began = performance.now();
  for (let n = 0; n < SHARE_HELD_MAX; n++) held.put(one(String(n), '192.0.2.1', n));
  expect(held.put(one('more', '192.0.2.1', 1))).toBe(false);
  expect(held.longest('192.0.2.1')?.key).toBe(String(SHARE_HELD_MAX - 1));
  for (let n = 1; n < SHARE_HELD_MAX; n++) held.remove(one(String(n), '192.0.2.1', 0));
  expect([held.size, held.longest('192.0.2.1')?.key]).toEqual([1, '0']);
  // Each costs the same: a copy of the others for each takes minutes.
  expect(performance.now() - began).toBeLessThan(5_000);
});
