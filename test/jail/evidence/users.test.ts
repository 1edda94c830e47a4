import { describe, expect, test } from '@jest/globals';
import { Keys } from '../../../src/jail/evidence/table.js';
import { WatchedUsers } from '../../../src/jail/evidence/users.js';

const keys = new Keys(7);
const key = (n: number) => keys.user(`user ${n}`);
const MAX = 2_000;
const NOW = 1_800_000_000;

describe('what is known of names', () => {
  test('as soon as one user is forgotten, nobody takes a name for that of no user', () => {
    const users = new WatchedUsers(MAX);
    let known = 0;
    const areAllKnown = () => Array.from({ length: known }).every((_, n) => users.hasLogin(key(n)));
    while (!users.isFull) {
      // Each step is looked at: a forgotten user must show at once.
      users.login(key(known++), 1, NOW + known);
      if (known % 50 === 0 && !users.isFull) expect([known, areAllKnown()]).toEqual([known, true]);
    }
    // Rows fill unevenly: it is so before the bound.
    expect(users.size).toBeLessThan(MAX);
    expect(areAllKnown()).toBe(false);
  });

  test('names that strangers try make room for one another, and no user is forgotten', () => {
    const users = new WatchedUsers(MAX);
    for (let n = 0; n < 100; n++) users.login(key(n), 1, NOW + 1_000_000);
    for (let n = 100; users.size < MAX * 0.95 && n < 50_000; n++) users.offend(key(n), 1, NOW, NOW);
    expect(Array.from({ length: 100 }).every((_, n) => users.hasLogin(key(n)))).toBe(true);
    expect(users.isFull).toBe(false);
  });
});
