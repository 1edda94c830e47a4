import { afterEach, expect, jest, test } from '@jest/globals';
import { LedgerUpkeep } from '../../src/agent/ledger-upkeep.js';
import { LEDGER_SAVE_MS_MAX, LEDGER_SAVE_MS_MIN } from '../../src/core/timeouts.js';
import type { LedgerDatabase } from '../../src/ledger/database.js';

afterEach(() => {
  jest.restoreAllMocks();
});

test('a ledger that cannot be written is tried less and less often', async () => {
  let now = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const tries: number[] = [];
  const ledger = {
    path: 'ledger.sqlite3',
    noticeLoss: () => undefined,
    shrink: () => 0,
    unsaved: 'disk is full',
    save: async () => {
      tries.push(now);
      throw new Error('disk is full');
    },
  };
  const upkeep = new LedgerUpkeep(ledger as unknown as LedgerDatabase, () => undefined);
  for (; now < 10 * LEDGER_SAVE_MS_MAX; now += LEDGER_SAVE_MS_MIN) await upkeep.save();
  const pauses = tries.slice(1).map((time, index) => time - (tries[index] ?? 0));
  expect(tries[0]).toBe(0);
  expect(pauses.slice(0, 4)).toEqual([1, 2, 4, 8].map((times) => times * LEDGER_SAVE_MS_MIN));
  expect(new Set(pauses.slice(4))).toEqual(new Set([LEDGER_SAVE_MS_MAX]));
});

/** A ledger whose every try succeeds, and which is full again so long after it. */
async function triesWhenFullAgainAfter(milliseconds: number, seconds: number): Promise<number> {
  let now = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  let fullAt = 0;
  let tries = 0;
  const ledger = {
    path: 'ledger.sqlite3',
    noticeLoss: () => undefined,
    shrink: () => 0,
    get unsaved() {
      return now >= fullAt ? 'disk is full' : undefined;
    },
    save: async () => {
      tries++;
      fullAt = now + milliseconds;
    },
  };
  const upkeep = new LedgerUpkeep(ledger as unknown as LedgerDatabase, () => undefined);
  for (; now < seconds * 1000; now += LEDGER_SAVE_MS_MIN) await upkeep.save();
  return tries;
}

test('tries that succeed for a moment only become as rare as those in vain', async () => {
  expect(await triesWhenFullAgainAfter(LEDGER_SAVE_MS_MIN, 600)).toBeLessThan(25);
});

test('a ledger that was written for long is tried at once when the disk is full anew', async () => {
  const every = LEDGER_SAVE_MS_MAX + LEDGER_SAVE_MS_MIN;
  expect(await triesWhenFullAgainAfter(every, 10 * (every / 1000))).toBe(10);
});
