/** `banjour ban`: addresses and prefixes are banned at once, by hand. */
import { ControlClient } from '../../control/client.js';
import type { ChangeAnswer } from '../../control/protocol.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { escapeUntrusted } from '../../core/text.js';
import { controlSocket } from '../../setup/paths.js';
import { bantimeOf, targetsOf } from '../../tools/arguments.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { whoTypes } from '../who.js';

export const ban: CommandDefinition = {
  name: 'ban',
  summary: 'Ban addresses or prefixes now',
  details: [
    'The ban is written to the ledger and put into the kernel before the command returns. Addresses that are never to be banned (ignoreip, own addresses, gateways) and very wide prefixes need --force.',
  ],
  positionals: [
    {
      name: 'jail',
      describe: 'The jail to ban in: its ports are closed',
      required: true,
      complete: 'jails',
    },
    { name: 'address', describe: 'Addresses or prefixes', required: true, many: true },
  ],
  options: {
    bantime: {
      type: 'string',
      describe: "How long: 600, 10m, 1d12h, -1 for good (default: the jail's)",
    },
    force: {
      type: 'boolean',
      describe: 'Also allowed addresses and prefixes wider than /8 (IPv4) or /32 (IPv6)',
    },
  },
  honours: ['json', 'run-dir'],
  examples: [
    ['banjour ban sshd 192.0.2.1', "Ban one address for the jail's bantime"],
    [
      'banjour ban postfix-sasl 198.51.100.0/24 2001:db8::/64 --bantime 1d',
      'Ban two prefixes for a day',
    ],
    ['banjour ban postfix-sasl 203.0.113.9 --bantime -1', 'Ban for good'],
  ],
  exits: [[EXIT.no, 'at least one address was not banned']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const bantime = args.text('bantime');
  const answer = await new ControlClient(controlSocket(paths)).ban({
    jail: args.text('jail') ?? '',
    targets: targetsOf(args.list('address')),
    force: args.flag('force'),
    by: whoTypes(terminal.env),
    ...(bantime === undefined ? {} : { bantimeSeconds: bantimeOf(bantime) }),
  });
  tellChange(answer, { args, terminal });
  return answer.results.every((result) => result.done) ? EXIT.ok : EXIT.no;
}

/** Says how many bans changed, and why others did not. */
export function tellChange(
  answer: ChangeAnswer,
  { args, terminal }: Pick<CommandContext, 'args' | 'terminal'>,
): void {
  const told = args.flag('json') ? JSON.stringify(answer) : answer.changed;
  terminal.out(`${told}\n`);
  if (args.flag('json')) return;
  for (const { done, target, message } of answer.results)
    if (!done) terminal.err(`${escapeUntrusted(target)}: ${escapeUntrusted(message)}\n`);
}
