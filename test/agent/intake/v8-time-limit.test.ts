import { describe, expect, test } from '@jest/globals';
import { threadClock } from '../../../native/libc.js';
import {
  guard,
  inspectorGuard,
  processorGuard,
  vmGuard,
} from '../../../src/agent/intake/v8-time-limit.js';
import { REGEX_GUARD_MS, REGEX_WAIT_MS_MAX } from '../../../src/core/timeouts.js';

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

describe("a limit of the processor's time", () => {
  /** A machine on which this thread has so large a share of a processor; work takes so long. */
  const machine = (share: number, workMs: number) => {
    const given: number[] = [];
    let now = 0;
    let ran = 0;
    const limited = processorGuard(
      (run, wall) => {
        given.push(wall);
        const had = Math.min(workMs, wall * share);
        now += had;
        if (had < workMs) return false;
        run();
        return true;
      },
      () => now,
    );
    const isDone = limited(() => void ran++, REGEX_GUARD_MS);
    return { isDone, ran, given };
  };

  test("is the wall's where nobody else has the processor", () => {
    expect(machine(1, REGEX_GUARD_MS - 1)).toEqual({ isDone: true, ran: 1, given: [50] });
    expect(machine(1, REGEX_GUARD_MS + 1)).toEqual({ isDone: false, ran: 0, given: [50] });
  });

  test('is not over while others have the processor, however busy the machine is', () => {
    // A harmless batch takes a millisecond.
    for (const share of [1 / 10, 1 / 60, 1 / 400, 1 / 1_500])
      expect(machine(share, 1)).toMatchObject({ isDone: true, ran: 1 });
  });

  test('is over for a hostile line on a busy machine, too', () => {
    expect(machine(1 / 4, Infinity)).toEqual({ isDone: false, ran: 0, given: [50, 100, 200] });
  });

  test('ends in any case, once the wall has given it so long', () => {
    const { isDone, given } = machine(0, 1);
    expect(isDone).toBe(false);
    expect(given.at(-1)).toBe(REGEX_WAIT_MS_MAX);
    expect(given.filter((wall) => wall >= REGEX_WAIT_MS_MAX)).toHaveLength(1);
  });

  test('is measured by a clock that goes while this thread works, and stands while it waits', async () => {
    const clock = threadClock();
    const before = clock();
    for (const end = before + 5; clock() < end; );
    const worked = clock();
    expect(worked).toBeGreaterThanOrEqual(before + 5);
    const start = performance.now();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    expect(clock() - worked).toBeLessThan(performance.now() - start);
  });
});
