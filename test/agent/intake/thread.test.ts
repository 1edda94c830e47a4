import { describe, expect, test } from '@jest/globals';
import { batchReader } from '../../../native/batch-library.js';
import { IntakeThread } from '../../../src/agent/intake/thread.js';
import { sourceId } from '../../../src/core/names.js';
import { canWrite, numbered, Scratch, writeJournal } from '../../support/journal-files.js';
import { needs } from '../../support/require.js';

/**
 * A thread that behaves so when it is told to stop (see stubborn.ts), and the promise of its end.
 */
async function started(behaviour: 'willing' | 'busy' | 'stuck') {
  const plan = {
    id: sourceId(behaviour),
    source: { kind: 'directory', path: '/nonexistent' },
    jails: [],
    start: { kind: 'whole' },
    follow: true,
  } as const;
  let exited: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    exited = resolve;
  });
  const listener = { message: () => undefined, exit: () => exited() };
  const thread = new IntakeThread(plan, listener, new URL('./stubborn.js', import.meta.url));
  expect(await thread.ping(30_000)).toBe(true);
  return { thread, gone };
}

describe('the end of an intake thread', () => {
  test('one that is told to stop stops', async () => {
    const { thread } = await started('willing');
    expect(await thread.stop(30_000)).toBe(true);
  });

  test('one that computes for ever is terminated', async () => {
    const { thread, gone } = await started('busy');
    expect(await thread.stop(3_000)).toBe(true);
    await gone;
  });

  test('one that nobody can end is left behind in time', async () => {
    const { thread, gone } = await started('stuck');
    expect(await thread.stop(100)).toBe(false);
    await gone;
  });
});

needs(
  canWrite[0] && batchReader().functions !== undefined,
  `waiting is done in C: ${batchReader().why}`,
)(
  'an intake thread that waits for entries answers at once, and stops when it is told to',
  async () => {
    using scratch = new Scratch();
    writeJournal(scratch.file('system.journal'), numbered(1));
    let isLive: () => void = () => undefined;
    const live = new Promise<void>((resolve) => {
      isLive = resolve;
    });
    const thread = new IntakeThread(
      {
        id: sourceId('waiting'),
        source: { kind: 'directory', path: scratch.path },
        jails: [],
        start: { kind: 'whole' },
        follow: true,
      },
      {
        message: (message) => {
          if (message.type !== 'batch') return;
          thread.credit();
          if (message.phase === 'live') isLive();
        },
        exit: () => undefined,
      },
    );
    await live;
    const started = performance.now();
    // A question that a wait of a second does not hear takes as long as that: the next is asked
    // when the next has begun.
    for (let i = 0; i < 20; i++) expect(await thread.ping(30_000)).toBe(true);
    expect(performance.now() - started).toBeLessThan(8_000);
    expect(await thread.stop(30_000)).toBe(true);
  },
);
