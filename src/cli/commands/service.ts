/** `banjour service`: installs or removes the systemd service where no package does. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { PACKAGE_ROOT } from '../../setup/paths.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import {
  isPackaged,
  type PlacedFile,
  requireRoot,
  requireVisible,
  serviceFiles,
  systemdVersion,
  takeOverFormer,
  UNITS,
  USERS,
} from '../service-files.js';
import { flush } from './flush.js';

const [UNIT, ...OTHERS] = UNITS;
const SYSUSERS = USERS.map((name) => `/etc/sysusers.d/${name}.conf`);
/** Where an administrator's own files go, as the Debian package has them. */
const CONFIG_FOLDERS = [
  '/etc/banjour/jail.d',
  '/etc/banjour/banjour.d',
  '/etc/banjour/filter.d',
  '/etc/banjour/action.d',
];

export const service: CommandDefinition = {
  name: 'service',
  summary: 'Install or remove the systemd service, where no package of the distribution does',
  details: [
    'For installations by npm. install places the unit, the user, the message catalog, completion for bash, zsh and fish and, unless they are there, commented files under /etc/banjour, then enables and starts the service. Run it again after an update. With fail2ban active it starts nothing and says how to switch.',
    'remove stops the service and removes all of that and the table in the kernel; --purge also the configuration, the ledger, logs and the user.',
  ],
  positionals: [
    {
      name: 'action',
      describe: 'install or remove',
      required: true,
      complete: ['install', 'remove'],
    },
  ],
  options: {
    purge: { type: 'boolean', describe: 'remove: configuration, ledger, logs and user, too' },
    start: {
      type: 'boolean',
      default: true,
      describe: 'install: start the service; --no-start places the files only',
    },
  },
  honours: [],
  examples: [
    [
      'npm install -g banjour && banjour service install',
      'Protect a host that has no package of Banjour',
    ],
    [
      'banjour service remove && npm uninstall -g banjour',
      'Leave nothing but the configuration and the ledger',
    ],
  ],
  exits: [[EXIT.noPermission, 'only root can']],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const action = context.args.text('action');
  if (action !== 'install' && action !== 'remove')
    throw new OperatorError(`no such action: ${JSON.stringify(action)}`, {
      hint: 'banjour service install   or   banjour service remove',
    });
  if (isPackaged())
    throw new OperatorError('the service belongs to a package of this distribution', {
      hint: 'apt install banjour, apt remove banjour',
    });
  requireRoot();
  return action === 'install' ? install(context) : remove(context);
}

async function install(context: CommandContext): Promise<ExitCode> {
  const { args, terminal } = context;
  requireVisible();
  for (const { path, text, theirs } of await placedFiles(context)) {
    if (theirs && existsSync(path)) continue;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, text, { mode: 0o644 });
    terminal.out(`${path}\n`);
  }
  for (const folder of CONFIG_FOLDERS) mkdirSync(folder, { recursive: true, mode: 0o755 });
  terminal.out(takeOverFormer(handOverFormer) ?? '');
  must('systemd-sysusers', ...SYSUSERS);
  if (!existsSync('/run/systemd/system')) {
    terminal.out('systemd does not run here: nothing is started\n');
    return EXIT.ok;
  }
  must('systemctl', 'daemon-reload');
  must('journalctl', '--update-catalog');
  if (!args.flag('start')) return EXIT.ok;
  if (succeeds('systemctl', '--quiet', 'is-active', UNIT)) {
    must('systemctl', 'restart', UNIT);
    must('systemctl', 'try-restart', ...OTHERS);
    terminal.out('The new version runs; the bans were in force throughout.\n');
  } else if (succeeds('systemctl', '--quiet', 'is-active', 'fail2ban')) {
    terminal.out(
      'fail2ban protects this host already, so Banjour was NOT started: both would ban the same hosts. To switch:\n' +
        '    banjour import --switch\n',
    );
  } else {
    must('systemctl', 'enable', '--now', UNIT);
    terminal.out('Banjour runs, and will at every boot: banjour status\n');
  }
  return EXIT.ok;
}

/** What an installation of 0.1.0 left: users, state, and what was enabled. */
function handOverFormer(): string {
  const script = `. "$0"; former_stop; systemd-sysusers "$@"
[ ! -d /run/systemd/system ] || systemctl daemon-reload
former_hand_over`;
  const functions = join(PACKAGE_ROOT, 'systemd/former-units.sh');
  return must('sh', '-euc', script, functions, ...SYSUSERS);
}

async function remove(context: CommandContext): Promise<ExitCode> {
  const purge = context.args.flag('purge');
  if (existsSync('/run/systemd/system')) succeeds('systemctl', 'disable', '--now', ...UNITS);
  await flush.run(context);
  for (const { path, theirs } of await placedFiles(context))
    if (!theirs || purge) rmSync(path, { force: true });
  if (purge) {
    const states = USERS.map((name) => `/var/lib/${name}`);
    for (const path of ['/etc/banjour', '/var/log/banjour', ...states])
      rmSync(path, { recursive: true, force: true });
    // The group of the first has the second as a member, so the second goes first.
    for (const name of [...USERS].reverse()) succeeds('userdel', name);
  }
  if (existsSync('/run/systemd/system')) {
    must('systemctl', 'daemon-reload');
    must('journalctl', '--update-catalog');
  }
  context.terminal.out(
    purge
      ? 'Nothing is left but the program.\n'
      : 'Kept: /etc/banjour and the ledger (--purge removes them).\n',
  );
  return EXIT.ok;
}

/** All that install places. */
async function placedFiles({ commands }: CommandContext): Promise<PlacedFile[]> {
  const { completionFiles } = await import('../completion/scripts.js');
  return [...serviceFiles(systemdVersion()), ...completionFiles(await commands())];
}

function succeeds(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/**
 * Runs a program of the system; returns what it says. Throws `OperatorError` with its words when it
 * fails.
 */
function must(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return stdout;
  throw new OperatorError(`${[program, ...args].join(' ')}: ${error?.message ?? stderr.trim()}`, {
    hint: args.includes(UNIT) ? 'journalctl -u banjour -n 20' : 'banjour doctor',
    exitCode: EXIT.osError,
  });
}
