/** `banjour replay`: stored entries are judged as the agent would have judged them. */
import { resolve } from 'node:path';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { ledgerFile } from '../../setup/paths.js';
import { sinceOf } from '../../tools/arguments.js';
import { widthOf } from '../../tools/terminal.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const replay: CommandDefinition = {
  name: 'replay',
  summary: 'Judge stored entries as the agent would have: which failures, which bans',
  details: [
    "Reads a journal file, a directory of them, an export stream (journalctl -o export; also .gz), or - for one on standard input. Without an argument it reads this host's journal. Time is the journal's: bans begin and end in it. Own addresses, gateways and logged-in administrators are not exempted, since the entries are of another time and perhaps another host.",
    'Nothing is banned, unless --into-kernel is given: then the bans go into nftables of the network namespace that the command runs in.',
    "At the end: bans over time, by jail, banned addresses that also logged in (likely mistakes), and, for this host's own journal, how that differs from what the agent did, by its ledger. --with tries out a configuration before it is put in place.",
    'With --json each event is one object per line: {"event":"found"|"ban"|"unban"|"ignored","time","jail","address","user","count","until","cursor"}.',
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
    maxretry: { type: 'number', describe: "Instead of each jail's own" },
    findtime: { type: 'string', describe: "Instead of each jail's own: 600, 10m, 1h" },
    bantime: { type: 'string', describe: "Instead of each jail's own: 600, 10m, -1" },
    ipv6prefix: { type: 'number', describe: "Instead of each jail's own: 64, 128" },
    jail: { type: 'strings', describe: 'Only these jails, enabled or not', complete: 'jails' },
    since: {
      type: 'string',
      describe: 'Only entries from this time on: 2h, 7d, or 2026-11-21T18:00',
    },
    with: {
      type: 'strings',
      describe: 'Configuration files to read after all others, e.g. a new jail.d/mail.conf',
      complete: 'files',
    },
    ledger: {
      type: 'string',
      describe: "Compare with the bans of this ledger (default: this host's, for its own journal)",
      complete: 'files',
    },
    summary: {
      type: 'boolean',
      describe: 'With --json: one more object at the end, with all that the text says',
    },
    'into-kernel': {
      type: 'boolean',
      describe: "Put the bans into nftables; show the kernel's set at the end",
    },
    quiet: { type: 'boolean', alias: 'q', describe: 'Only the summary' },
  },
  honours: ['json', 'pager', 'config-dir', 'shipped-dir', 'state-dir'],
  examples: [
    ['banjour replay', "What the jails make of this host's journal"],
    [
      'banjour replay --since 7d --with ./new.conf -q',
      'What a new jail would have done in the last week',
    ],
    ['banjour replay /var/log/journal --maxretry 5 --json', 'As data, with another maxretry'],
    ['journalctl -o export --since -1d | banjour replay -', 'From another command'],
    ['ssh mail journalctl -o export --since -7d | banjour replay - --quiet', 'From another host'],
  ],
  run,
};

async function run({ args, terminal, live, paths }: CommandContext): Promise<ExitCode> {
  const { runReplay } = await import('../../tools/replay/service.js');
  const { sourceOf } = await import('../../tools/replay/source.js');
  const { CHART_MARGIN, whatIfSummary, whatIfText } = await import('../../tools/replay/text.js');
  const { source, cleanup } = await sourceOf(args.text('journal'));
  const jails = args.list('jail');
  const since = args.text('since');
  const json = args.flag('json');
  const ledger = args.text('ledger');
  try {
    const outcome = await runReplay({
      configuration: { shippedRoot: paths.shipped, adminRoot: paths.config },
      source,
      terminal: live,
      json,
      quiet: args.flag('quiet'),
      intoKernel: args.flag('into-kernel'),
      jails,
      extraFiles: args.list('with').map((path) => resolve(path)),
      binsMax: widthOf(terminal.stdout) - CHART_MARGIN,
      ...(ledger !== undefined
        ? { history: { path: ledger, must: true } }
        : source.kind === 'local'
          ? { history: { path: ledgerFile(paths), must: false } }
          : {}),
      overrides: Object.fromEntries(
        ['maxretry', 'findtime', 'bantime', 'ipv6prefix'].flatMap((key) => {
          const value = args.number(key) ?? args.text(key);
          return value === undefined ? [] : [[key, String(value)]];
        }),
      ),
      ...(since === undefined ? {} : { since: sinceOf(since) }),
    });
    if (!json) terminal.out(whatIfText(outcome, terminal, { brief: args.flag('quiet') }));
    else if (args.flag('summary'))
      terminal.out(`${JSON.stringify({ summary: whatIfSummary(outcome) })}\n`);
    return EXIT.ok;
  } finally {
    cleanup();
  }
}
