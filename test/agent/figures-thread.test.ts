import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { FiguresThread } from '../../src/agent/figures-thread.js';
import { mustJailName } from '../../src/core/names.js';
import { isoTime, plus, wallClock } from '../../src/core/time.js';
import { FIGURES_DEADLINE_MS, HOURLY_SECONDS } from '../../src/core/timeouts.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { ban } from '../ledger/support.js';
import { fakeTimers } from '../support/timeouts.js';

const lost = () => {
  throw new Error('the thread does not end');
};
const now = wallClock.now();
let directory: string;
let ledger: Ledger;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'banjour-figures-'));
  ledger = openLedger(join(directory, 'ledger.sqlite3'), now).ledger;
  const jail = mustJailName('sshd');
  ledger.commit({
    decisions: [ban('192.0.2.1', { jail, time: plus(now, -60), until: plus(now, 600) })],
    alarms: [
      { kind: 'takeover', jail, user: 'anna\u001b', address: '192.0.2.1', count: 6, time: now },
    ],
  });
});
afterEach(() => {
  ledger.close();
  rmSync(directory, { recursive: true });
});

test('a thread counts what the file holds while the ledger is open', async () => {
  const thread = new FiguresThread(ledger.database, { lost });
  const figures = await thread.answer({});
  expect(figures.totals).toMatchObject({ bans: 1, targets: 1 });
  expect(figures).toEqual(ledger.database.figures(plus(now, -7 * 86_400), now));
});

test('a time further back than anything is kept is answered from there on', async () => {
  const thread = new FiguresThread(ledger.database, { lost });
  const { since, hours } = await thread.answer({ since: '1970-01-01T00:00:00Z' });
  expect(Date.parse(since)).toBeGreaterThan(now / 1000 - HOURLY_SECONDS * 1000 - 3_600_000);
  expect(hours.length).toBeLessThanOrEqual(HOURLY_SECONDS / 3600 + 2);
  const none = await thread.answer({
    since: '9999-01-01T00:00:00Z',
    until: '9998-01-01T00:00:00Z',
  });
  expect(none.totals.bans).toBeLessThanOrEqual(1);
});

test('a thread that does not answer is given up, and what cannot be read is told', async () => {
  const entry = new URL('data:text/javascript,setInterval(() => 0, 1e6)');
  {
    using _ = fakeTimers();
    const thread = new FiguresThread(ledger.database, { lost: () => undefined, entry });
    const settled = jest.fn();
    const answer = thread.answer({}).finally(settled);
    const refused = expect(answer).rejects.toThrow(`no answer within ${FIGURES_DEADLINE_MS} ms`);
    await jest.advanceTimersByTimeAsync(FIGURES_DEADLINE_MS - 1);
    expect(settled).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    await refused;
  }
  rmSync(ledger.path);
  const thread = new FiguresThread(ledger.database, { lost });
  await expect(thread.answer({})).rejects.toThrow(/there is no ledger/);
});

test('alarms are the newest first', () => {
  const thread = new FiguresThread(ledger.database, { lost });
  expect(thread.alarms({})).toMatchObject([{ kind: 'takeover', user: 'anna\u001b', count: 6 }]);
  expect(thread.alarms({ since: isoTime(plus(now, 1)) })).toEqual([]);
});
