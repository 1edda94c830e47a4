import { describe, expect, test } from '@jest/globals';
import type { HourlyKind } from '../../src/core/figures.js';
import { ALARMS_KEPT_MAX, HOURLY_ROWS_MAX } from '../../src/core/service-limits.js';
import { plus } from '../../src/core/time.js';
import { HOURLY_SECONDS } from '../../src/core/timeouts.js';
import { HourlyTally, hourOf } from '../../src/ledger/hourly.js';
import { at, JAIL, OTHER, opened, T0 } from './support.js';

const HOUR = 3_600;
const kernel = (packets: number, jail = JAIL) => new Map([[jail, { packets }]]);

describe('hourly counters', () => {
  test('add up, and those of peaks hold the highest', () => {
    const { ledger } = opened();
    for (const count of [3, 9, 4]) {
      const tally = new HourlyTally();
      for (const kind of ['drift', 'lag'] as HourlyKind[]) tally.add(kind, '', count, T0, T0);
      ledger.database.count(tally.take(), new Map(), T0);
    }
    expect(ledger.database.figures(T0, at(1)).health).toMatchObject({
      drifts: 16,
      lagSecondsMax: 9,
    });
  });

  test('packets are what the kernel has counted since the last look, over restarts of either', () => {
    const { ledger } = opened();
    const packets = () => ledger.database.figures(T0, at(1)).totals.packets;
    ledger.database.count([], kernel(1_000_000), T0);
    // What it had counted before anybody looked may be years old.
    expect(packets()).toBe(0);
    ledger.database.count([], kernel(1_000_010), T0);
    ledger.database.count([], kernel(1_000_010), T0);
    expect(packets()).toBe(10);
    // Made anew: it began at 0.
    ledger.database.count([], kernel(7), T0);
    expect(packets()).toBe(17);
    // A jail that was not there before.
    ledger.database.count([], kernel(5, OTHER), T0);
    expect(packets()).toBe(22);
    ledger.database.count([], new Map(), T0);
    expect(packets()).toBe(22);
  });

  test('are kept for two months, and as many rows as their bound', () => {
    const { ledger } = opened();
    const now = at(0);
    const old = plus(now, -HOURLY_SECONDS - HOUR);
    const kept = plus(now, -HOURLY_SECONDS + HOUR);
    const hourly = [old, kept, now].map((time) => ({
      hour: hourOf(time),
      jail: JAIL,
      kind: 'attempt' as const,
      count: 1,
    }));
    ledger.database.count(hourly, new Map(), now);
    const hours = () =>
      ledger.database
        .figures(old, at(1))
        .hours.filter(({ attempts }) => attempts > 0)
        .map(({ time }) => Date.parse(time) / 3_600_000);
    ledger.database.alarms.prune(now);
    expect(hours()).toEqual([hourOf(kept), hourOf(now)]);
    // Beside the one that says when counting began.
    ledger.database.alarms.prune(now, 3);
    expect(hours()).toHaveLength(2);
    ledger.database.alarms.prune(now, 2);
    expect(hours()).toEqual([hourOf(now)]);
    expect(HOURLY_ROWS_MAX * 30).toBeLessThan(20_000_000);
  });
});

describe('alarms', () => {
  const alarm = (second: number) => ({
    kind: 'under-attack' as const,
    jail: JAIL,
    user: `user${second}`,
    address: '192.0.2.1',
    count: 8,
    time: at(second),
  });

  test('old ones go, and the oldest beyond the bound', () => {
    const { ledger } = opened();
    const kept = () => ledger.database.alarms.find(T0, at(1e6), ALARMS_KEPT_MAX + 10).length;
    const many = Array.from({ length: ALARMS_KEPT_MAX }, (_, i) => alarm(i));
    ledger.commit({ decisions: [], alarms: many });
    expect(kept()).toBe(ALARMS_KEPT_MAX);
    ledger.commit({ decisions: [], alarms: [alarm(ALARMS_KEPT_MAX)] });
    expect(kept()).toBe(ALARMS_KEPT_MAX);
    ledger.database.alarms.prune(plus(at(5), HOURLY_SECONDS));
    expect(kept()).toBe(ALARMS_KEPT_MAX - 4);
  });
});
