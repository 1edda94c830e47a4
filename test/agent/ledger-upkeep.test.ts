import { afterEach, expect, jest, test } from '@jest/globals';
import { LedgerUpkeep } from '../../src/agent/ledger-upkeep.js';
import { LEDGER_CHECKPOINT_ROWS, LEDGER_WAL_PAGES } from '../../src/core/service-limits.js';
import {
  LEDGER_QUICK_DISK_MS,
  LEDGER_SAVE_MS_MAX,
  LEDGER_SAVE_MS_MIN,
} from '../../src/core/timeouts.js';
import type { LedgerDatabase } from '../../src/ledger/database.js';

const never = () => Promise.reject(new Error('nobody asked for a checkpoint'));

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
  const upkeep = new LedgerUpkeep(ledger as unknown as LedgerDatabase, () => undefined, never);
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
  const upkeep = new LedgerUpkeep(ledger as unknown as LedgerDatabase, () => undefined, never);
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

/** A ledger with so many changed rows, whose checkpoints take so long and find such a log. */
function written(pages: number, milliseconds: number) {
  const inline = jest.fn();
  const inThread = jest.fn(async () => ({ pages, milliseconds }));
  const ledger = {
    path: 'ledger.sqlite3',
    unsaved: undefined as string | undefined,
    changedRows: 0,
    checkpoint: inline,
  };
  const upkeep = new LedgerUpkeep(ledger as unknown as LedgerDatabase, () => undefined, inThread);
  return { ledger, upkeep, inline, inThread };
}

test('the log goes into the file after so many rows, and not before', async () => {
  const { ledger, upkeep, inThread } = written(1, 1);
  ledger.changedRows = LEDGER_CHECKPOINT_ROWS - 1;
  await upkeep.checkpoint();
  expect(inThread).not.toHaveBeenCalled();
  ledger.changedRows++;
  await upkeep.checkpoint();
  await upkeep.checkpoint();
  expect(inThread).toHaveBeenCalledTimes(1);
  // The database was opened anew.
  ledger.changedRows = LEDGER_CHECKPOINT_ROWS - 1;
  await upkeep.checkpoint();
  ledger.changedRows++;
  await upkeep.checkpoint();
  expect(inThread).toHaveBeenCalledTimes(2);
});

test('one at a time, and none of a ledger in memory', async () => {
  const { ledger, upkeep, inThread } = written(1, 1);
  ledger.changedRows = LEDGER_CHECKPOINT_ROWS;
  ledger.unsaved = 'disk is full';
  await upkeep.checkpoint();
  expect(inThread).not.toHaveBeenCalled();
  ledger.unsaved = undefined;
  const first = upkeep.checkpoint();
  ledger.changedRows *= 2;
  await upkeep.checkpoint();
  expect(inThread).toHaveBeenCalledTimes(1);
  await first;
});

test.each([
  ['a long log on a quick disk', LEDGER_WAL_PAGES, LEDGER_QUICK_DISK_MS, 1],
  ['a log that is not long', LEDGER_WAL_PAGES - 1, LEDGER_QUICK_DISK_MS, 0],
  ['a slow disk', LEDGER_WAL_PAGES, LEDGER_QUICK_DISK_MS + 1, 0],
])('the main thread waits for the disk with %s or not', async (_, pages, milliseconds, times) => {
  const { ledger, upkeep, inline } = written(pages, milliseconds);
  ledger.changedRows = LEDGER_CHECKPOINT_ROWS;
  await upkeep.checkpoint();
  expect(inline).toHaveBeenCalledTimes(times);
});

test('a checkpoint that fails is told and tried again after more rows', async () => {
  const said: string[] = [];
  const ledger = {
    path: 'ledger.sqlite3',
    unsaved: undefined,
    changedRows: LEDGER_CHECKPOINT_ROWS,
  };
  const upkeep = new LedgerUpkeep(
    ledger as unknown as LedgerDatabase,
    (_, text) => said.push(text),
    never,
  );
  await upkeep.checkpoint();
  await upkeep.checkpoint();
  expect(said).toHaveLength(1);
  ledger.changedRows *= 2;
  await upkeep.checkpoint();
  expect(said).toHaveLength(2);
});
