/** `banjour ping`: whether the agent answers. */
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { statusSocket } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const ping: CommandDefinition = {
  name: 'ping',
  summary: 'Ask whether the agent answers',
  honours: ['json', 'run-dir'],
  examples: [
    ['banjour ping', 'Prints "Server replied: pong", as fail2ban-client does'],
    ['banjour ping >/dev/null || systemctl restart banjour', 'For scripts'],
  ],
  exits: [[EXIT.unavailable, 'no agent is running']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const answer = await new ControlClient(statusSocket(paths)).ping();
  terminal.out(args.flag('json') ? `${JSON.stringify(answer)}\n` : 'Server replied: pong\n');
  return EXIT.ok;
}
