/** `banjour attempt`: a program reports a failure of an address, and the jail counts it. */
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { escapeUntrusted } from '../../core/text.js';
import { controlSocket } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const attempt: CommandDefinition = {
  name: 'attempt',
  summary: 'Report failures of an address that no log line tells of',
  details: [
    'The jail counts them as its own: with maxretry failures within findtime the address is banned. For programs of your own that notice attackers. Addresses that are never to be banned are not counted.',
  ],
  positionals: [
    { name: 'jail', describe: 'The jail that counts', required: true, complete: 'jails' },
    { name: 'address', describe: 'An address', required: true },
    { name: 'count', describe: 'How many failures (default: 1)', required: false },
  ],
  honours: ['json', 'run-dir'],
  examples: [
    ['banjour attempt postfix-sasl 192.0.2.1', 'One failure'],
    ['banjour attempt postfix-sasl 192.0.2.1 3', 'Three at once'],
  ],
  exits: [[EXIT.no, 'the address is never banned, and was not counted']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const words = args.text('count') ?? '1';
  const count = /^\d{1,9}$/.test(words) ? Number(words) : 0;
  if (count < 1)
    throw new OperatorError(`not a number of failures: ${JSON.stringify(words)}`, {
      hint: 'write a whole number from 1, e.g. banjour attempt sshd 192.0.2.1 3',
    });
  const answer = await new ControlClient(controlSocket(paths)).attempt({
    jail: args.text('jail') ?? '',
    target: args.text('address') ?? '',
    count,
  });
  terminal.out(
    args.flag('json') ? `${JSON.stringify(answer)}\n` : `${escapeUntrusted(answer.message)}\n`,
  );
  return answer.outcome === 'ignored' ? EXIT.no : EXIT.ok;
}
