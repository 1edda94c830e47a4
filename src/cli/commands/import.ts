/** `banjour import`: takes over a host's fail2ban, makes the whole move, or the way back. */
import { resolve } from 'node:path';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { controlSocket, ledgerFile } from '../../setup/paths.js';
import type { ImportOptions } from '../../tools/import/import.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const importCommand: CommandDefinition = {
  name: 'import',
  summary: "Take over a host's fail2ban: its configuration, active bans and history",
  details: [
    "Writes the configuration below /etc/banjour (your files as they are; jail.conf with the differences in fail2ban's own files) and takes the bans over from fail2ban.sqlite3. Bans in force keep their end; past ones count for longer bans of repeat offenders. fail2ban itself is not touched. Settings that cannot be taken over are commented out with the reason; all others are taken over.",
    'If the agent runs, it is reloaded, and the bans are in the kernel when the command returns. If not, they are there once it starts.',
    '--switch makes the whole move without letting a banned host in: it takes over configuration and bans, checks what a start needs, starts Banjour (and banjour-companion, where jails send mails), makes sure that every ban of fail2ban is in the kernel, and only then stops and disables fail2ban. When a step fails, or at Ctrl-C, everything becomes what it was.',
    "--switch-back is the way back after such a move: it starts fail2ban, gives it the bans of Banjour (for the jail's bantime from now), and when that is in the kernel it stops and disables Banjour and removes its table. Bans that fail2ban cannot have in force stop it, unless --force gives them up. Files and history stay.",
    'May be repeated: it replaces the files that it wrote, says which jails and values are different, and takes over bans that are new. A file that you changed since is never replaced, unless --force keeps it with the ending .before-import.',
  ],
  positionals: [
    {
      name: 'folder',
      describe: "fail2ban's configuration (default: /etc/fail2ban)",
      required: false,
      complete: 'folders',
    },
  ],
  options: {
    database: {
      type: 'string',
      describe: 'Its database (default: what the configuration says)',
      complete: 'files',
    },
    'dry-run': { type: 'boolean', describe: 'Only tell what would be written and taken over' },
    force: {
      type: 'boolean',
      describe: 'Replace files that you changed; each is kept with the ending .before-import',
    },
    config: {
      type: 'boolean',
      default: true,
      describe: 'Take over the configuration; --no-config leaves it',
    },
    bans: {
      type: 'boolean',
      default: true,
      describe: 'Take over bans and history; --no-bans leaves them',
    },
    enable: {
      type: 'boolean',
      describe: 'Also start what sends mails, now and at every boot, where jails want them',
    },
    switch: {
      type: 'boolean',
      describe: 'The whole move, or none of it: fail2ban goes when Banjour protects the host',
    },
    'switch-back': {
      type: 'boolean',
      describe: "The whole way back: Banjour goes when fail2ban has Banjour's bans in force",
    },
  },
  honours: ['json', 'config-dir', 'shipped-dir', 'run-dir', 'state-dir'],
  examples: [
    ['banjour import --dry-run', 'What would happen'],
    ['banjour import /etc/fail2ban', 'Configuration, bans and history'],
    ['banjour import --no-config', 'Bans and history only'],
    [
      'banjour import --switch',
      'The whole move: Banjour has the bans in force before fail2ban goes',
    ],
    ['banjour import --switch-back', 'Back to fail2ban, with the bans in force'],
  ],
  exits: [
    [EXIT.config, 'the result would not be a valid configuration; nothing was written'],
    [
      EXIT.cannotCreate,
      'a file was changed since, or is not of an import (--force), or cannot be written',
    ],
    [EXIT.unavailable, '--switch or --switch-back cannot be done here; nothing was changed'],
    [
      EXIT.temporary,
      '--switch or --switch-back was interrupted and taken back, or another one is under way',
    ],
  ],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const { importFail2ban } = await import('../../tools/import/import.js');
  const database = args.text('database');
  const options: ImportOptions = {
    from: resolve(args.text('folder') ?? '/etc/fail2ban'),
    shipped: paths.shipped,
    target: paths.config,
    ledger: ledgerFile(paths),
    socket: controlSocket(paths),
    dryRun: args.flag('dry-run'),
    force: args.flag('force'),
    config: args.flag('config'),
    bans: args.flag('bans'),
    json: args.flag('json'),
    terminal,
    ...(database === undefined ? {} : { database }),
  };
  if (args.flag('switch') && args.flag('switch-back'))
    throw new OperatorError('--switch and --switch-back are opposite ways', {
      exitCode: EXIT.usage,
      hint: 'write --switch to move to Banjour, --switch-back to return to fail2ban',
    });
  if (args.flag('switch') || args.flag('switch-back')) {
    const { switchHere } = await import('../../tools/switch/here.js');
    return switchHere(paths, options, args.flag('switch') ? 'over' : 'back');
  }
  const code = await importFail2ban(options);
  if (args.flag('enable') && !options.dryRun) {
    const { enableCompanion } = await import('../../tools/switch/here.js');
    await enableCompanion(paths, options);
  }
  return code;
}
