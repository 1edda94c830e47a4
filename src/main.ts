#!/usr/bin/env node
/** The program that `banjour` and fail2ban's names start. */
import { basename } from 'node:path';
import { processTerminal } from './tools/terminal.js';

/** Commands that only ask the agent, and that scripts run all day. */
const ASKING = ['status', 'stats', 'banned', 'ban', 'unban', 'attempt', 'ping'];

/** The one file that the build makes of a command, where there is one. */
async function oneFileOf(command: string) {
  if (ASKING.includes(command)) return import('./cli/ask.js');
  return command === 'run' ? import('./cli/serve.js') : undefined;
}

const [, path = '', ...argv] = process.argv;
const terminal = processTerminal();
const isOwn = !basename(path).startsWith('fail2ban');
const oneFile = isOwn ? await oneFileOf(argv[0] ?? '') : undefined;
const code = await oneFile?.runQuickly(argv, terminal);
if (oneFile !== undefined && code !== undefined) await oneFile.exitProcess(code);
else {
  const { exitProcess, runProgram } = await import('./cli/entry.js');
  await exitProcess(await runProgram(path, argv, terminal));
}
