import { describe, expect, test } from '@jest/globals';
import { guard } from '../../src/daemon/guard.js';

describe('the regex guard', () => {
  test('lets work that is done in time finish', () => {
    let done = 0;
    expect(guard(() => void done++, 1000)).toBe(true);
    expect(guard(() => void done++, 1000)).toBe(true);
    expect(done).toBe(2);
  });

  test('ends a regex that backtracks without end, and the process goes on', () => {
    const hostile = `${'ab'.repeat(40)}!`;
    expect(guard(() => void /^(?:(?:ab)+)+$/.test(hostile), 20)).toBe(false);
    expect(guard(() => undefined, 1000)).toBe(true);
  });

  test('hands on what the work throws', () => {
    expect(() =>
      guard(() => {
        throw new Error('mine');
      }, 1000),
    ).toThrow('mine');
  });
});
