/** `banjour banned`: who is banned now, or whether the given addresses are. */

import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { localZone } from '../../core/time.js';
import { statusSocket } from '../../setup/paths.js';
import { tableWidth } from '../../tools/terminal.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const banned: CommandDefinition = {
  name: 'banned',
  summary: 'List the bans in force, or say whether these addresses are banned',
  positionals: [
    {
      name: 'address',
      describe: 'Addresses to look for',
      required: false,
      many: true,
      complete: 'banned',
    },
  ],
  options: { jail: { type: 'string', describe: 'Only in this jail', complete: 'jails' } },
  honours: ['json', 'pager', 'run-dir'],
  examples: [
    ['banjour banned', 'Every ban in force'],
    ['banjour banned --json | jq -r .target', 'The addresses alone, for scripts'],
    [
      'banjour banned 192.0.2.1 && echo yes',
      'For scripts: exit code 0 when it is banned, 1 when not',
    ],
  ],
  exits: [[EXIT.no, 'one of the addresses (or nobody) is banned']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const client = new ControlClient(statusSocket(paths));
  const jail = args.text('jail');
  const scope = jail === undefined ? {} : { jail };
  const addresses = args.list('address');
  const answers =
    addresses.length === 0
      ? [await client.bans(scope)]
      : await Promise.all(addresses.map((address) => client.bans({ ...scope, address })));
  const bans = answers.flat();
  if (args.flag('json')) for (const ban of bans) terminal.out(`${JSON.stringify(ban)}\n`);
  else if (bans.length > 0) {
    const { bannedTable } = await import('../ban-tables.js');
    terminal.out(`${bannedTable(bans, tableWidth(terminal.stdout))}Times: ${localZone()}\n`);
  }
  return answers.every((found) => found.length > 0) ? EXIT.ok : EXIT.no;
}
