import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two looks at what is awaited, at least and at most. */
const LOOK_MS = 5;
const LOOK_MS_MAX = 250;
/**
 * Looks that run a program take the processor from what is awaited: the pause after one is so many
 * times as long as it was.
 */
const PAUSE_PER_LOOK = 3;

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
  for (;;) {
    const began = performance.now();
    if (await done()) return;
    const now = performance.now();
    if (now > end) throw new Error(`waited in vain: ${typeof what === 'string' ? what : what()}`);
    await sleep(Math.min(LOOK_MS_MAX, Math.max(LOOK_MS, PAUSE_PER_LOOK * (now - began))));
  }
}

/** Looks for so many milliseconds that something stays as it is; fails as soon as it does not. */
export async function stays(
  what: string,
  holds: () => boolean | Promise<boolean>,
  milliseconds: number,
): Promise<void> {
  for (const end = performance.now() + milliseconds; performance.now() < end; ) {
    if (!(await holds())) throw new Error(`did not stay so: ${what}`);
    await sleep(LOOK_MS);
  }
}

/** Waits until a value has not changed for so many milliseconds, and returns it. */
export async function still<T>(
  what: string,
  value: () => T | Promise<T>,
  milliseconds: number,
): Promise<T> {
  let last = await value();
  let since = performance.now();
  await until(`stands still: ${what}`, async () => {
    const now = await value();
    if (now !== last) since = performance.now();
    last = now;
    return performance.now() - since >= milliseconds;
  });
  return last;
}
