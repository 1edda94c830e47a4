import { describe, expect, test } from '@jest/globals';
import {
  earlierOf,
  entryTime,
  epochMicros,
  isoTime,
  laterOf,
  localMillis,
  localTime,
  localZone,
  plus,
  SetClock,
  seconds,
  secondsBetween,
  wallClock,
} from '../../src/core/time.js';
import { ENTRY_MICROS_MAX } from '../../src/core/timeouts.js';

describe('points in time', () => {
  test('are whole microseconds since 1970', () => {
    expect(epochMicros(1_790_000_000_000_000)).toBe(1_790_000_000_000_000);
    for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(() => epochMicros(wrong)).toThrow(RangeError);
  });

  test('move by seconds, rounded to microseconds, never below zero', () => {
    expect(plus(epochMicros(1_000_000), 1.5)).toBe(2_500_000);
    expect(plus(epochMicros(0), 0.000_000_6)).toBe(1);
    expect(plus(epochMicros(5), -1)).toBe(0);
  });

  test('lie so many seconds apart, backwards too', () => {
    expect(secondsBetween(epochMicros(0), epochMicros(1_500_000))).toBe(1.5);
    expect(secondsBetween(epochMicros(1_500_000), epochMicros(0))).toBe(-1.5);
  });

  test('of entries are bounded, whatever their writer states', () => {
    expect(entryTime(ENTRY_MICROS_MAX)).toBe(ENTRY_MICROS_MAX);
    expect(entryTime(ENTRY_MICROS_MAX + 1)).toBe(ENTRY_MICROS_MAX);
    expect(entryTime(2n ** 64n - 1n)).toBe(ENTRY_MICROS_MAX);
    expect(entryTime(0n)).toBe(0);
    expect(isoTime(entryTime(2n ** 64n - 1n))).toBe('2200-01-01T00:00:00.000Z');
  });

  test('come before and after each other', () => {
    const [first, second] = [epochMicros(1), epochMicros(2)];
    expect([earlierOf(second, first), laterOf(second, first)]).toEqual([1, 2]);
  });

  test('are shown in UTC', () => {
    expect(isoTime(epochMicros(1_790_000_000_123_456))).toBe('2026-09-21T14:13:20.123Z');
  });
});

describe('lengths of time', () => {
  test('are not negative, not infinite, not NaN', () => {
    expect(seconds(0.5)).toBe(0.5);
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => seconds(wrong)).toThrow(RangeError);
  });
});

describe('clocks', () => {
  test('the set one stands where it was set', () => {
    const clock = new SetClock();
    expect(clock.now()).toBe(0);
    clock.set(epochMicros(7));
    expect([clock.now(), clock.now()]).toEqual([7, 7]);
  });

  test("the wall's is the machine's, in microseconds", () => {
    const before = Date.now() * 1_000;
    expect(wallClock.now()).toBeGreaterThanOrEqual(before);
    expect(wallClock.now()).toBeLessThanOrEqual(Date.now() * 1_000);
  });
});

describe('local times', () => {
  const at = new Date(2026, 1, 3, 4, 5, 6, 7);

  test('are those of the host, to the second or the millisecond, of text or number', () => {
    expect(localTime(at.getTime())).toBe('2026-02-03 04:05:06');
    expect(localTime(at.toISOString())).toBe('2026-02-03 04:05:06');
    expect(localMillis(at.getTime())).toBe('2026-02-03 04:05:06,007');
    expect(localZone()).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone);
  });

  test('of what is no time are said to be none', () => {
    for (const none of ['', 'yesterday', Number.NaN, 8.64e15 + 1])
      expect(localTime(none)).toBe('-');
  });
});
