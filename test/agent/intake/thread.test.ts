import { describe, expect, test } from '@jest/globals';
import { batchReader } from '../../../native/batch-library.js';
import { Credits, type FromIntake } from '../../../src/agent/intake/protocol.js';
import { dismissThread, IntakeThread, prepareThread } from '../../../src/agent/intake/thread.js';
import { BATCH_CREDITS, BATCH_ENTRIES_MAX } from '../../../src/core/limits.js';
import { sourceId } from '../../../src/core/names.js';
import { FIRST_ENTRIES_MAX } from '../../../src/core/service-limits.js';
import { jail } from '../../support/filters.js';
import { canWrite, numbered, Scratch, writeJournal } from '../../support/journal-files.js';
import { needs } from '../../support/require.js';
import { until } from '../../support/until.js';

const STUBBORN = new URL('./stubborn.js', import.meta.url);

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
  const thread = new IntakeThread(plan, listener, STUBBORN);
  expect(await thread.ping(30_000)).toBe(true);
  return { thread, gone };
}

describe('a thread that was started ahead of its plan', () => {
  test('is the one that gets the next plan, and does what that says', async () => {
    prepareThread(STUBBORN);
    const { thread, gone } = await started('willing');
    expect(dismissThread()).toBe(false);
    expect(await thread.stop(30_000)).toBe(true);
    await gone;
  });

  test('is ended when nobody needs it', () => {
    prepareThread(STUBBORN);
    expect(dismissThread()).toBe(true);
    expect(dismissThread()).toBe(false);
  });

  test('is not taken for a thread of another kind', async () => {
    prepareThread();
    const { thread } = await started('willing');
    expect(dismissThread()).toBe(true);
    expect(await thread.stop(30_000)).toBe(true);
  });
});

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

test('whoever gives a credit back hears when there was none', () => {
  const own = new Credits();
  const theirs = new Credits(own.shared);
  for (let i = 0; i < BATCH_CREDITS - 1; i++) theirs.spend('batch');
  expect([own.left('batch'), own.give('batch')]).toEqual([1, false]);
  theirs.spend('batch');
  theirs.spend('batch');
  expect([own.left('batch'), own.give('batch'), own.give('batch')]).toEqual([0, true, false]);
  expect(theirs.left('batch')).toBe(2);
  expect(theirs.left('edge')).toBe(BATCH_CREDITS);
});

needs(...canWrite)('a thread without credits stops, and goes on with each that comes', async () => {
  using scratch = new Scratch();
  const batches = BATCH_CREDITS + 3;
  // The first one is small.
  const upTo = (batch: number) => FIRST_ENTRIES_MAX + (batch - 1) * BATCH_ENTRIES_MAX;
  const entries = numbered(batches * BATCH_ENTRIES_MAX).map((each) => ({
    ...each,
    message: 'bad 192.0.2.1',
  }));
  writeJournal(scratch.file('system.journal'), entries);
  const told: FromIntake[] = [];
  const thread = new IntakeThread(
    {
      id: sourceId('credits'),
      // Of a folder the newest entries are looked for meanwhile, and that wakes it, too.
      source: { kind: 'files', paths: [scratch.file('system.journal')] },
      jails: [jail('x', '', { failregex: ['bad <HOST>'] })],
      start: { kind: 'whole' },
      follow: true,
    },
    { message: (message) => void told.push(message), exit: () => undefined },
  );
  const events = () =>
    told.flatMap((message) => (message.type === 'batch' ? message.events : [])).length;
  try {
    for (let spent = BATCH_CREDITS; spent <= batches; spent++) {
      await until(
        () => `${spent} batches, of which there are ${events()} events`,
        () => events() >= upTo(spent),
      );
      // It has nothing to send the next one with, whenever it answers.
      expect(await thread.ping(30_000)).toBe(true);
      expect(events()).toBe(upTo(spent));
      thread.credit();
    }
  } finally {
    expect(await thread.stop(30_000)).toBe(true);
  }
});
