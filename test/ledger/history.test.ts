import { describe, expect, test } from '@jest/globals';
import { cursor } from '../../src/core/names.js';
import { HISTORY_ANSWER_ROWS_MAX, HISTORY_BANS_MAX } from '../../src/core/service-limits.js';
import { openLedger } from '../../src/ledger/open.js';
import { at, ban, JAIL, OTHER, opened, prefix } from './support.js';

function filled() {
  const { ledger } = opened();
  ledger.commit({
    decisions: [
      ban('192.0.2.1'),
      ban('192.0.2.1', { jail: OTHER, time: at(5) }),
      ban('192.0.2.0/24', { time: at(10) }),
      ban('198.51.100.1', { time: at(20) }),
      ban('2001:db8::/64', { time: at(30) }),
    ],
  });
  return ledger;
}

describe('the history', () => {
  test('is told newest first', () => {
    expect(
      filled()
        .history.find()
        .map(({ id }) => id),
    ).toEqual([5, 4, 3, 2, 1]);
  });

  test('of an address includes the networks that it was banned with', () => {
    const { history } = filled();
    expect(history.find({ target: prefix('192.0.2.1') }).map(({ id }) => id)).toEqual([3, 2, 1]);
    expect(history.find({ target: prefix('192.0.2.9') }).map(({ id }) => id)).toEqual([3]);
    expect(history.find({ target: prefix('2001:db8::1') }).map(({ id }) => id)).toEqual([5]);
  });

  test('of a network includes the hosts within it', () => {
    const { history } = filled();
    expect(history.find({ target: prefix('192.0.0.0/16') }).map(({ id }) => id)).toEqual([3, 2, 1]);
    expect(history.find({ target: prefix('::/0') }).map(({ id }) => id)).toEqual([5]);
    expect(history.find({ target: prefix('0.0.0.0/0') })).toHaveLength(4);
  });

  test('of a jail, since a time, page by page', () => {
    const { history } = filled();
    expect(history.find({ jail: OTHER }).map(({ id }) => id)).toEqual([2]);
    expect(history.find({ since: at(10) }).map(({ id }) => id)).toEqual([5, 4, 3]);
    expect(history.find({ before: 4, limit: 2 }).map(({ id }) => id)).toEqual([3, 2]);
  });

  test('in the order of ids, page by page', () => {
    const { history } = filled();
    const page = (after: number) =>
      history.find({ after, oldestFirst: true, limit: 2 }).map(({ id }) => id);
    expect([page(0), page(2), page(4), page(5)]).toEqual([[1, 2], [3, 4], [5], []]);
    expect(history.find({ after: 2, before: 5 }).map(({ id }) => id)).toEqual([4, 3]);
  });

  test('knows the highest id, also of a ban that it has forgotten', () => {
    const { ledger } = opened();
    expect(ledger.history.newestId()).toBe(0);
    ledger.commit({ decisions: [ban('192.0.2.1'), ban('192.0.2.2')] });
    ledger.settle([2], { refused: 'no' }, at(1));
    expect(ledger.history.prune(at(100), 10)).toBe(1);
    expect([ledger.history.newestId(), ledger.history.find().map(({ id }) => id)]).toEqual([
      2,
      [1],
    ]);
    ledger.commit({ decisions: [ban('192.0.2.3')] });
    expect(ledger.history.newestId()).toBe(3);
  });

  test('has no more rows than its bound in one answer', () => {
    const { ledger } = opened();
    const decisions = Array.from({ length: HISTORY_ANSWER_ROWS_MAX + 1 }, (_, i) =>
      ban(`10.0.${i >> 8}.${i & 255}`),
    );
    ledger.commit({ decisions });
    expect(ledger.history.find({ limit: HISTORY_ANSWER_ROWS_MAX + 1 })).toHaveLength(
      HISTORY_ANSWER_ROWS_MAX,
    );
  });

  test('counts bans per jail; an extension is no second ban', () => {
    const ledger = filled();
    ledger.commit({ decisions: [ban('198.51.100.1', { time: at(60), until: null })] });
    ledger.expire(at(3_600));
    expect([...ledger.history.counts()]).toEqual([
      [OTHER, { currentlyBanned: 0, totalBanned: 1 }],
      [JAIL, { currentlyBanned: 1, totalBanned: 4 }],
    ]);
  });

  test('new bans for jails that count bans: those of the journal, oldest first, no extensions', () => {
    const ledger = filled();
    ledger.commit({
      decisions: [
        ban('198.51.100.1', { time: at(60) }),
        ban('203.0.113.1', { origin: 'operator', time: at(61) }),
      ],
    });
    expect(ledger.history.newBans(at(10)).map(({ id }) => id)).toEqual([3, 4, 5]);
  });

  test('of them the newest entry is told, and whether they count for less', () => {
    const { ledger } = opened();
    ledger.commit({
      decisions: [
        ban('192.0.2.1', { time: at(1) }),
        ban('2001:db8::/64', { time: at(2), evidence: [], leniency: 'shared' }),
      ],
    });
    const newest = cursor('s=1;i=2');
    expect(ledger.history.newBans(at(0))).toEqual([
      { id: 1, jail: JAIL, target: prefix('192.0.2.1'), time: at(1), evidence: [newest] },
      {
        ...{ id: 2, jail: JAIL, target: prefix('2001:db8::/64'), time: at(2) },
        ...{ evidence: [], leniency: 'shared' },
      },
    ]);
  });
});

describe('what is over is forgotten', () => {
  test('after dbpurgeage; open bans never', () => {
    const ledger = filled();
    ledger.commit({ decisions: [ban('203.0.113.1', { until: null })] });
    ledger.expire(at(3_600));
    expect(ledger.history.prune(at(3_600 + 86_400), 86_400)).toBe(0);
    expect(ledger.history.prune(at(3_601 + 86_400), 86_400)).toBe(5);
    expect(ledger.history.find().map(({ id }) => id)).toEqual([6]);
  });

  test('beyond the bound, the oldest first', () => {
    const { ledger } = openLedger(':memory:', at(0));
    const bound = 100;
    const decisions = Array.from({ length: bound + 1 }, (_, i) =>
      ban(`10.0.0.${i}`, { until: at(i + 1) }),
    );
    ledger.commit({ decisions });
    ledger.expire(at(200));
    expect(ledger.history.prune(at(200), 1e9, bound)).toBe(1);
    expect(ledger.history.find().map(({ id }) => id)).not.toContain(1);
    expect(ledger.history.prune(at(200), 1e9, bound)).toBe(0);
    expect(HISTORY_BANS_MAX).toBeGreaterThan(bound);
    ledger.close();
  });

  test('and so are refused bans', () => {
    const { ledger } = opened();
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    ledger.settle([1], { refused: 'no' }, at(1));
    expect(ledger.history.prune(at(100), 10)).toBe(1);
  });
});

describe('what is open', () => {
  test('is counted, and its jails are named', () => {
    const ledger = filled();
    expect([ledger.history.openBans(), ledger.history.openJails()]).toEqual([5, [OTHER, JAIL]]);
    ledger.commit({
      decisions: [
        { kind: 'unban', jail: OTHER, target: prefix('192.0.2.1'), time: at(9), reason: 'reload' },
      ],
    });
    expect([ledger.history.openBans(), ledger.history.openJails()]).toEqual([4, [JAIL]]);
    const empty = openLedger(':memory:', at(0)).ledger.history;
    expect([empty.openBans(), empty.openJails()]).toEqual([0, []]);
  });
});
