/**
 * The Debian 13 root file system in which packages are compiled and checked, so that they fit
 * Debian's own Node and C library whatever the host is. Built once and kept; a build works in a
 * mount and network namespace of its own, on a folder that is mounted at the same place every time.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
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

/** Mounts what a build needs in the root `$0`, then runs the rest of the words in it. */
const ENTER = `
mkdir -p "$0$2"; mount --bind "$1" "$0$2"; mount --bind /proc "$0/proc"
for place in /tmp /var/tmp; do mount --bind "$3" "$0$place"; done
root=$0; shift 3
exec chroot "$root" "$@"`;

/**
 * Runs a shell script in the root, with `folder` at `WORK`, without network and with a clean
 * environment, and with folders for temporary files of its own, since other builds use the root at the
 * same time. Returns whether it succeeded, and its output.
 */
export function inRoot(root, folder, script, env = {}) {
  const settings = Object.entries({
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: WORK,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ...env,
  }).map(([name, value]) => `${name}=${value}`);
  const temporary = mkdtempSync('/var/tmp/banjour-build-');
  chmodSync(temporary, 0o1777);
  try {
    return quietly('unshare', [
      ...['--mount', '--net', 'sh', '-euc', ENTER, root, folder, WORK, temporary],
      ...['env', '-i', ...settings, 'sh', '-euc', `cd ${WORK}; ${script}`],
    ]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
