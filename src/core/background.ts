/** Work that nobody waits for. */

/**
 * Lets work go on by itself. What it throws goes to `failed`; without that it ends the process, as a bug does: the agent says
 * what it was and is started anew.
 */
export function inBackground(work: PromiseLike<unknown>, failed: (error: unknown) => void = raise): void {
  work.then(undefined, failed);
}

/** Out of the promise, where nobody would see it. */
function raise(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
