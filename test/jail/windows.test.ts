import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { baseAddress, fromBits, hostPrefix, prefixOf } from '../../src/core/address.js';
import { cursor } from '../../src/core/names.js';
import { EvidenceLog, NO_EVIDENCE } from '../../src/jail/evidence/log.js';
import { KeyIndex, keyAround, keyOf, type TargetKey, targetOfKey } from '../../src/jail/keys.js';
import { Windows } from '../../src/jail/windows.js';
import { prefix } from './support.js';

const BOUNDS = { addressesMax: 1_000, failuresMax: 10_000, evidenceMax: 10 };

const ONE = keyOf(prefix('192.0.2.1'));

/** Keys of both families, some alike in all but the length. */
function numbered(n: number): TargetKey {
  const host = fromBits(n % 2 ? 4 : 6, BigInt(n) << (n % 2 ? 0n : 64n));
  return keyOf(n % 3 || host.family === 4 ? hostPrefix(host) : prefixOf(host, 64));
}

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
          for (const { time, count } of list) windows.add(ONE, time, count, NO_EVIDENCE);
          const last = list.at(-1)?.time ?? 0;
          const sums = list
            .map(({ time }) => time)
            .filter((start) => start <= last && last <= start + findtime)
            .map((start) => ({
              start,
              sum: list.reduce(
                (all, { time, count }) =>
                  time >= start && time <= start + findtime ? all + count : all,
                0,
              ),
            }))
            .filter(({ sum }) => sum >= maxretry)
            .sort((a, b) => b.start - a.start);
          // Beyond four times maxretry the oldest are dropped; the model test covers what may
          // follow from that.
          fc.pre(list.reduce((all, { count }) => all + count, 0) < 4 * maxretry);
          expect(windows.full(ONE, last)?.failures).toBe(sums[0]?.sum);
          expect(windows.full(ONE, last)?.from).toBe(sums[0]?.start);
        },
      ),
    );
  });

  test('names each entry once, with all that it weighed, the newest of them', () => {
    const log = new EvidenceLog(4_096, 64);
    const windows = new Windows({ maxretry: 9, findtimeMicros: 1_000 }, BOUNDS, log);
    const [one, two, three] = ['c1', 'c2', 'c3'].map((text) => log.append(cursor(text)));
    windows.add(ONE, 1, 1, one ?? NO_EVIDENCE, 1);
    windows.add(ONE, 2, 1, two ?? NO_EVIDENCE, 2);
    windows.add(ONE, 2, 1, two ?? NO_EVIDENCE, 0.5);
    windows.add(ONE, 3, 1, NO_EVIDENCE, 4);
    windows.add(ONE, 4, 1, three ?? NO_EVIDENCE, 3);
    expect(windows.weighed(ONE, 0, 9)).toEqual([
      { cursor: 'c1', count: 1, points: 1 },
      { cursor: 'c2', count: 2, points: 2.5 },
      { cursor: 'c3', count: 1, points: 3 },
    ]);
    expect(windows.weighed(ONE, 0, 9, 2).map((entry) => entry.points)).toEqual([2.5, 3]);
    expect(windows.weighed(ONE, 0, 3, 1).map((entry) => entry.points)).toEqual([2.5]);
    expect(windows.weighed(ONE, 0, 9, 0)).toEqual([]);
  });

  test('keeps what entries weighed when it grows', () => {
    const log = new EvidenceLog(200_000, 4_096);
    const rule = { maxretry: 2_000, findtimeMicros: 1_000_000 };
    const windows = new Windows(rule, BOUNDS, log);
    for (let i = 0; i < 1_500; i++) windows.add(ONE, i, 1, log.append(cursor(`c${i}`)), i / 2);
    expect(windows.weighed(ONE, 0, 10, 3).map(({ points }) => points)).toEqual([4, 4.5, 5]);
    expect(windows.weighed(ONE, 1_400, 2_000, 1)).toEqual([
      { cursor: 'c1499', count: 1, points: 749.5 },
    ]);
  });

  test('remembers of an endless attack no more than four times maxretry', () => {
    const windows = windowsOf(5, 1_000_000);
    for (let time = 0; time < 10_000; time++) {
      windows.add(ONE, time, 1, NO_EVIDENCE);
      expect(windows.records).toBeLessThan(20);
    }
    expect(windows.full(ONE, 9_999)?.failures).toBe(5);
  });

  test('frees what can decide nothing any more, a few targets at a time', () => {
    const windows = windowsOf(3, 10);
    for (let key = 0; key < 10; key++) windows.add(numbered(key), key, 1, NO_EVIDENCE);
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
      for (let key = 0; key < 50; key++)
        windows.add(numbered(round * 50 + key), round * 100, 1, NO_EVIDENCE);
      windows.sweep(round * 100 + 50, 1_000);
      expect(windows.size).toBe(0);
    }
    expect(windows.records).toBe(0);
  });
});

describe('a table of windows', () => {
  test('keeps its sums and lists through everything that can happen to it, and a list within its quarter loses nobody', () => {
    const bounds = { addressesMax: 8, failuresMax: 24, evidenceMax: 1 };
    const step = fc.record({
      what: fc.constantFrom('add', 'add', 'add', 'clear', 'forget', 'sweep'),
      n: fc.integer({ min: 0, max: 20 }),
      count: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const windows = new Windows(
          { maxretry: 3, findtimeMicros: 50 },
          bounds,
          new EvidenceLog(4_096, 64),
        );
        for (const [time, { what, n, count }] of steps.entries()) {
          const key = numbered(n);
          const kind = (of: TargetKey) => `${of.kind >= 64} ${windows.count(of, time) > 1}`;
          const before = [...windows.keys(() => true)].map((one) => ({ one, kind: kind(one) }));
          const evicted = windows.evicted;
          if (what === 'add') windows.add(key, time, count, NO_EVIDENCE);
          else if (what === 'clear') windows.clear(key, time);
          else if (what === 'forget') windows.forgetUpTo(key, time);
          else windows.sweep(time);
          expect(windows.size).toBeLessThanOrEqual(bounds.addressesMax);
          expect(windows.records).toBeLessThanOrEqual(bounds.failuresMax);
          const after = [...windows.keys(() => true)];
          expect(after).toHaveLength(windows.size);
          if (windows.evicted !== evicted + 1 || windows.records >= bounds.failuresMax - 1)
            continue;
          const gone = before.filter(
            ({ one }) => !after.some((left) => JSON.stringify(left) === JSON.stringify(one)),
          );
          for (const { kind: lost } of gone)
            expect(before.filter((other) => other.kind === lost).length).toBeGreaterThanOrEqual(
              bounds.addressesMax / 4,
            );
        }
      }),
    );
  });
});

describe('keys of targets', () => {
  test.each([
    '0.0.0.0',
    '192.0.2.1',
    '255.255.255.255',
    '2001:db8::/64',
    '2001:db8::1',
    '::',
    '::1',
    '1::',
    '1:2:3:4:5:6:7:8',
    'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '::ffff:0:0:0/96',
    '0.0.0.0/0',
    '::/0',
    '192.0.2.0/24',
  ])('%s is found again', (text) => {
    expect(targetOfKey(keyOf(prefix(text)))).toEqual(prefix(text));
  });

  test('those around an IPv6 target are those of the prefixes around it', () => {
    for (const text of ['2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', '::1', 'ffff::'])
      for (let length = 0; length <= 128; length++) {
        const host = prefix(text);
        const around = prefixOf(baseAddress(host), length);
        expect([text, length, keyAround(keyOf(host), length)]).toEqual([
          text,
          length,
          keyOf(around),
        ]);
      }
  });
});

describe('the index of keys', () => {
  test('finds what is in it and nothing else, through insertions and removals', () => {
    const steps = fc.array(
      fc.record({ insert: fc.boolean(), n: fc.integer({ min: 0, max: 40 }) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, fc.constantFrom(0, 1, 0xffffffff), (list, seed) => {
        const index = new KeyIndex(seed);
        const known = new Map<number, number>();
        const free = Array.from({ length: 41 }, (_, i) => 40 - i);
        for (const { insert, n } of list) {
          const slot = known.get(n);
          if (insert && slot === undefined) {
            const taken = free.pop() ?? 0;
            known.set(n, taken);
            index.insert(numbered(n), taken);
          } else if (!insert && slot !== undefined) {
            index.remove(slot);
            known.delete(n);
            free.push(slot);
          }
          expect(index.size).toBe(known.size);
          for (let i = 0; i <= 40; i++) expect(index.find(numbered(i))).toBe(known.get(i) ?? -1);
        }
      }),
    );
  });

  test('grows far beyond its first size', () => {
    const index = new KeyIndex();
    for (let i = 0; i < 20_000; i++) index.insert(numbered(i), i);
    for (let i = 0; i < 20_000; i++) {
      expect(index.find(numbered(i))).toBe(i);
      if (i % 2 === 0) index.remove(i);
    }
    expect(index.size).toBe(10_000);
    for (let i = 0; i < 20_000; i++) expect(index.find(numbered(i))).toBe(i % 2 === 0 ? -1 : i);
  });
});
