/** How often the tables are repaired when somebody keeps changing them. Time is the test's own. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { DRIFT_REPAIRS_BURST_MAX } from '../../src/core/limits.js';
import { DOORBELL_CHECK_MS, DOORBELL_POLL_MS } from '../../src/core/timeouts.js';
import { type Bell, DriftWatch } from '../../src/firewall/watch.js';

let rings: boolean;
let repairs: number;
let problems: string[];
let fails: boolean;
let watch: DriftWatch;

beforeEach(() => {
  jest.useFakeTimers();
  rings = true;
  repairs = 0;
  problems = [];
  fails = false;
  watch = new DriftWatch({
    repair: async () => {
      repairs++;
      if (fails) throw new Error('nft is away');
    },
    onProblem: (message) => problems.push(message),
    // Somebody changes the table whenever it is looked at.
    doorbell: () =>
      ({
        onRing: () => false,
        look: () => (rings ? { what: 'a flush', structure: true } : undefined),
        ignore: () => undefined,
        unignore: () => undefined,
        close: () => undefined,
      }) as unknown as Bell,
  });
  watch.start();
});
afterEach(() => {
  watch.stop();
  jest.useRealTimers();
});

const pass = (milliseconds: number) => jest.advanceTimersByTimeAsync(milliseconds);

describe('a watch against a program that keeps changing the tables', () => {
  test('repairs at once as often as the bound says, and then slower and slower', async () => {
    await pass(999);
    expect(repairs).toBe(DRIFT_REPAIRS_BURST_MAX + 1);
    await pass(10_000);
    const after10 = repairs - DRIFT_REPAIRS_BURST_MAX - 1;
    expect(after10).toBeGreaterThan(0);
    expect(after10).toBeLessThanOrEqual(4);
    const before = repairs;
    await pass(300_000);
    // Twenty at once, then pauses that double until the twenty are forgotten; without pauses it
    // would be 15,000.
    expect(repairs - before).toBeLessThanOrEqual(300_000 / 1_000);
  });

  test('is quick again when there was peace for a while', async () => {
    await pass(60_000);
    rings = false;
    await pass(120_000);
    const before = repairs;
    rings = true;
    await pass(999);
    expect(repairs - before).toBeGreaterThanOrEqual(DRIFT_REPAIRS_BURST_MAX);
  });

  test('tries a repair that fails again, later and later, a minute at most', async () => {
    fails = true;
    await pass(600_000);
    const pauses = problems.map((problem) =>
      Number(/next try is in (\d+) ms: nft is away/.exec(problem)?.[1]),
    );
    expect(pauses.slice(0, 4)).toEqual([250, 500, 1_000, 2_000]);
    expect(Math.max(...pauses)).toBe(60_000);
    expect(pauses.at(-1)).toBe(60_000);
  });
});

test('what is torn down while it is repaired is made anew at once, as often as a burst may be', async () => {
  let anew = 0;
  const slow = new DriftWatch({
    repair: () => new Promise(() => undefined),
    makeAnew: () => anew++ >= 0,
    onProblem: () => undefined,
    doorbell: () =>
      ({
        onRing: () => false,
        look: () => ({ what: 'a flush', structure: rings }),
        close: () => undefined,
      }) as unknown as Bell,
  });
  watch.stop();
  slow.start();
  await pass(DOORBELL_POLL_MS);
  expect(anew).toBe(0);
  await pass(DOORBELL_POLL_MS);
  expect(anew).toBe(1);
  await pass(100 * DOORBELL_POLL_MS);
  expect(anew).toBe(DRIFT_REPAIRS_BURST_MAX + 1);
  slow.stop();
});

test.each([
  ['that signals', true, DOORBELL_CHECK_MS],
  ['that cannot signal', false, DOORBELL_POLL_MS],
])('a doorbell %s is looked at as often as the bound says', async (_, signals, everyMs) => {
  let looks = 0;
  const bell = { onRing: () => signals, look: () => void looks++, close: () => undefined };
  const quiet = new DriftWatch({
    repair: async () => undefined,
    onProblem: () => undefined,
    doorbell: () => bell as unknown as Bell,
  });
  watch.stop();
  quiet.start();
  await pass(everyMs - 1);
  expect(looks).toBe(0);
  await pass(1);
  expect(looks).toBe(1);
  quiet.stop();
});
