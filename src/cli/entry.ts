/** Which program this is: Banjour, or one of fail2ban's, by the name that it was called by. */

import { basename } from 'node:path';
import type { Terminal } from '../tools/terminal.js';

export { exitProcess } from './cli.js';

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
