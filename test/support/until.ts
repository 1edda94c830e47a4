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
