/** `banjour advise`: which settings suit this host, by what its journal holds. */
import { resolve } from 'node:path';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { sinceOf } from '../../tools/arguments.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { askCompanion } from './web.js';

export const advise: CommandDefinition = {
  name: 'advise',
  summary: 'Say which settings suit this host, by what its journal holds',
  details: [
    "Reads this host's journal of the last 30 days, or the journal that is named (as replay does), once, and judges what the filters found under some thirty settings: maxretry, findtime, bantime, and the jail login on and off, with its points, its credit and without its single rules. It says how many guesses each would have let through, and which addresses of users it would have shut out, with their logins. Nothing is banned and no configuration is changed: at the end stand the lines to write into jail.local.",
    'A banned address writes no lines: whatever it would have done during a ban counts as stopped. Guesses that the bans of that time stopped are in no journal, so a setting that is laxer than the one in force then looks better than it is.',
    'A client is taken for one of a user when it logs in more often than it fails with names that never log in from there. One login shut out, and one such address banned, weigh like 50 guesses let through.',
  ],
  positionals: [
    {
      name: 'journal',
      describe: 'Journal file, directory, export file, or -',
      required: false,
      complete: 'files',
    },
  ],
  options: {
    since: {
      type: 'string',
      describe:
        "Only entries from this time on: 7d, or 2026-11-21T18:00 (default: 30d of this host's own journal)",
    },
    'for-web': {
      type: 'boolean',
      describe: 'Hand the table to the web page, which shows it as what-if',
    },
    with: {
      type: 'strings',
      describe: 'Configuration files to read after all others, e.g. a new jail.d/mail.conf',
      complete: 'files',
    },
  },
  honours: ['json', 'pager', 'config-dir', 'shipped-dir', 'run-dir'],
  examples: [
    ['banjour advise', "What would suit this host, by its journal's last 30 days"],
    ['banjour advise --for-web', 'The same for the web page'],
    ['banjour advise --since 7d --json', 'As data, with all settings and their lines'],
    ['ssh mail journalctl -o export --since -30d | banjour advise -', 'For another host'],
  ],
  run,
};

/** What is read of this host's own journal. */
const SINCE = '30d';

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const { advise: find } = await import('../../tools/advise/advise.js');
  const { adviceObject, adviceText } = await import('../../tools/advise/text.js');
  const { sourceOf } = await import('../../tools/replay/source.js');
  const stated = args.text('since');
  const { source, cleanup } = await sourceOf(args.text('journal'));
  try {
    const since = stated ?? (source.kind === 'local' ? SINCE : undefined);
    const json = args.flag('json');
    const advice = await find({
      configuration: { shippedRoot: paths.shipped, adminRoot: paths.config },
      extraFiles: args.list('with').map((path) => resolve(path)),
      source,
      terminal,
      progress: !json && (terminal.stderr as { isTTY?: boolean }).isTTY === true,
      ...(since === undefined ? {} : { since: sinceOf(since) }),
    });
    if (args.flag('for-web')) {
      await askCompanion(paths, '/web/what-if', adviceObject(advice));
      terminal.err('handed to the web page\n');
      return EXIT.ok;
    }
    terminal.out(
      json ? `${JSON.stringify(adviceObject(advice))}\n` : adviceText(advice, terminal.stdout),
    );
    return EXIT.ok;
  } finally {
    cleanup();
  }
}
