#!/usr/bin/env node
import { enter } from './cli/entry.js';
import { leave } from './cli/leave.js';
import { processTerminal } from './cli/terminal.js';

await leave(await enter(process.argv[1] ?? '', process.argv.slice(2), processTerminal()));
