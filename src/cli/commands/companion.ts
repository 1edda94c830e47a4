/** `banjour companion`: the process that talks to the network, until a signal ends it. */
import { EXIT, type ExitCode } from '../../core/errors.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const companion: CommandDefinition = {
  name: 'companion',
  summary: 'All that talks to the network: mails, webhooks, the port of the metrics',
  details: [
    'systemd starts this (banjour-companion.service), as a user of its own without any capability. Its parts are switched on by the configuration; one that cannot start is tried again and holds up no other. Nothing that it waits for delays a ban. A reload starts anew only the parts whose configuration changed.',
    'notify tells people of bans. It runs when an action of a jail tells somebody, as in fail2ban: action = %(action_mwl)s, sendmail-whois-lines[...], slack[...], webhook[...], exec[...]; how to send stands in notify.conf (docs/notify.md). It remembers how far it is, so that a ban is told at least once, whoever was away.',
    'metrics serves the numbers for Prometheus on a port of the loopback, once companion.conf says so (docs/metrics.md). docs/companion.md has all of it.',
  ],
  options: {
    'dry-run': {
      type: 'boolean',
      describe: 'Only say what it would do, with the configuration as it is',
    },
  },
  honours: ['config-dir', 'shipped-dir', 'run-dir', 'state-dir'],
  examples: [
    [
      'banjour companion --dry-run',
      'Check companion.conf, notify.conf and the actions of the jails',
    ],
    ['systemctl enable --now banjour-companion', 'In service'],
  ],
  exits: [
    [
      EXIT.config,
      'the configuration has errors, or switches no part on; systemd does not try again',
    ],
  ],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const { runCompanion } = await import('../companion.js');
  return runCompanion({ paths, terminal, dryRun: args.flag('dry-run') });
}
