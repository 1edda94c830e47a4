/**
 * What `banjour service install` puts where, for hosts without the Debian package. The texts are
 * the shipped ones; only the paths of Node and of this installation are written into the unit.
 */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT, OperatorError } from '../core/errors.js';
import { PACKAGE_ROOT } from '../setup/paths.js';

export interface PlacedFile {
  readonly path: string;
  readonly text: string;
  /** An administrator may edit it: never overwritten, removed by purge only. */
  readonly theirs: boolean;
}

/** Folders that the unit's ProtectHome= and PrivateTmp= hide from the agent. */
const HIDDEN = /^\/(?:home|root|run\/user|tmp|var\/tmp)(?:\/|$)/;

/** The agent first; the other runs only where an administrator enables it. */
export const UNITS: readonly [string, ...string[]] = [
  'banjour.service',
  'banjour-companion.service',
];
/** What 0.1.0 placed and this version does not: its banjour-notify and banjour-metrics are one. */
const FORMER_UNITS: readonly string[] = [
  '/etc/systemd/system/banjour-notify.service',
  '/etc/systemd/system/banjour-metrics.service',
];
/** The same, and the last to go: as long as it is there, the taking over is not done. */
const FORMER_MARK = '/etc/sysusers.d/banjour-notify.conf';
/** Users that the units run as. */
export const USERS: readonly string[] = ['banjour', 'banjour-companion'];
/** The systemd that knows RestartSteps=, systemd.service(5). */
const GROWING_PAUSE = 254;

/** Every file, with the absolute paths of a host whose systemd has the version `systemd`. */
export function serviceFiles(
  systemd: number,
  node: string = process.execPath,
  installation: string = PACKAGE_ROOT,
): PlacedFile[] {
  const shipped = (path: string) => readFileSync(join(installation, path), 'utf8');
  const ours = (path: string, text: string) => ({ path, text, theirs: false });
  const theirs = (path: string) => ({
    path,
    text: shipped(join('packaging/debian', path)),
    theirs: true,
  });
  return [
    ...UNITS.map((name) =>
      ours(
        `/etc/systemd/system/${name}`,
        unitFor(shipped(`systemd/${name}`), node, installation, systemd),
      ),
    ),
    ...USERS.map((name) =>
      ours(`/etc/sysusers.d/${name}.conf`, shipped(`systemd/sysusers.d/${name}.conf`)),
    ),
    ours('/usr/local/lib/systemd/catalog/banjour.catalog', shipped('systemd/banjour.catalog')),
    theirs('/etc/banjour/jail.d/host.conf'),
    theirs('/etc/banjour/banjour.d/host.conf'),
    theirs('/etc/logrotate.d/banjour'),
  ];
}

/**
 * The unit with `/usr/bin/banjour` replaced by this Node and this installation. A systemd that
 * cannot let the pause between failed starts grow gets a longer one instead.
 */
export function unitFor(unit: string, node: string, installation: string, systemd: number): string {
  const command = [node, join(installation, 'dist/src/main.js')].map(execWord).join(' ');
  const placed = unit.replace(
    /^(Exec\w+=-?)\/usr\/bin\/banjour\b/gm,
    (_, key: string) => `${key}${command}`,
  );
  if (systemd >= GROWING_PAUSE) return placed;
  return placed
    .replace(/^RestartSec=.*$/m, 'RestartSec=2s')
    .replace(/^#.*\nRestartSteps=.*\nRestartMaxDelaySec=.*\n/m, '');
}

/** The version of this host's systemd; 0 when it does not say. */
export function systemdVersion(): number {
  const { stdout } = spawnSync('systemctl', ['--version'], { encoding: 'utf8' });
  return Number(/^systemd (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}

/**
 * A word of an Exec line (systemd.service(5), "Command lines"; `%` is systemd.unit(5),
 * "Specifiers").
 */
function execWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * Throws `OperatorError` unless the user banjour, inside the unit's sandbox, can run this Node and
 * read this installation.
 */
export function requireVisible(
  node: string = process.execPath,
  installation: string = PACKAGE_ROOT,
): void {
  for (const path of [realpathSync(node), realpathSync(join(installation, 'dist/src/main.js'))]) {
    if (HIDDEN.test(path))
      throw new OperatorError(
        `the service could not see ${path}: its sandbox hides home and temporary folders`,
        {
          hint: 'install Node and Banjour for the whole system, e.g. Node from nodesource and, as root, npm install -g banjour',
          exitCode: EXIT.config,
        },
      );
    for (let at = path; at !== '/'; at = dirname(at)) {
      const needed = at === path ? 0o004 : 0o001;
      if ((statSync(at).mode & needed) === 0)
        throw new OperatorError(
          `the user banjour could not read ${path}: others have no access to ${at}`,
          {
            hint: `chmod o+rX ${at}`,
            exitCode: EXIT.noPermission,
          },
        );
    }
  }
}

/** True when the Debian package (or another) owns the unit. */
export function isPackaged(): boolean {
  return existsSync('/usr/lib/systemd/system/banjour.service');
}

/** Throws `OperatorError` unless the program can change the system. */
export function requireRoot(): void {
  try {
    accessSync('/etc/systemd/system', constants.W_OK);
  } catch (cause) {
    throw new OperatorError('services are installed and removed by root', {
      hint: 'sudo banjour service ...',
      exitCode: EXIT.noPermission,
      cause,
    });
  }
}

/**
 * Takes over what 0.1.0 left below `root`, by `handOver`; what that says, undefined where there is
 * nothing. Where it fails, or is interrupted, the next call does it again.
 */
export function takeOverFormer(handOver: () => string, root = ''): string | undefined {
  const units = FORMER_UNITS.map((path) => root + path);
  const mark = root + FORMER_MARK;
  if (![...units, mark].some((path) => existsSync(path))) return undefined;
  // Nobody starts them meanwhile.
  for (const path of units) rmSync(path, { force: true });
  const said = handOver();
  rmSync(mark, { force: true });
  return said;
}
