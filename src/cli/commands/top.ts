/** `banjour top`: a live table of jails, newest bans and what the kernel stopped. */
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { statusSocket } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const top: CommandDefinition = {
  name: 'top',
  summary: 'A live table: jails and their rates, newest bans, packets that the kernel stopped',
  details: [
    'Ctrl-C or q ends it. Where standard output is no terminal it prints one picture and ends.',
  ],
  options: {
    interval: { type: 'number', alias: 'n', describe: 'Seconds between two pictures (default: 2)' },
    once: { type: 'boolean', describe: 'One picture, then end' },
  },
  honours: ['json', 'run-dir'],
  examples: [
    ['banjour top', 'Watch'],
    ['banjour top --once', 'One picture'],
    ['banjour top --json --interval 10', 'One JSON object every ten seconds, for programs'],
  ],
  exits: [[EXIT.unavailable, 'no agent is running, or it has gone']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const interval = args.number('interval') ?? 2;
  if (!(interval >= 0.2 && interval <= 3600))
    throw new OperatorError(`--interval must be from 0.2 to 3600 seconds, not ${interval}`);
  const { showTop } = await import('../top.js');
  return showTop(new ControlClient(statusSocket(paths)), terminal, {
    intervalMs: interval * 1000,
    json: args.flag('json'),
    once: args.flag('once') || (!args.flag('json') && terminal.stdout.isTTY !== true),
  });
}
