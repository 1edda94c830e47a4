import { expect, jest, test } from '@jest/globals';
import { probeInThread } from '../../../src/agent/probe/thread.js';
import { epochMicros } from '../../../src/core/time.js';
import { PROBE_DEADLINE_MS } from '../../../src/core/timeouts.js';
import { fakeTimers } from '../../support/timeouts.js';
import { until } from '../../support/until.js';

const entry = new URL('./stubborn.js', import.meta.url);
const plan = (manner: 'good' | 'mute' | 'stubborn' = 'good') => ({
  sources: [],
  since: epochMicros(0),
  now: epochMicros(0),
  manner,
});
const END_MS = 10_000;

test('a probe is answered by its thread', async () => {
  const lost = () => {
    throw new Error('the thread ended');
  };
  expect(await probeInThread(plan(), lost)).toEqual({ report: [], isVolatile: false, copies: [] });
});

test('a thread that does not end after its answer is told of, and one that ends is not', async () => {
  using _ = fakeTimers();
  const lost = jest.fn();
  await probeInThread(plan(), lost, { entry, endMs: END_MS });
  await until('nobody waits for its end any more', () => jest.getTimerCount() === 0);
  await jest.advanceTimersByTimeAsync(2 * END_MS);
  expect(lost).not.toHaveBeenCalled();
  await probeInThread(plan('stubborn'), lost, { entry, endMs: END_MS });
  await jest.advanceTimersByTimeAsync(END_MS - 1);
  expect(lost).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(1);
  expect(lost).toHaveBeenCalledTimes(1);
});

test('a thread that does not answer is given up after as long as the bound says', async () => {
  using _ = fakeTimers();
  const settled = jest.fn();
  const answer = probeInThread(plan('mute'), () => undefined, { entry }).finally(settled);
  const refused = expect(answer).rejects.toThrow(`no answer within ${PROBE_DEADLINE_MS} ms`);
  await jest.advanceTimersByTimeAsync(PROBE_DEADLINE_MS - 1);
  expect(settled).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(1);
  await refused;
});
