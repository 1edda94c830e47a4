import { describe, expect, test } from '@jest/globals';
import { bantimeOf, sinceOf } from '../../src/tools/arguments.js';

const NOW = Date.UTC(2026, 10, 21, 12);

describe('--bantime', () => {
  test.each([
    ['600', 600],
    ['10m', 600],
    ['1h 30m', 5400],
    ['1d12h', 129_600],
    ['1year-6mo', 15_778_800],
    ['60*60', 3600],
    ['-1', null],
  ])('reads %s as jail.local does', (text, seconds) => {
    expect(bantimeOf(text)).toBe(seconds);
  });

  test.each(['', '0', 'soon', '10 parsecs', '101years'])(
    'refuses %j and says what to write',
    (text) => {
      expect(() => bantimeOf(text)).toThrow('not a length of time');
    },
  );
});

describe('--since', () => {
  test.each([
    ['2h', NOW - 7_200_000],
    ['1h 30m', NOW - 5_400_000],
    ['2026-11-20T18:00Z', Date.UTC(2026, 10, 20, 18)],
    // Read as a sum, this would be 1,995 seconds.
    ['2026-11-20', Date.UTC(2026, 10, 20)],
  ])('reads %s', (text, ms) => {
    expect(sinceOf(text, NOW)).toBe(ms * 1000);
  });

  test.each(['yesterday-ish', '-2h', '2026-11-45'])('refuses %j', (text) => {
    expect(() => sinceOf(text, NOW)).toThrow('not a time');
  });
});
