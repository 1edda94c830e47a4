import { describe, expect, test } from '@jest/globals';
import { Keys, NONE, RecentSet, Table } from '../../../src/jail/evidence/table.js';

const keys = new Keys(7);
const key = (n: number) => keys.user(`user ${n}`);

describe('a table', () => {
  test('keeps what was put under a key, also while it grows', () => {
    const table = new Table(1, 100_000, () => 0);
    for (let n = 0; n < 5_000; n++) table.set(table.obtain(key(n)), 0, n);
    expect(table.size).toBe(5_000);
    for (let n = 0; n < 5_000; n++) expect(table.get(table.find(key(n)), 0)).toBe(n);
    expect(table.find(key(5_000))).toBe(NONE);
    expect(table.evicted).toBe(0);
  });

  test('never holds more than its bound, and gives up what is worth the least', () => {
    const table: Table = new Table(1, 64, (slot) => table.get(slot, 0));
    for (let n = 1; n <= 1_000; n++) table.set(table.obtain(key(n)), 0, n);
    expect(table.size).toBeLessThanOrEqual(64);
    expect(table.evicted).toBe(1_000 - table.size);
    // The last ones are worth the most.
    for (let n = 997; n <= 1_000; n++) expect(table.find(key(n))).not.toBe(NONE);
  });

  test('forgets a removed key and begins anew with it', () => {
    const table = new Table(1, 100, () => 0);
    table.set(table.obtain(key(1)), 0, 5);
    table.remove(key(1));
    expect([table.size, table.find(key(1))]).toEqual([0, NONE]);
    expect(table.get(table.obtain(key(1)), 0)).toBe(0);
  });
});

describe('a recent set', () => {
  const made = () => {
    const table = new Table(RecentSet.wordsOf(3), 100, () => 0);
    return { set: new RecentSet(table, 0, 3), slot: table.obtain(key(1)) };
  };

  test('counts different things of the time that is asked for', () => {
    const { set, slot } = made();
    set.add(slot, 11, 100);
    set.add(slot, 11, 200);
    set.add(slot, 12, 150);
    expect([set.count(slot, 100), set.count(slot, 160), set.count(slot, 100, 11)]).toEqual([
      2, 1, 1,
    ]);
    expect([set.seen(slot, 11), set.seen(slot, 13), set.newest(slot)]).toEqual([200, 0, 200]);
  });

  test('gives up what was seen longest ago when it is full, and takes nothing older', () => {
    const { set, slot } = made();
    for (const [thing, time] of [
      [1, 10],
      [2, 30],
      [3, 20],
      [4, 40],
      [5, 5],
    ] as const)
      set.add(slot, thing, time);
    expect([1, 2, 3, 4, 5].filter((thing) => set.seen(slot, thing) > 0)).toEqual([2, 3, 4]);
  });

  test('an earlier time does not put a thing back', () => {
    const { set, slot } = made();
    set.add(slot, 1, 30);
    set.add(slot, 1, 10);
    expect(set.seen(slot, 1)).toBe(30);
  });
});

describe('keys', () => {
  test('a user is the same in any case and with blanks around it', () => {
    expect(keys.user(' Anna@Example.org ')).toEqual(keys.user('anna@example.org'));
    expect(keys.user('anna')).not.toEqual(keys.user('ann'));
  });

  test('another seed makes other keys', () => {
    expect(new Keys(8).user('anna')).not.toEqual(keys.user('anna'));
  });

  test('ten thousand names make ten thousand keys', () => {
    const seen = new Set(Array.from({ length: 10_000 }, (_, n) => `${key(n).high} ${key(n).low}`));
    expect(seen.size).toBe(10_000);
  });
});
