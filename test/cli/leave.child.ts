/**
 * Writes much, has had a thread (or not: `leave.child.js plain`), keeps a timer, and leaves with 3.
 */
import { exitProcess } from '../../src/cli/cli.js';
import { noteThread } from '../../src/core/background.js';

if (process.argv[2] !== 'plain') {
  noteThread();
  // Something that would keep the process alive.
  setInterval(() => undefined, 1_000);
}
process.stdout.write('x'.repeat(5_000_000));
await exitProcess(3);
