/** `banjour history`: bans of the past and the present, newest first. */

import { ControlClient } from '../../control/client.js';
import { parsePrefix } from '../../core/address.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { localZone } from '../../core/time.js';
import { statusSocket } from '../../setup/paths.js';
import { tableWidth } from '../../tools/terminal.js';
import { historyTable } from '../ban-tables.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const history: CommandDefinition = {
  name: 'history',
  summary: 'Bans of the past and the present, newest first',
  positionals: [
    {
      name: 'who',
      describe: 'An address, a prefix, or a jail',
      required: false,
      complete: 'jails-and-banned',
    },
  ],
  options: { limit: { type: 'number', describe: 'Rows at most', default: 50 } },
  honours: ['json', 'pager', 'run-dir'],
  examples: [
    ['banjour history', 'The newest bans of all jails'],
    ['banjour history 192.0.2.1', 'Every ban of an address and of the prefixes around it'],
    ['banjour history sshd --limit 200', 'Of a jail'],
  ],
  exits: [[EXIT.no, 'there are none']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const who = args.text('who');
  const query =
    who === undefined ? {} : parsePrefix(who) === undefined ? { jail: who } : { address: who };
  const bans = await new ControlClient(statusSocket(paths)).history({
    ...query,
    limit: args.number('limit') ?? 50,
  });
  if (args.flag('json')) for (const ban of bans) terminal.out(`${JSON.stringify(ban)}\n`);
  else if (bans.length > 0)
    terminal.out(`${historyTable(bans, tableWidth(terminal.stdout))}Times: ${localZone()}\n`);
  return bans.length > 0 ? EXIT.ok : EXIT.no;
}
