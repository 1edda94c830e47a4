import { describe, expect, test } from '@jest/globals';
import { isAtOrBefore } from '../../src/agent/source-clocks.js';
import { cursor } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';

const position = (sequence: string, number: number, time: number) => ({
  cursor: cursor(
    `s=${sequence.repeat(32)};i=${number.toString(16)};b=${'b'.repeat(32)};m=1;t=${time.toString(16)};x=1`,
  ),
  time: epochMicros(time),
});

describe('the order of journal positions', () => {
  test('is that of the sequence numbers within one numbering, whatever the clock did', () => {
    expect(isAtOrBefore(position('a', 9, 500), position('a', 10, 100))).toBe(true);
    expect(isAtOrBefore(position('a', 11, 50), position('a', 10, 100))).toBe(false);
    expect(isAtOrBefore(position('a', 10, 100), position('a', 10, 100))).toBe(true);
    expect(isAtOrBefore(position('a', 0x10, 1), position('a', 9, 2))).toBe(false);
  });

  test('is that of time between different numberings and for cursors of other kinds', () => {
    expect(isAtOrBefore(position('a', 99, 100), position('b', 1, 100))).toBe(true);
    expect(isAtOrBefore(position('a', 1, 101), position('b', 99, 100))).toBe(false);
    const plain = { cursor: cursor('file:1'), time: epochMicros(5) };
    expect(isAtOrBefore(plain, { cursor: cursor('file:2'), time: epochMicros(5) })).toBe(true);
    expect(isAtOrBefore(plain, { cursor: cursor('file:2'), time: epochMicros(4) })).toBe(false);
  });
});
