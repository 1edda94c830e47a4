import { ControlClient } from '../../control/client.js';
import type { BanView } from '../../control/protocol.js';
import { parsePrefix } from '../../core/address.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { escapeUntrusted } from '../../core/text.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { statusSocket } from '../paths.js';
import { formatTable, formatTime, widthOf, zone } from '../terminal.js';

export const history: CommandDefinition = {
  name: 'history',
  summary: 'Bans of the past and the present, newest first',
  positionals: [
    { name: 'who', describe: 'An address, a prefix, or a jail', required: false, complete: 'jails-and-banned' },
  ],
  options: { limit: { type: 'number', describe: 'Rows at most', default: 50 } },
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
  const query = who === undefined ? {} : parsePrefix(who) === undefined ? { jail: who } : { address: who };
  const bans = await new ControlClient(statusSocket(paths)).history({
    ...query,
    limit: String(args.number('limit') ?? 50),
  });
  if (args.flag('json')) for (const ban of bans) terminal.out(`${JSON.stringify(ban)}\n`);
  else if (bans.length > 0) terminal.out(`${historyTable(bans, widthOf(terminal.stdout))}Times: ${zone()}\n`);
  return bans.length > 0 ? EXIT.ok : EXIT.no;
}

/** Bans as a table for people. */
export function historyTable(bans: readonly BanView[], width: number): string {
  const reported = bans.some(({ host }) => host !== undefined);
  return formatTable(
    [
      { title: 'Banned at' },
      { title: 'Jail' },
      { title: 'Address' },
      { title: 'Failures', align: 'right', optional: true },
      { title: 'Until' },
      { title: 'State', shrink: true },
      ...(reported ? [{ title: 'Reported by', shrink: true }] : []),
      { title: 'User', shrink: true, optional: true },
    ],
    bans.map((ban) => [
      formatTime(ban.time),
      ban.jail,
      ban.target,
      ban.origin === 'journal' ? String(ban.failures) : ban.origin,
      ban.until === null ? 'for good' : formatTime(ban.until),
      ban.ended === undefined ? ban.state : `${ban.ended.reason} ${formatTime(ban.ended.time)}`,
      ...(reported ? [escapeUntrusted(ban.host ?? '', 64)] : []),
      escapeUntrusted(ban.user ?? '', 64),
    ]),
    width,
  );
}
