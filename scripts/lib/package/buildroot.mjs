/**
 * The Debian 13 root file system in which packages are compiled and checked, so that they fit Debian's own Node and C
 * library whatever the host is. Built once and kept; a build works in a mount and network namespace of its own, on a
 * folder that is mounted at the same place every time.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digest } from '../digest.mjs';
import { fail, isRoot, persistently, quietly, say, since, tail, which } from '../run.mjs';

/** Beside the root file systems of the end-to-end suite. */
export const CACHE = process.env.BANJOUR_E2E_CACHE ?? '/var/cache/banjour-e2e';
const MIRROR = process.env.BANJOUR_E2E_MIRROR ?? 'http://deb.debian.org/debian';
const SUITE = 'trixie';
const PACKAGES = 'ca-certificates,cmake,dpkg-dev,g++,libnode-dev,libsystemd-dev,lintian,make,nodejs,python3'.split(',');
/** Older than this it is built anew, so that packages are compiled against Debian's updates, days. */
const AGE_DAYS_MAX = 30;
/** Where the work folder is mounted in the root. */
export const WORK = '/build';

/** Identifies what packages are compiled with. */
export const RECIPE = digest([], SUITE, ...PACKAGES).slice(0, 12);

function usable(root) {
  const stamp = join(root, '.built');
  return existsSync(stamp) && Date.now() - Number(readFileSync(stamp, 'utf8')) < AGE_DAYS_MAX * 86_400_000;
}

/** Sees to the root; returns its path. Needs root and, to build it, debootstrap and the mirror. */
export function buildRoot() {
  if (!isRoot)
    fail('the packages are compiled in a root file system of Debian 13, which needs root: sudo npm run package');
  const root = join(CACHE, `build-${SUITE}-${RECIPE}`);
  if (usable(root)) return root;
  if (which('debootstrap') === undefined) fail('debootstrap is missing: sudo apt-get install -y debootstrap');
  say(`debootstrap of ${SUITE} with compilers (some minutes, once)`);
  const start = performance.now();
  const debs = join(CACHE, 'debs');
  mkdirSync(debs, { recursive: true });
  const work = `${root}.building-${process.pid}`;
  const flags = ['--variant=minbase', `--cache-dir=${debs}`, `--include=${PACKAGES.join(',')}`];
  // A half-made root is no beginning: what was fetched is kept in `debs`.
  const made = persistently('debootstrap', () => {
    rmSync(work, { recursive: true, force: true });
    return quietly('debootstrap', [...flags, SUITE, work, MIRROR]);
  });
  if (!made.ok) {
    rmSync(work, { recursive: true, force: true });
    fail(`debootstrap\n${tail(made.output)}`);
  }
  mkdirSync(join(work, WORK), { recursive: true });
  writeFileSync(join(work, '.built'), `${Date.now()}\n`);
  rmSync(root, { recursive: true, force: true });
  renameSync(work, root);
  say(`root file system built in ${since(start)}`);
  return root;
}

/**
 * Runs a shell script in the root, with `folder` at `WORK`, without network and with a clean environment. Returns
 * whether it succeeded, and its output.
 */
export function inRoot(root, folder, script, env = {}) {
  const settings = Object.entries({
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: WORK,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...env,
  }).map(([name, value]) => `${name}=${value}`);
  const enter =
    'mount --bind "$1" "$0$2" && mount --bind /proc "$0/proc" && root=$0 && shift 2 && exec chroot "$root" "$@"';
  return quietly('unshare', [
    ...['--mount', '--net', 'sh', '-c', enter, root, folder, WORK],
    ...['env', '-i', ...settings, 'sh', '-euc', `cd ${WORK}; ${script}`],
  ]);
}
