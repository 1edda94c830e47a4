/**
 * Where things are on a host, and which version this is. Options of the same names override each
 * place.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Paths {
  /** Shipped defaults: filter.d, jail.d, jail.conf. */
  readonly shipped: string;
  /** The administrator's configuration; wins over shipped. */
  readonly config: string;
  /** Control sockets. */
  readonly run: string;
  /** Ledger. */
  readonly state: string;
}

/** Root of the package, seen from the built file `dist/src/setup/paths.js`. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Where a packaged agent finds its shipped configuration. */
const SHIPPED = '/usr/lib/banjour';

/** Where the Debian and RPM packages bring examples and documents. */
const DOCUMENTS = '/usr/share/doc/banjour';

/**
 * Where an example lies on this host, by its path below `examples`: the archive and the npm package
 * have it in their own folder.
 */
export function examplePath(name: string, root = PACKAGE_ROOT): string {
  const own = join(root, 'examples', name);
  return existsSync(own) ? own : join(DOCUMENTS, 'examples', name);
}

export function defaultPaths(): Paths {
  const own = join(PACKAGE_ROOT, 'config');
  return {
    shipped: existsSync(own) ? own : SHIPPED,
    config: '/etc/banjour',
    run: '/run/banjour',
    state: '/var/lib/banjour',
  };
}

export function controlSocket(paths: Paths): string {
  return join(paths.run, 'control.sock');
}

export function statusSocket(paths: Paths): string {
  return join(paths.run, 'status.sock');
}

/** Where the companion asks for a mail server. */
export function policySocket(paths: Paths): string {
  return join(paths.run, 'policy.sock');
}

/** Where the companion tells what other hosts decided. */
export function shareSocket(paths: Paths): string {
  return join(paths.run, 'share.sock');
}

/** The number of a group of this host; undefined before its package has made it. */
export function groupIdOf(name: string): number | undefined {
  const groups = existsSync('/etc/group') ? readFileSync('/etc/group', 'utf8') : '';
  const line = groups.split('\n').find((one) => one.startsWith(`${name}:`));
  return line === undefined ? undefined : Number(line.split(':')[2]);
}

/** Where the companion answers: beside the agent's directory, since it is another user's. */
export function companionSocket(paths: Pick<Paths, 'run'>): string {
  return join(`${paths.run}-companion`, 'companion.sock');
}

/** Where the companion keeps what its parts remember. */
export function companionState(paths: Paths): string {
  return `${paths.state}-companion`;
}

export function ledgerFile(paths: Paths): string {
  return join(paths.state, 'ledger.sqlite3');
}

let version: string | undefined;

/** The version of the package, from its package.json; read when first asked for. */
export function packageVersion(): string {
  version ??= (
    JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string }
  ).version;
  return version;
}
