/** `banjour reload`: the agent reads its configuration anew, and the command waits until it has. */
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { controlSocket } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { whoTypes } from '../who.js';

export const reload: CommandDefinition = {
  name: 'reload',
  summary: 'Read the configuration anew, without letting anybody in',
  details: [
    'Waits until the agent has taken it over. A configuration with errors is refused whole: the old one stays in force, and the errors are printed. Bans survive, except those of jails that are gone. Options that were set by hand (banjour set) are gone afterwards.',
    'With a jail only that one is taken from the files: changed, new, or gone; the others stay as they are.',
  ],
  positionals: [{ name: 'jail', describe: 'Only this jail', required: false, complete: 'jails' }],
  options: {
    'dry-run': { type: 'boolean', describe: 'Only tell what would change' },
    unban: { type: 'boolean', describe: 'Lift the bans (of the jail, or all) as well' },
  },
  honours: ['json', 'run-dir'],
  examples: [
    ['banjour reload', 'After an edit under /etc/banjour'],
    ['banjour reload --dry-run', 'What would change'],
    ['banjour reload sshd', 'Only one jail'],
  ],
  exits: [[EXIT.dataError, 'refused; the old configuration stays']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const dryRun = args.flag('dry-run');
  const jail = args.text('jail');
  const answer = await new ControlClient(controlSocket(paths)).reload({
    dryRun,
    unban: args.flag('unban'),
    by: whoTypes(terminal.env),
    ...(jail === undefined ? {} : { jail }),
  });
  if (args.flag('json')) terminal.out(`${JSON.stringify(answer)}\n`);
  else if (dryRun)
    terminal.out(
      answer.changes.length === 0 ? 'Nothing would change.\n' : `${answer.changes.join('\n')}\n`,
    );
  else terminal.out('OK\n');
  return EXIT.ok;
}
