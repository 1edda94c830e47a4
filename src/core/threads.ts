/**
 * Whether this process has ever had threads. Node and V8 can wait for each other for ever while they take a thread or a
 * process with threads down (nodejs/node#54918), so such a process must not rely on ending by itself.
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
