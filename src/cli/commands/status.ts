/** `banjour status`: the jails of the running agent, or one jail in detail. */
import type { CompanionView } from '../../companion/companion.js';
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { escapeUntrusted } from '../../core/text.js';
import { companionSocket, type Paths, statusSocket } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { jailText, statusText } from '../fail2ban/shapes.js';

export const status: CommandDefinition = {
  name: 'status',
  summary: 'Jails of the running agent, or one jail in detail',
  details: [
    "The text on standard output is fail2ban-client's to the byte, since scripts read it. Warnings (a jail that sees nothing, a journal that drops messages) go to standard error.",
    '--json says more: sources and how far behind they are, what each jail has seen and when last, firewall, demoted regexes, options set by hand, warnings, the parts of the companion. --long says it for people.',
  ],
  positionals: [{ name: 'jail', describe: 'A jail', required: false, complete: 'jails' }],
  options: {
    long: {
      type: 'boolean',
      alias: 'l',
      describe: 'Sources, lag, what each jail has seen, warnings',
    },
  },
  honours: ['json', 'pager', 'run-dir'],
  examples: [
    ['banjour status', 'How many jails, and which'],
    ['banjour status postfix-sasl', 'Failures, bans and the banned addresses of a jail'],
    ['banjour status --long', 'Is it working: what is read, how far behind, what was found'],
    ['banjour status --json | jq .sources', 'The same for scripts'],
  ],
  exits: [[EXIT.unavailable, 'no agent is running']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const client = new ControlClient(statusSocket(paths));
  const name = args.text('jail');
  if (name !== undefined) {
    const { jail, banned } = await client.jail({ jail: name });
    if (args.flag('json')) terminal.out(`${JSON.stringify({ ...jail, banned })}\n`);
    else
      terminal.out(
        jailText(
          jail,
          banned.map(({ target }) => target),
        ),
      );
    return EXIT.ok;
  }
  const view = await client.status();
  if (args.flag('json')) {
    const companion = await askCompanion(paths);
    terminal.out(`${JSON.stringify(companion === null ? view : { ...view, companion })}\n`);
  } else if (args.flag('long')) {
    const { longStatus } = await import('../status-long.js');
    terminal.out(longStatus(view, await askCompanion(paths), terminal));
  } else {
    terminal.out(statusText(view.jails.map(({ jail }) => jail)));
    for (const warning of view.warnings)
      terminal.err(`warning: ${escapeUntrusted(warning, 4096)}\n`);
  }
  return EXIT.ok;
}

/** What the companion says of itself; null when it does not run, or may not be asked. */
async function askCompanion(paths: Paths): Promise<CompanionView | null> {
  const client = new ControlClient(companionSocket(paths));
  return client.read<CompanionView>('/status').catch(() => null);
}
