#!/usr/bin/env node
/** The program that `banjour` and fail2ban's names start. */
import { basename } from 'node:path';
import { processTerminal } from './tools/terminal.js';

/** Commands that only ask the agent, and that scripts run all day. */
const ASKING = ['status', 'stats', 'banned', 'ban', 'unban', 'attempt', 'ping'];

const [, path = '', ...argv] = process.argv;
const terminal = processTerminal();
const isAsking = !basename(path).startsWith('fail2ban') && ASKING.includes(argv[0] ?? '');
const asked = isAsking ? await (await import('./cli/ask.js')).ask(argv, terminal) : undefined;
if (asked !== undefined) process.exitCode = asked;
else {
  const { exitProcess, runProgram } = await import('./cli/entry.js');
  await exitProcess(await runProgram(path, argv, terminal));
}
