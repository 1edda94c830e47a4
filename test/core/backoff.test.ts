import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Backoff, pauseAfter, spread } from '../../src/core/backoff.js';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('pauses', () => {
  const bounds = { first: 500, last: 15_000 };

  test('are each twice as long as the one before, up to the longest', () => {
    expect([0, 1, 2, 4, 5, 50, 5_000].map((tries) => pauseAfter(tries, bounds))).toEqual([
      ...[500, 1_000, 2_000, 8_000, 15_000, 15_000, 15_000],
    ]);
  });

  test('begin anew', () => {
    const backoff = new Backoff(bounds);
    expect([backoff.next(), backoff.next(), backoff.next()]).toEqual([500, 1_000, 2_000]);
    backoff.reset();
    expect(backoff.next()).toBe(500);
  });

  test('are half by chance where many wait for one', () => {
    const random = jest.spyOn(Math, 'random').mockReturnValue(1);
    expect(spread(1_000)).toBe(1_000);
    random.mockReturnValue(0);
    expect(spread(1_000)).toBe(500);
  });
});
