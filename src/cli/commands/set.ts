/** `banjour set`: changes an option of a jail or of the agent until the next reload or restart. */
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { escapeUntrusted } from '../../core/text.js';
import { controlSocket } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const set: CommandDefinition = {
  name: 'set',
  summary: 'Change an option of a jail until the next reload or restart',
  details: [
    'The value is checked as if it stood in jail.local. It holds until the jail is reloaded or the agent restarted: to keep it, write it into /etc/banjour/jail.local.',
    'Lists (ignoreip, failregex, ignoreregex, journalmatch) take --add and --del; --del of a regex takes its number from 0, as banjour get shows them.',
    'set loglevel LEVEL changes how much the agent logs, set dbpurgeage DURATION how long ended bans are remembered.',
  ],
  positionals: [
    {
      name: 'jail',
      describe: 'A jail; or loglevel, dbpurgeage',
      required: true,
      complete: 'jails',
    },
    {
      name: 'option',
      describe: 'bantime, findtime, maxretry, ignoreip, port, ...; or the level',
      required: true,
    },
    { name: 'value', describe: 'The value', required: false, many: true },
  ],
  options: {
    add: { type: 'boolean', describe: 'Add the value to a list' },
    del: { type: 'boolean', describe: 'Take the value from a list' },
  },
  honours: ['json', 'run-dir'],
  examples: [
    ['banjour set sshd bantime 1d', 'Longer bans from now on; bans in force keep their end'],
    ['banjour set postfix-sasl maxretry 3', 'Fewer tries'],
    ['banjour set sshd ignoreip --add 198.51.100.0/24', 'Never ban these in this jail'],
    ['banjour set loglevel DEBUG', 'Log more'],
  ],
  exits: [
    [EXIT.dataError, 'the value is not valid; nothing has changed'],
    [EXIT.unavailable, 'no agent is running'],
  ],
  run,
};

/** Options of the agent that can be set while it runs. */
const OF_AGENT: readonly string[] = ['loglevel', 'dbpurgeage'];

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const first = args.text('jail') ?? '';
  const second = args.text('option') ?? '';
  const words = args.list('value');
  if (args.flag('add') && args.flag('del'))
    throw new OperatorError('--add and --del exclude each other: write one of them');
  const client = new ControlClient(controlSocket(paths));
  const ofAgent = words.length === 0 && OF_AGENT.includes(first);
  if (!ofAgent && words.length === 0)
    throw new OperatorError('name a value', { hint: `banjour set ${first} ${second} VALUE` });
  const answer = await client.set(
    ofAgent
      ? { key: first, action: 'set', value: second }
      : {
          jail: first,
          key: second,
          action: args.flag('add') ? 'add' : args.flag('del') ? 'del' : 'set',
          value: words.join(' '),
        },
  );
  if (args.flag('json')) {
    terminal.out(`${JSON.stringify(answer)}\n`);
    return EXIT.ok;
  }
  terminal.out(`${escapeUntrusted(answer.value.replaceAll('\n', ' '), 65_536)}\n`);
  for (const change of answer.changes) terminal.err(`${escapeUntrusted(change, 4096)}\n`);
  terminal.err(
    ofAgent
      ? `until ${first === 'loglevel' ? '' : 'reload or '}restart; to keep it: ${first} under [Definition] in /etc/banjour/banjour.local\n`
      : `until reload or restart; to keep it: ${second} under [${first}] in /etc/banjour/jail.local\n`,
  );
  return EXIT.ok;
}
