import { getHeapCodeStatistics } from 'node:v8';
import { Script } from 'node:vm';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { trimNowAndThen, trimThoroughly } from '../../src/agent/memory.js';

const FUNCTIONS = 2_000;

/** Functions that ran once, as those of a start. */
function ranOnce(): (() => number)[] {
  const text = Array.from({ length: FUNCTIONS }, (_, i) => {
    const sums = Array.from({ length: 40 }, (_, k) => `a = a * ${k} + b - ${i};`).join(' ');
    return `() => { let a = ${i}; let b = 1; ${sums} return a; }`;
  });
  const functions = new Script(`[${text.join(',\n')}]`).runInThisContext() as (() => number)[];
  for (const one of functions) one();
  return functions;
}

test('a thorough trim gives back the code of what ran once, which can still run', async () => {
  const functions = ranOnce();
  const expected = functions.map((one) => one());
  const before = getHeapCodeStatistics().bytecode_and_metadata_size;
  await trimThoroughly();
  await trimThoroughly();
  const after = getHeapCodeStatistics().bytecode_and_metadata_size;
  // Each has some 300 bytes of byte code.
  expect(before - after).toBeGreaterThan(FUNCTIONS * 150);
  expect(functions.map((one) => one())).toEqual(expected);
});

describe('trims of a thread', () => {
  /** Processor time that the thread has had, ms. */
  let had = 0;
  let trims: string[] = [];
  let end: () => void = () => undefined;

  beforeEach(() => {
    jest.useFakeTimers();
    had = 0;
    trims = [];
    end = trimNowAndThen({
      clock: () => had,
      ordinary: () => trims.push('ordinary'),
      thorough: async () => {
        trims.push('thorough');
      },
    });
  });

  afterEach(() => {
    end();
    jest.useRealTimers();
  });

  /** Lets so much time go by, of which the thread has this share of a processor. */
  function pass(milliseconds: number, share: number): void {
    had += milliseconds * share;
    jest.advanceTimersByTime(milliseconds);
  }

  test('a thread that has a twentieth of a processor is not busy', () => {
    pass(2_000, 0.05);
    expect(trims).toEqual(['thorough']);
  });

  test('a thread that has more is busy and forgets nothing', () => {
    pass(2_000, 0.0505);
    expect(trims).toEqual(['ordinary']);
  });

  test('each trim looks at the time since the one before', () => {
    pass(2_000, 0.9);
    pass(4_000, 0.01);
    pass(9_000, 0.9);
    expect(trims).toEqual(['ordinary', 'thorough', 'ordinary']);
  });

  test('a thread that was quiet at its start trims as ever ten minutes later', () => {
    pass(2_000, 0);
    pass(598_000, 0);
    expect(trims).toEqual(['thorough', 'thorough', 'thorough', 'ordinary']);
  });

  test('a thread that was busy for long trims thoroughly once', () => {
    for (const milliseconds of [2_000, 4_000, 9_000, 585_000]) pass(milliseconds, 0.5);
    pass(600_000, 0);
    pass(600_000, 0);
    expect(trims.slice(3)).toEqual(['ordinary', 'thorough', 'ordinary']);
  });

  test('nothing is trimmed once it is ended', () => {
    end();
    pass(1_200_000, 0);
    expect(trims).toEqual([]);
  });
});
