import { spawnSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { inBackground, inPieces, unlessAborted } from '../../src/core/background.js';

test('what work in the background throws goes where it is sent to', async () => {
  const error = new Error('made up');
  expect(await new Promise((resolve) => inBackground(Promise.reject(error), resolve))).toBe(error);
});

test('or ends the process', () => {
  const module = JSON.stringify(join(process.cwd(), 'dist/src/core/background.js'));
  const script = `import { inBackground } from ${module};
    process.on('uncaughtException', (error) => console.log(error.message));
    inBackground(Promise.resolve(1)); inBackground(Promise.reject(new Error('made up')));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('made up\n');
});

test('work is waited for until a signal aborts, and no listener stays', async () => {
  const ending = new AbortController();
  expect(await unlessAborted(Promise.resolve(7), ending.signal)).toBe(7);
  await expect(unlessAborted(Promise.reject(new Error('no')), ending.signal)).rejects.toThrow('no');
  expect(getEventListeners(ending.signal, 'abort')).toEqual([]);
  const waiting = unlessAborted(new Promise(() => undefined), ending.signal);
  ending.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
  await expect(unlessAborted(new Promise(() => undefined), ending.signal)).rejects.toThrow(
    'stopped',
  );
});

test('work in pieces leaves half of the time to others', async () => {
  const times: [from: number, to: number][] = [];
  const pieces: number[][] = [];
  await inPieces([1, 2, 3, 4, 5], 2, async (piece) => {
    const from = performance.now();
    pieces.push([...piece]);
    await sleep(30);
    times.push([from, performance.now()]);
  });
  expect(pieces).toEqual([[1, 2], [3, 4], [5]]);
  for (const [n, [from]] of times.entries()) {
    const [earlier, end] = times[n - 1] ?? [from, from];
    // A timer may be a millisecond early.
    expect(from - end).toBeGreaterThanOrEqual(end - earlier - 2);
  }
});
