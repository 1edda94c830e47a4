#!/usr/bin/env node
/** The program that `banjour` and fail2ban's names start. */
import { exitProcess, runProgram } from './cli/entry.js';
import { processTerminal } from './tools/terminal.js';

await exitProcess(
  await runProgram(process.argv[1] ?? '', process.argv.slice(2), processTerminal()),
);
