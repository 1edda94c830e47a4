#!/usr/bin/env node
import { basename } from 'node:path';
import { processTerminal } from './cli/terminal.js';

const terminal = processTerminal();
const argv = process.argv.slice(2);
// A symbolic link of an administrator who comes from fail2ban.
switch (basename(process.argv[1] ?? '')) {
  case 'fail2ban-client': {
    const { fail2banClient } = await import('./cli/fail2ban/client.js');
    process.exitCode = await fail2banClient(argv, terminal);
    break;
  }
  case 'fail2ban-regex': {
    const { fail2banRegex } = await import('./cli/fail2ban/regex.js');
    process.exitCode = await fail2banRegex(argv, terminal);
    break;
  }
  default: {
    const { runCli } = await import('./cli/cli.js');
    process.exitCode = await runCli(argv, terminal);
  }
}
