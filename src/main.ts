#!/usr/bin/env node
import { enter } from './cli/entry.js';
import { processTerminal } from './cli/terminal.js';

process.exitCode = await enter(process.argv[1] ?? '', process.argv.slice(2), processTerminal());
