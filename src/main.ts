#!/usr/bin/env node
import { exitProcess, runProgram } from './cli/entry.js';
import { processTerminal } from './tools/terminal.js';

await exitProcess(
  await runProgram(process.argv[1] ?? '', process.argv.slice(2), processTerminal()),
);
