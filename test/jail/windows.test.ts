import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EvidenceLog, NO_EVIDENCE } from '../../src/jail/evidence.js';
import { keyOf, targetOfKey } from '../../src/jail/targets.js';
import { Windows } from '../../src/jail/windows.js';
import { prefix } from './support.js';

const BOUNDS = { addressesMax: 1_000, failuresMax: 10_000, evidenceMax: 10 };

function windowsOf(maxretry: number, findtimeMicros: number): Windows {
  return new Windows({ maxretry, findtimeMicros }, BOUNDS, new EvidenceLog(4_096, 64));
}

describe('a window', () => {
  test('is full exactly when some stretch of findtime around the moment holds maxretry failures', () => {
    const failures = fc.array(
      fc.record({ time: fc.integer({ min: 0, max: 60 }), count: fc.integer({ min: 1, max: 3 }) }),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(
        failures,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 30 }),
        (list, maxretry, findtime) => {
          const windows = windowsOf(maxretry, findtime);
          for (const { time, count } of list) windows.add(1, time, count, NO_EVIDENCE);
          const last = list.at(-1)?.time ?? 0;
          const sums = list
            .map(({ time }) => time)
            .filter((start) => start <= last && last <= start + findtime)
            .map((start) => ({
              start,
              sum: list.reduce(
                (all, { time, count }) => (time >= start && time <= start + findtime ? all + count : all),
                0,
              ),
            }))
            .filter(({ sum }) => sum >= maxretry)
            .sort((a, b) => b.start - a.start);
          // Beyond four times maxretry the oldest are dropped; the model test covers what may follow from that.
          fc.pre(list.reduce((all, { count }) => all + count, 0) < 4 * maxretry);
          expect(windows.full(1, last)?.failures).toBe(sums[0]?.sum);
          expect(windows.full(1, last)?.from).toBe(sums[0]?.start);
        },
      ),
    );
  });

  test('remembers of an endless attack no more than four times maxretry', () => {
    const windows = windowsOf(5, 1_000_000);
    for (let time = 0; time < 10_000; time++) {
      windows.add(1, time, 1, NO_EVIDENCE);
      expect(windows.records).toBeLessThan(20);
    }
    expect(windows.full(1, 9_999)?.failures).toBe(5);
  });

  test('frees what can decide nothing any more, a few targets at a time', () => {
    const windows = windowsOf(3, 10);
    for (let key = 0; key < 10; key++) windows.add(key, key, 1, NO_EVIDENCE);
    windows.sweep(25, 3);
    expect(windows.size).toBe(7);
    windows.sweep(25, 100);
    expect(windows.size).toBe(5);
    expect(windows.records).toBe(5);
    expect(windows.evicted).toBe(0);
  });

  test('uses freed places again', () => {
    const windows = windowsOf(3, 10);
    for (let round = 0; round < 100; round++) {
      for (let key = 0; key < 50; key++) windows.add(`${round} ${key}`, round * 100, 1, NO_EVIDENCE);
      windows.sweep(round * 100 + 50, 1_000);
      expect(windows.size).toBe(0);
    }
    expect(windows.records).toBe(0);
  });
});

describe('keys of targets', () => {
  test.each(['0.0.0.0', '192.0.2.1', '255.255.255.255', '2001:db8::/64', '2001:db8::1', '192.0.2.0/24'])(
    '%s is found again',
    (text) => {
      expect(targetOfKey(keyOf(prefix(text)))).toEqual(prefix(text));
    },
  );

  test('an IPv4 host is a small number', () => {
    expect(keyOf(prefix('192.0.2.1'))).toBe(-1073741311);
  });
});
