/** Work that nobody waits for, or not for ever, or that leaves half of the time to others. */

/**
 * Lets work go on by itself. What it throws goes to `failed`; without that it ends the process, as
 * a bug does: the agent says what it was and is started anew.
 */
export function inBackground(
  work: PromiseLike<unknown>,
  failed: (error: unknown) => void = raise,
): void {
  work.then(undefined, failed);
}

/**
 * What the work comes to, if it does within so many milliseconds; else rejects with what `late`
 * makes, and whatever the work comes to later is of no interest.
 */
export async function within<T>(
  work: Promise<T>,
  milliseconds: number,
  late: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), milliseconds);
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the work comes to; rejects when `signal` aborts before, whatever it comes to later. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = () => undefined as unknown;
  const end = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    if (signal.aborted) abort();
    return await Promise.race([end, work]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * Does the work piece by piece, and rests after each as long as it took: half of the time of this
 * thread, and of whom the work asks, stays with what comes in between.
 */
export async function inPieces<T>(
  items: readonly T[],
  size: number,
  work: (piece: readonly T[]) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < items.length; at += size) {
    const began = performance.now();
    await work(items.slice(at, at + size));
    const took = performance.now() - began;
    if (at + size < items.length) await new Promise((resolve) => setTimeout(resolve, took));
  }
}

/** Out of the promise, where nobody would see it. */
function raise(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/**
 * Whether this process has ever had threads. Node and V8 can wait for each other for ever while
 * they take a thread or a process with threads down (nodejs/node#54918), so such a process must not
 * rely on ending by itself.
 */
let started = false;

/** To be called before a thread is started. */
export function noteThread(): void {
  started = true;
}

/** True when `noteThread` was called. */
export function hasHadThreads(): boolean {
  return started;
}
