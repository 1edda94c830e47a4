/** `banjour stats`: failures and bans of all jails in one table. */
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { statusSocket } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { hasUnicode, statsText } from '../fail2ban/shapes.js';

export const stats: CommandDefinition = {
  name: 'stats',
  summary: 'All jails in one table: failures and bans, now and in total',
  details: ["fail2ban-client's table to the byte; in ASCII where the locale has no box drawing."],
  honours: ['json', 'pager', 'run-dir'],
  examples: [
    ['banjour stats', 'The table'],
    [
      "banjour stats --json | jq '.[] | select(.currentlyBanned > 0)'",
      'Jails with somebody in them',
    ],
  ],
  exits: [[EXIT.unavailable, 'no agent is running']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const { jails } = await new ControlClient(statusSocket(paths)).status();
  terminal.out(
    args.flag('json') ? `${JSON.stringify(jails)}\n` : statsText(jails, hasUnicode(terminal.env)),
  );
  return EXIT.ok;
}
