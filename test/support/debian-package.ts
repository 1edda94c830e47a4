/**
 * Debian packages that tests run programs and read files of; unpacked into `.cache/`, never part of
 * the project.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A version that a point release has replaced is gone from the mirrors; Debian's archive keeps it.
 */
const MIRRORS = [
  'http://deb.debian.org/debian',
  'https://snapshot.debian.org/archive/debian/20260101T000000Z',
];

/** Mirrors hiccup. */
const CURL = ['-fsS', '-m', '60', '--retry', '5', '--retry-all-errors', '--retry-max-time', '240'];

/**
 * The folder with the files of the package at this path of the pool, e.g.
 * `f/fail2ban/fail2ban_1.1.0-8_all.deb`, or why there is none (no network, no dpkg).
 */
export function debianPackage(
  path: string,
): { readonly root: string } | { readonly reason: string } {
  const name = path.replace(/^.*\//, '').replace(/\.deb$/, '');
  const cache = join(process.cwd(), '.cache');
  const root = join(cache, name);
  if (existsSync(root)) return { root };
  mkdirSync(cache, { recursive: true });
  const scratch = `${root}.${process.pid}`;
  const deb = `${scratch}.deb`;
  const fetched = MIRRORS.some(
    (mirror) => spawnSync('curl', [...CURL, '-o', deb, `${mirror}/pool/main/${path}`]).status === 0,
  );
  const unpacked = fetched && spawnSync('dpkg-deb', ['-x', deb, scratch]).status === 0;
  rmSync(deb, { force: true });
  if (!unpacked) return { reason: `Debian's package ${name} cannot be downloaded` };
  try {
    renameSync(scratch, root);
  } catch {
    // Another test process was faster; its copy is as good.
    rmSync(scratch, { recursive: true, force: true });
  }
  return { root };
}
