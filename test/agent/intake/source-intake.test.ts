import { describe, expect, jest, test } from '@jest/globals';
import type { IntakePlan } from '../../../src/agent/intake/protocol.js';
import { SourceIntake } from '../../../src/agent/intake/source-intake.js';
import type { IntakeListener } from '../../../src/agent/intake/thread.js';
import type { Pipeline } from '../../../src/agent/pipeline.js';
import { sourceId } from '../../../src/core/names.js';
import { BATCHES_UNDER_WAY_MAX, READER_RESTARTS_MAX } from '../../../src/core/service-limits.js';
import { fakeTimers } from '../../support/timeouts.js';

/** A source whose threads do what the test says. */
function bench(underWay = 0, take = async () => {}, told = Promise.resolve()) {
  const threads: IntakeListener[] = [];
  const done: string[] = [];
  const pipeline = {
    underWay,
    take: async () => {
      await take();
      done.push('take');
    },
    takeEdge: () => void done.push('edge'),
    idle: async () => void done.push('idle'),
  } as unknown as Pipeline;
  const intake = new SourceIntake(
    {
      id: sourceId('journal'),
      source: { kind: 'journal' } as never,
      jails: [],
      start: () => ({}) as never,
      told,
      tellOf: (events) => void done.push(`tell of ${events.length}`),
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

describe('the newest entries', () => {
  const message = (type: 'batch' | 'edge', phase = 'catch-up') =>
    ({ type, phase, warm: [], events: [] }) as never;

  test('are judged before stored ones that came first and are still under way', async () => {
    let end = () => {};
    const stored = new Promise<void>((resolve) => {
      end = resolve;
    });
    const { threads, done } = bench(0, () => stored);
    for (const type of ['batch', 'batch', 'edge'] as const) threads[0]?.message(message(type));
    await turn();
    expect(done).toEqual(['tell of 0', 'edge', 'credit']);
    end();
    await turn();
    expect(done.slice(3)).toEqual(['take', 'credit', 'take', 'credit']);
  });

  test('do not wait for what is told of the past, as the stored ones do', async () => {
    let end = () => {};
    const told = new Promise<void>((resolve) => {
      end = resolve;
    });
    const { threads, done } = bench(0, undefined, told);
    const edge = { type: 'edge', warm: [1], events: [2, 3] } as never;
    for (const one of [message('batch'), edge]) threads[0]?.message(one);
    await turn();
    expect(done).toEqual(['tell of 3', 'edge', 'credit']);
    end();
    await turn();
    expect(done.slice(3)).toEqual(['take', 'credit']);
  });

  test('are all that is judged where the past cannot be told: the source ends', async () => {
    const { intake, threads, done } = bench(0, undefined, Promise.reject(new Error('no disk')));
    threads[0]?.message(message('batch'));
    await expect(intake.failure).rejects.toThrow('no disk');
    await turn();
    expect(done).toEqual([]);
  });

  test('are passed over once all that is stored was judged, they among it', async () => {
    const { threads, done } = bench();
    threads[0]?.message(message('batch', 'live'));
    await turn();
    threads[0]?.message(message('edge'));
    await turn();
    expect(done.filter((word) => word === 'edge' || word === 'credit')).toEqual([
      'credit',
      'credit',
    ]);
  });
});
