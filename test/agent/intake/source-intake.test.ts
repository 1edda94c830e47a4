import { expect, jest, test } from '@jest/globals';
import type { IntakePlan } from '../../../src/agent/intake/protocol.js';
import { SourceIntake } from '../../../src/agent/intake/source-intake.js';
import type { IntakeListener } from '../../../src/agent/intake/thread.js';
import type { Pipeline } from '../../../src/agent/pipeline.js';
import { sourceId } from '../../../src/core/names.js';
import { BATCHES_UNDER_WAY_MAX, READER_RESTARTS_MAX } from '../../../src/core/service-limits.js';
import { fakeTimers } from '../../support/timeouts.js';

/** A source whose threads do what the test says. */
function bench(underWay = 0) {
  const threads: IntakeListener[] = [];
  const done: string[] = [];
  const pipeline = {
    underWay,
    take: async () => void done.push('take'),
    takeEdge: () => void done.push('edge'),
    idle: async () => void done.push('idle'),
  } as unknown as Pipeline;
  const intake = new SourceIntake(
    {
      id: sourceId('journal'),
      source: { kind: 'journal' } as never,
      jails: [],
      start: () => ({}) as never,
      makeThread: (_: IntakePlan, listener) => {
        threads.push(listener);
        return {
          credit: () => void done.push('credit'),
          ping: async () => true,
          stop: async () => true,
        };
      },
    },
    pipeline,
    (_, message) => void done.push(message),
  );
  return { intake, threads, done };
}

/** Lets everything run that is due. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a reader that dies is started again so often; one death more ends its source', async () => {
  using _ = fakeTimers();
  const { intake, threads } = bench();
  let failure: string | undefined;
  intake.failure.catch((error: Error) => {
    failure = error.message;
  });
  for (let deaths = 1; deaths <= READER_RESTARTS_MAX; deaths++) {
    threads.at(-1)?.exit(new Error('out of memory'));
    await turn();
    jest.runOnlyPendingTimers();
    expect(threads).toHaveLength(deaths + 1);
    expect(failure).toBeUndefined();
  }
  threads.at(-1)?.exit(new Error('out of memory'));
  await turn();
  jest.runOnlyPendingTimers();
  expect(threads).toHaveLength(READER_RESTARTS_MAX + 1);
  expect(failure).toBe(`journal: the reader died ${READER_RESTARTS_MAX + 1} times`);
});

test.each(['batch', 'edge'] as const)(
  'the credit of a %s waits once too many batches wait for the kernel',
  async (type) => {
    const after = async (underWay: number) => {
      const { threads, done } = bench(underWay);
      threads[0]?.message({ type, phase: 'live', warm: [], events: [] } as never);
      await turn();
      return done.filter((word) => word === 'idle' || word === 'credit');
    };
    expect(await after(BATCHES_UNDER_WAY_MAX)).toEqual(['credit']);
    expect(await after(BATCHES_UNDER_WAY_MAX + 1)).toEqual(['idle', 'credit']);
  },
);
