/** `banjour run`: the agent itself, which systemd starts; or its dry run. */
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { LOG_LEVELS, type LogLevel } from '../../core/log.js';
import {
  controlSocket,
  groupIdOf,
  ledgerFile,
  packageVersion,
  policySocket,
  shareSocket,
  statusSocket,
} from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const run: CommandDefinition = {
  name: 'run',
  summary: 'The agent: read the journal, judge, ban; until it is told to stop',
  details: [
    'systemd starts this (banjour.service). Bans stay in the kernel when it stops. SIGTERM and SIGINT end it.',
    '--dry-run reads and decides as ever and shows the batches that it would send, but leaves the kernel and the ledger alone.',
  ],
  options: {
    'dry-run': {
      type: 'boolean',
      describe: 'Show what would be done to the kernel instead of doing it',
    },
    'log-level': {
      type: 'string',
      describe: 'Least severe lines that are logged (default: loglevel of the configuration)',
      choices: LOG_LEVELS,
    },
  },
  honours: ['config-dir', 'shipped-dir', 'run-dir', 'state-dir'],
  examples: [
    ['banjour run', 'In the foreground, as root'],
    ['banjour run --dry-run', 'Watch what it would do on this host'],
  ],
  exits: [
    [
      EXIT.config,
      'the configuration has errors, and none was in force before; systemd does not try again',
    ],
    [EXIT.noPermission, 'the journal or the kernel is not accessible'],
  ],
  run: runAgent,
};

async function runAgent({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const level = args.text('log-level') as LogLevel | undefined;
  if (level !== undefined && !LOG_LEVELS.includes(level))
    throw new OperatorError(`no such log level: ${JSON.stringify(level)}`, {
      hint: `write one of ${LOG_LEVELS.join(', ')}`,
    });
  const configured = (await import('../../agent/memory.js')).optimiseLess();
  // The reader's thread loads its modules while this one does.
  (await import('../../agent/intake/thread.js')).prepareThread();
  const { runService } = await import('../../agent/service.js');
  return runService({
    configuration: { shippedRoot: paths.shipped, adminRoot: paths.config },
    ledgerPath: args.flag('dry-run') ? ':memory:' : ledgerFile(paths),
    sockets: {
      control: controlSocket(paths),
      status: statusSocket(paths),
      policy: policySocket(paths),
      share: shareSocket(paths),
      companionGroupId: companionGroup(),
    },
    dryRun: args.flag('dry-run'),
    stderr: terminal.stderr,
    out: (text) => terminal.out(text),
    env: terminal.env,
    version: packageVersion(),
    configured,
    ...(level === undefined ? {} : { logLevel: level }),
  });
}

/** The companion's group, where this process may give it a socket. */
function companionGroup(): number | undefined {
  const id = groupIdOf('banjour-companion');
  if (id === undefined) return undefined;
  return process.getuid?.() === 0 || process.getgroups?.().includes(id) === true ? id : undefined;
}
