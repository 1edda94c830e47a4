import { describe, expect, jest, test } from '@jest/globals';
import { isSameEnd, ServerClock } from '../../src/share/clock.js';

describe('the clock of a server', () => {
  const HOUR = 3_600_000;

  test('is this host’s before it was heard, and not changed by what is no time', () => {
    const clock = new ServerClock(() => 5_000);
    expect([clock.now(), clock.toServer(6_000), clock.fromServer(6_000)]).toEqual([
      ...[5_000, 6_000, 6_000],
    ]);
    clock.hear(Number.NaN);
    expect(clock.now()).toBe(5_000);
  });

  test('goes on with the monotonic clock, whatever the wall does', () => {
    const monotonic = jest.spyOn(performance, 'now').mockReturnValue(100);
    let wall = 1_000_000;
    const clock = new ServerClock(() => wall);
    // Asked 100 ms before: the middle of the way counts.
    clock.hear(wall + HOUR, 0);
    expect(clock.now()).toBe(1_000_050 + HOUR);
    monotonic.mockReturnValue(1_100);
    wall -= 7 * HOUR;
    expect(clock.now()).toBe(1_001_050 + HOUR);
    // What is left is told over, both ways.
    expect(clock.toServer(wall + 500)).toBe(1_001_550 + HOUR);
    expect(clock.fromServer(clock.now() + 500)).toBe(wall + 500);
    expect(clock.toServer(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(clock.fromServer(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    monotonic.mockRestore();
  });
});

test('two ends are one when seconds are between them, or when both are for good', () => {
  const YEAR = 365.25 * 86_400_000;
  expect(isSameEnd(10_000, 13_000, 0)).toBe(true);
  expect(isSameEnd(10_000, 13_001, 0)).toBe(false);
  expect(isSameEnd(6 * YEAR, Number.POSITIVE_INFINITY, 0)).toBe(true);
  expect(isSameEnd(5 * YEAR, Number.POSITIVE_INFINITY, 0)).toBe(false);
});
