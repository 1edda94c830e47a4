/**
 * Which kept root file systems are good, and which may go. Several runs share the folder, from
 * other clones and from other process namespaces, so what nobody took for a day is what may go:
 * neither a process number nor this namespace's mounts tell who uses a root. Used before anything
 * is installed, and by the end-to-end suite.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const DAY_MS = 86_400_000;
/** Older than this a root is built anew, so that it follows Debian's updates, days. */
const AGE_DAYS_MAX = 30;
/** What was not taken for so long is used by nobody: the longest run takes hours. */
const IDLE_DAYS_MAX = 1;

/** Its text is when the root was built, its time when the root was last taken. */
const stampOf = (root) => join(root, '.built');

/** True when `root` is there and not too old. From then on it stays for a day, whoever builds. */
export function takeKept(root) {
  try {
    const now = new Date();
    const built = Number(readFileSync(stampOf(root), 'utf8'));
    if (now.getTime() - built >= AGE_DAYS_MAX * DAY_MS) return false;
    utimesSync(stampOf(root), now, now);
    return true;
  } catch {
    return false;
  }
}

/** Where a root is built before it gets its name: a place of this build alone. */
export const workplaceOf = (root) => `${root}.building-${randomBytes(6).toString('hex')}`;

/** When somebody took it, or worked on it, ms since 1970. */
function lastTaken(root) {
  for (const path of [stampOf(root), root])
    try {
      return statSync(path).mtimeMs;
    } catch {
      // Not built to its end, or gone meanwhile.
    }
  return 0;
}

/**
 * Removes what other recipes or killed builds left of the roots with the name of `keep`, unless
 * somebody took it within the last day.
 */
function removeIdle(keep) {
  const name = basename(keep).replace(/-[0-9a-f]{12}$/, '');
  const others = new RegExp(`^${name}-[0-9a-f]{12}(?:\\.(?:building|former)-[0-9a-f]+)?$`);
  for (const entry of readdirSync(dirname(keep))) {
    const path = join(dirname(keep), entry);
    if (path === keep || !others.test(entry)) continue;
    if (Date.now() - lastTaken(path) > IDLE_DAYS_MAX * DAY_MS)
      rmSync(path, { recursive: true, force: true });
  }
}

/**
 * Gives the root that was built in `work` its name, and removes idle ones. One that has the name
 * already is only moved aside: machines may run on it.
 */
export function keepRoot(work, root) {
  try {
    renameSync(root, `${root}.former-${randomBytes(6).toString('hex')}`);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  try {
    renameSync(work, root);
  } catch (error) {
    // Another run has built the same a moment ago.
    if (!['ENOTEMPTY', 'EEXIST'].includes(error.code) || !takeKept(root)) throw error;
    rmSync(work, { recursive: true, force: true });
  }
  removeIdle(root);
}
