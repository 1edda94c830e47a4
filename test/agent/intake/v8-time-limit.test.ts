import { describe, expect, test } from '@jest/globals';
import { guard, inspectorGuard, vmGuard } from '../../../src/agent/intake/v8-time-limit.js';

const missing = () => {
  throw new Error('this Node has no inspector');
};

describe.each([
  ['as the agent uses it', guard],
  ['by the inspector', inspectorGuard() ?? missing],
  ['by vm', vmGuard()],
])('the regex guard, %s,', (_, guard) => {
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

  test('ends one of them after the other, each in its time', () => {
    const hostile = `${'ab'.repeat(40)}!`;
    for (let i = 0; i < 10; i++) {
      expect(guard(() => void /^(?:(?:ab)+)+$/.test(hostile), 5)).toBe(false);
      expect(guard(() => undefined, 1000)).toBe(true);
    }
  });

  test('leaves alone what runs after work that was done in time', () => {
    expect(guard(() => undefined, 400)).toBe(true);
    const until = performance.now() + 600;
    let turns = 0;
    while (performance.now() < until) turns++;
    expect(turns).toBeGreaterThan(0);
  });

  test('hands on what the work throws', () => {
    expect(() =>
      guard(() => {
        throw new Error('mine');
      }, 1000),
    ).toThrow('mine');
  });
});
