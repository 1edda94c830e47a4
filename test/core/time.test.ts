import { describe, expect, test } from '@jest/globals';
import { epochMicros, isoTime, plus, SetClock, seconds, secondsBetween, wallClock } from '../../src/core/time.js';

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

  test('are shown in UTC', () => {
    expect(isoTime(epochMicros(1_790_000_000_123_456))).toBe('2026-09-21T14:13:20.123Z');
  });
});

describe('lengths of time', () => {
  test('are not negative, not infinite, not NaN', () => {
    expect(seconds(0.5)).toBe(0.5);
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => seconds(wrong)).toThrow(RangeError);
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
