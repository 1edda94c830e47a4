import { getHeapCodeStatistics } from 'node:v8';
import { Script } from 'node:vm';
import { expect, test } from '@jest/globals';
import { trimThoroughly } from '../../src/agent/memory.js';

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
