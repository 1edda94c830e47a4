/**
 * Commands that only ask the agent. The build puts all that they load into this one file
 * (`scripts/lib/commands.mjs`): finding and opening two dozen modules takes a third of the time
 * that Node itself needs to start.
 */
export { exitProcess, runQuickly } from './cli.js';
