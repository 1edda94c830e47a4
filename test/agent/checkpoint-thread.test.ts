import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { checkpointInThread } from '../../src/agent/checkpoint-thread.js';
import { type Cursor, mustJailName, type SourceId } from '../../src/core/names.js';
import { LEDGER_WAL_PAGES_MAX } from '../../src/core/service-limits.js';
import { plus, wallClock } from '../../src/core/time.js';
import { LEDGER_CHECKPOINT_DEADLINE_MS } from '../../src/core/timeouts.js';
import { openLedger, openLedgerForReading } from '../../src/ledger/open.js';
import { ban } from '../ledger/support.js';
import { fakeTimers } from '../support/timeouts.js';

const lost = () => {
  throw new Error('the thread does not end');
};

test('a thread puts the log into the file beside an open ledger', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'banjour-checkpoint-'));
  const path = join(directory, 'ledger.sqlite3');
  const now = wallClock.now();
  const { ledger } = openLedger(path, now);
  try {
    const jail = mustJailName('sshd');
    ledger.commit({
      decisions: [ban('192.0.2.1', { jail, time: plus(now, -60), until: plus(now, 600) })],
    });
    const before = join(directory, 'before.sqlite3');
    // More than the thousand pages after which SQLite would do it by itself.
    for (let n = 0; n < 1_500; n++)
      ledger.commit({
        decisions: [],
        source: 'local' as SourceId,
        position: { cursor: `s=${n}` as Cursor, time: now },
      });
    copyFileSync(path, before);
    const { pages } = await checkpointInThread(path, lost);
    expect(pages).toBeGreaterThan(1_500);
    expect(pages).toBeLessThan(LEDGER_WAL_PAGES_MAX);
    // Without its log.
    const after = join(directory, 'after.sqlite3');
    copyFileSync(path, after);
    const bans = (file: string) => {
      const copy = openLedgerForReading(file);
      try {
        return copy.database.figures(plus(now, -3600), now).totals.bans;
      } finally {
        copy.close();
      }
    };
    expect(bans(after)).toBe(1);
    expect(bans(before)).toBe(0);
  } finally {
    ledger.close();
    rmSync(directory, { recursive: true });
  }
});

test('a ledger that is gone is not made anew', async () => {
  await expect(checkpointInThread('/nowhere/ledger.sqlite3', lost)).rejects.toMatchObject({
    code: 'ERR_LEDGER_CHECKPOINT',
  });
});

test('a disk that hangs is given up after an hour', async () => {
  using _ = fakeTimers();
  const entry = new URL('data:text/javascript,setInterval(() => 0, 1e6)');
  const settled = jest.fn();
  const answer = checkpointInThread('/nowhere', () => undefined, entry).finally(settled);
  const refused = expect(answer).rejects.toThrow('no answer within');
  await jest.advanceTimersByTimeAsync(LEDGER_CHECKPOINT_DEADLINE_MS - 1);
  expect(settled).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(1);
  await refused;
});
