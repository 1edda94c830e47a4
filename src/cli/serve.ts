/**
 * The agent, `banjour run`. The build puts all that it loads into this one file
 * (`scripts/lib/commands.mjs`): opening 240 modules takes as long as the rest of a start. Whether
 * there were threads is known to the file that made them, so the end of the process is in it, too.
 */
export { exitProcess, runQuickly } from './cli.js';
