import { describe, expect, test } from '@jest/globals';
import { sourceId } from '../../../src/core/names.js';
import { IntakeThread } from '../../../src/daemon/intake/thread.js';

/** A thread that behaves so when it is told to stop (see stubborn.ts), and the promise of its end. */
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
