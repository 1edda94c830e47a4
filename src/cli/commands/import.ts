import { EXIT, type ExitCode } from '../../core/errors.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { controlSocket, ledgerFile } from '../paths.js';

export const importCommand: CommandDefinition = {
  name: 'import',
  summary: "Take over a host's fail2ban: its configuration, active bans and history",
  details: [
    'Writes a commented configuration below /etc/banjour (each value with the place it came from) and takes the bans over from fail2ban.sqlite3: those in force keep their end, past ones count for longer bans of repeat offenders. fail2ban itself is not touched. A jail that cannot be taken over is written commented out, with the reason, and keeps none of the others from it.',
    'With a running agent it is reloaded and the bans are in the kernel when the command returns; without one they are when it starts.',
    'May be repeated: what is known already is passed over, and files that would not change are no hindrance.',
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
    database: { type: 'string', describe: 'Its database (default: what the configuration says)', complete: 'files' },
    'dry-run': { type: 'boolean', describe: 'Only tell what would be written and taken over' },
    force: { type: 'boolean', describe: 'Replace files that exist; each is kept with the ending .before-import' },
    config: { type: 'boolean', default: true, describe: 'Take over the configuration; --no-config leaves it' },
    bans: { type: 'boolean', default: true, describe: 'Take over bans and history; --no-bans leaves them' },
  },
  examples: [
    ['banjour import --dry-run', 'What would happen'],
    ['banjour import /etc/fail2ban', 'Configuration, bans and history'],
    ['banjour import --no-config', 'Bans and history only'],
    [
      'banjour import && systemctl enable --now banjour && systemctl disable --now fail2ban',
      'The whole move: the agent is up before fail2ban goes',
    ],
  ],
  exits: [
    [EXIT.config, 'the result would not be a valid configuration; nothing was written'],
    [EXIT.cannotCreate, 'a file exists already (--force), or cannot be written'],
  ],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const { importFail2ban } = await import('../import.js');
  const database = args.text('database');
  return importFail2ban({
    from: args.text('folder') ?? '/etc/fail2ban',
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
  });
}
