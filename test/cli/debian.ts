/** Debian packages that tests run programs of; unpacked into `.cache/`, never part of the project. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Mirrors hiccup. */
const CURL = ['-fsS', '-m', '60', '--retry', '5', '--retry-all-errors', '--retry-max-time', '240'];

/** The folder with the package's files, or why there is none. */
export function debianPackage(path: string): { readonly root: string } | { readonly reason: string } {
  const name = path.replace(/^.*\//, '').replace(/\.deb$/, '');
  const cache = join(process.cwd(), '.cache');
  const root = join(cache, name);
  if (existsSync(root)) return { root };
  mkdirSync(cache, { recursive: true });
  const deb = `${root}.${process.pid}.deb`;
  const url = `http://deb.debian.org/debian/pool/main/${path}`;
  const fetched = spawnSync('curl', [...CURL, '-o', deb, url]).status === 0;
  const unpacked = fetched && spawnSync('dpkg-deb', ['-x', deb, `${root}.${process.pid}`]).status === 0;
  rmSync(deb, { force: true });
  if (!unpacked) return { reason: `Debian's package ${name} cannot be downloaded` };
  try {
    renameSync(`${root}.${process.pid}`, root);
  } catch {
    rmSync(`${root}.${process.pid}`, { recursive: true, force: true });
  }
  return { root };
}
