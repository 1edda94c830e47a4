import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { epochMicros } from '../../../src/core/time.js';
import { probeInThread } from '../../../src/daemon/probe/probe-thread.js';

const entry = new URL('./stubborn.js', import.meta.url);
const plan = (stubborn: boolean) => ({ sources: [], since: epochMicros(0), now: epochMicros(0), stubborn });

test('a probe is answered by its thread', async () => {
  const lost = () => {
    throw new Error('the thread ended');
  };
  expect(await probeInThread(plan(false), lost)).toEqual({ report: [], isVolatile: false, copies: [] });
});

test('a thread that does not end after its answer is told of, and one that ends is not', async () => {
  let lost = 0;
  const tell = () => lost++;
  await probeInThread(plan(false), tell, { entry, endMs: 4_000 });
  await sleep(4_200);
  expect(lost).toBe(0);
  await probeInThread(plan(true), tell, { entry, endMs: 100 });
  await sleep(1_500);
  expect(lost).toBe(1);
});
