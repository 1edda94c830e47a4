/**
 * The Debian 13 root file system in which packages are compiled and checked, so that they fit
 * Debian's own Node and C library whatever the host is. Built once and kept; a build works in a
 * mount and network namespace of its own, on a folder that is mounted at the same place every time.
 */
import { debianRoot, recipeOf } from '../debian-root.mjs';
import { quietly } from '../run.mjs';

const SUITE = 'trixie';
const PACKAGES =
  'ca-certificates cmake dpkg-dev g++ libnode-dev libsystemd-dev lintian make nodejs python3'.split(
    ' ',
  );
/** Where the work folder is mounted in the root. */
export const WORK = '/build';

/** Identifies what packages are compiled with. */
export const RECIPE = recipeOf(SUITE, PACKAGES);

/** Sees to the root; returns its path. Needs root and, to build it, debootstrap and the mirror. */
export const buildRoot = () => debianRoot(`build-${SUITE}`, SUITE, PACKAGES);

/**
 * Runs a shell script in the root, with `folder` at `WORK`, without network and with a clean
 * environment. Returns whether it succeeded, and its output.
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
    'mkdir -p "$0$2" && mount --bind "$1" "$0$2" && mount --bind /proc "$0/proc" && root=$0 && shift 2 && exec chroot "$root" "$@"';
  return quietly('unshare', [
    ...['--mount', '--net', 'sh', '-c', enter, root, folder, WORK],
    ...['env', '-i', ...settings, 'sh', '-euc', `cd ${WORK}; ${script}`],
  ]);
}
