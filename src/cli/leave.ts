/** The end of the process. */
import { hasHadThreads } from '../core/threads.js';

/**
 * Ends the process with this exit code: when nothing is left to do, or, when it has had threads, which may not let it go,
 * as soon as all is written.
 */
export async function leave(code: number): Promise<void> {
  process.exitCode = code;
  if (!hasHadThreads()) return;
  await Promise.all([process.stdout, process.stderr].map(written));
  const { endProcess } = await import('../../native/process.js');
  endProcess(code);
}

/** Resolves when what was written to the stream has left this process: a pipe takes 64 KiB at once. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
