/**
 * What `banjour service install` puts where, for hosts without the Debian package. The texts are the shipped ones; only
 * the paths of Node and of this installation are written into the unit.
 */
import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT, OperatorError } from '../core/errors.js';
import { PACKAGE_ROOT } from './paths.js';

export interface PlacedFile {
  readonly path: string;
  readonly text: string;
  /** An administrator may edit it: never overwritten, removed by purge only. */
  readonly theirs: boolean;
}

/** Folders that the unit's ProtectHome= and PrivateTmp= hide from the agent. */
const HIDDEN = /^\/(?:home|root|run\/user|tmp|var\/tmp)(?:\/|$)/;

/** Every file, with the absolute paths of a host. */
export function serviceFiles(node: string = process.execPath, installation: string = PACKAGE_ROOT): PlacedFile[] {
  const shipped = (path: string) => readFileSync(join(installation, path), 'utf8');
  const ours = (path: string, text: string) => ({ path, text, theirs: false });
  const theirs = (path: string) => ({ path, text: shipped(join('packaging/debian', path)), theirs: true });
  return [
    ours('/etc/systemd/system/banjour.service', unitFor(shipped('systemd/banjour.service'), node, installation)),
    ours('/etc/sysusers.d/banjour.conf', shipped('systemd/sysusers.d/banjour.conf')),
    ours('/usr/local/lib/systemd/catalog/banjour.catalog', shipped('systemd/banjour.catalog')),
    theirs('/etc/banjour/jail.local'),
    theirs('/etc/banjour/banjour.local'),
    theirs('/etc/logrotate.d/banjour'),
  ];
}

/** The unit with `/usr/bin/banjour` replaced by this Node and this installation. */
export function unitFor(unit: string, node: string, installation: string): string {
  const command = [node, join(installation, 'dist/src/main.js')].map(execWord).join(' ');
  return unit.replace(/^(Exec\w+=-?)\/usr\/bin\/banjour\b/gm, (_, key: string) => `${key}${command}`);
}

/** A word of an Exec line (systemd.service(5), "Command lines"; `%` is systemd.unit(5), "Specifiers"). */
function execWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * Throws `OperatorError` unless the user banjour, inside the unit's sandbox, can run this Node and read this
 * installation.
 */
export function requireVisible(node: string = process.execPath, installation: string = PACKAGE_ROOT): void {
  for (const path of [realpathSync(node), realpathSync(join(installation, 'dist/src/main.js'))]) {
    if (HIDDEN.test(path))
      throw new OperatorError(`the service could not see ${path}: its sandbox hides home and temporary folders`, {
        hint: 'install Node and Banjour for the whole system, e.g. Node from nodesource and, as root, npm install -g banjour',
        exitCode: EXIT.config,
      });
    for (let at = path; at !== '/'; at = dirname(at)) {
      const needed = at === path ? 0o004 : 0o001;
      if ((statSync(at).mode & needed) === 0)
        throw new OperatorError(`the user banjour could not read ${path}: others have no access to ${at}`, {
          hint: `chmod o+rX ${at}`,
          exitCode: EXIT.noPermission,
        });
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
