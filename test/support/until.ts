import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two looks at what is awaited. */
const LOOK_MS = 5;

/**
 * Waits until `done` says so; fails after thirty seconds (a loaded machine is slow), or so many,
 * with what was awaited.
 */
export async function until(
  what: string | (() => string),
  done: () => boolean | Promise<boolean>,
  milliseconds = 30_000,
): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await done())) {
    if (performance.now() > end)
      throw new Error(`waited in vain: ${typeof what === 'string' ? what : what()}`);
    await sleep(LOOK_MS);
  }
}
