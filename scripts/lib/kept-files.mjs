/**
 * Files that the scripts make or fetch once and keep for every clone on this machine: compiled
 * parts, files of the registry. Each folder of them is bounded: who keeps one more removes those
 * that nobody took for the longest time.
 */
import { readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** True when the file is there. It is the folder's newest then. */
export function takeFile(path) {
  try {
    const now = new Date();
    utimesSync(path, now, now);
    return true;
  } catch {
    return false;
  }
}

/** When somebody took it, ms since 1970; undefined when another run has just removed it. */
function lastTaken(path) {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}

/** What killed runs left half-made counts, and goes like the rest. */
function removeOldest(folder, most, keep) {
  const others = readdirSync(folder)
    .filter((name) => name !== keep)
    .map((name) => ({ path: join(folder, name), taken: lastTaken(join(folder, name)) ?? 0 }))
    .sort((a, b) => b.taken - a.taken);
  for (const { path } of others.slice(most - 1)) rmSync(path, { recursive: true, force: true });
}

/**
 * Gives a finished file its name, so that whoever looks meanwhile finds all of it or nothing. At
 * most `most` files stay in its folder.
 */
export function keepFile(finished, path, most) {
  renameSync(finished, path);
  takeFile(path);
  removeOldest(dirname(path), most, basename(path));
}
