/**
 * Which program this is (Banjour, or one of fail2ban's, by the name that it was called by), and how
 * its process ends.
 */

import { basename } from 'node:path';
import { hasHadThreads } from '../core/background.js';
import type { Terminal } from '../tools/terminal.js';

/**
 * Ends the process with this exit code: when nothing is left to do, or, when it has had threads,
 * which may not let it go, as soon as all is written.
 */
export async function exitProcess(code: number): Promise<void> {
  process.exitCode = code;
  if (!hasHadThreads()) return;
  await Promise.all([process.stdout, process.stderr].map(written));
  const { endProcess } = await import('../../native/libc.js');
  endProcess(code);
}

/**
 * Resolves when what was written to the stream has left this process: a pipe takes 64 KiB at once.
 */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}

/** Runs a command line of the program called `path`; the exit code. */
export async function runProgram(
  path: string,
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  switch (basename(path)) {
    case 'fail2ban-client':
      return (await import('./fail2ban/client.js')).fail2banClient(argv, terminal);
    case 'fail2ban-regex':
      return (await import('./fail2ban/regex.js')).fail2banRegex(argv, terminal);
    default:
      return (await import('./cli.js')).runCli(argv, terminal);
  }
}
