/** `banjour unban`: lifts bans and forgets the failures so far. */
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { controlSocket } from '../../setup/paths.js';
import { targetsOf } from '../../tools/arguments.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { whoTypes } from '../who.js';
import { tellChange } from './ban.js';

export const unban: CommandDefinition = {
  name: 'unban',
  summary: 'Lift bans',
  details: [
    'Lifts the ban in every jail (or one, with --jail) and forgets the failures so far. Prints how many bans were lifted, as fail2ban-client does.',
  ],
  positionals: [
    {
      name: 'address',
      describe: 'Addresses or prefixes',
      required: false,
      many: true,
      complete: 'banned',
    },
  ],
  options: {
    all: { type: 'boolean', describe: 'Every ban' },
    jail: { type: 'string', describe: 'Only in this jail', complete: 'jails' },
  },
  honours: ['json', 'run-dir'],
  examples: [
    ['banjour unban 192.0.2.1', 'Lift the ban of one address in every jail'],
    ['banjour unban --jail sshd 192.0.2.1', 'Lift it in one jail only'],
    ['banjour unban --all', 'Lift every ban'],
  ],
  exits: [[EXIT.no, 'nothing was banned']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const targets = args.list('address');
  if (args.flag('all') === targets.length > 0)
    throw new OperatorError(
      targets.length > 0
        ? '--all lifts every ban, so no address can stand beside it'
        : 'ADDRESS is missing behind "banjour unban", and --all is not given',
      {
        hint: 'banjour unban 192.0.2.1   or   banjour unban --all',
      },
    );
  const jail = args.text('jail');
  const answer = await new ControlClient(controlSocket(paths)).unban({
    targets: args.flag('all') ? 'all' : targetsOf(targets),
    by: whoTypes(terminal.env),
    ...(jail === undefined ? {} : { jail }),
  });
  tellChange(answer, { args, terminal });
  return answer.changed > 0 ? EXIT.ok : EXIT.no;
}
