import { ControlClient } from '../../control/client.js';
import type { AgentView, BanView, JailView } from '../../control/protocol.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { statusSocket } from '../paths.js';

export const status: CommandDefinition = {
  name: 'status',
  summary: 'Jails of the running agent, or one jail in detail',
  details: [
    "The text is fail2ban-client's to the byte, since scripts read it. --json says more: sources, lag, firewall, demoted regexes.",
  ],
  positionals: [{ name: 'jail', describe: 'A jail', required: false }],
  examples: [
    ['banjour status', 'How many jails, and which'],
    ['banjour status postfix-sasl', 'Failures, bans and the banned addresses of a jail'],
    ['banjour status --json | jq .sources', 'Whether the journal is read, and how far behind'],
  ],
  exits: [[EXIT.unavailable, 'no agent is running']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const client = new ControlClient(statusSocket(paths));
  const name = args.text('jail');
  if (name === undefined) {
    const view = await client.status();
    terminal.out(args.flag('json') ? `${JSON.stringify(view)}\n` : agentText(view));
  } else {
    const { jail, banned } = await client.jail(name);
    terminal.out(args.flag('json') ? `${JSON.stringify({ ...jail, banned })}\n` : jailText(jail, banned));
  }
  return EXIT.ok;
}

/** `fail2ban-client status`: one tab after each colon. */
export function agentText(view: AgentView): string {
  const names = view.jails.map((jail) => jail.jail).sort();
  return `Status\n|- Number of jail:\t${names.length}\n\`- Jail list:\t${names.join(', ')}\n`;
}

/** `fail2ban-client status JAIL`. */
export function jailText(jail: JailView, banned: readonly BanView[]): string {
  return [
    `Status for the jail: ${jail.jail}`,
    '|- Filter',
    `|  |- Currently failed:\t${jail.currentlyFailed}`,
    `|  |- Total failed:\t${jail.totalFailed}`,
    `|  \`- Journal matches:\t${jail.match}`,
    '`- Actions',
    `   |- Currently banned:\t${jail.currentlyBanned}`,
    `   |- Total banned:\t${jail.totalBanned}`,
    `   \`- Banned IP list:\t${banned.map((ban) => ban.target).join(' ')}`,
    '',
  ].join('\n');
}
