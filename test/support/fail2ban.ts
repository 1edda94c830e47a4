/**
 * fail2ban itself, unpacked from Debian's package into `.cache/`, for comparing with it. Nothing of it is part of the
 * project. Undefined with the reason when it cannot be had (no network, no dpkg).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Debian 12 and 13. */
export const FAIL2BAN_VERSIONS = ['1.0.2-2', '1.1.0-8'] as const;

const POOL = 'http://deb.debian.org/debian/pool/main/f/fail2ban';

/** Mirrors hiccup. */
const CURL = ['-fsS', '-m', '60', '--retry', '5', '--retry-all-errors', '--retry-max-time', '240'];

/** The folder with the package's `etc` and `usr`, or why there is none. */
export function fail2banPackage(version: string): { root: string } | { reason: string } {
  const cache = join(process.cwd(), '.cache');
  const root = join(cache, `fail2ban-${version}`);
  if (existsSync(join(root, 'etc/fail2ban/jail.conf'))) return { root };
  mkdirSync(cache, { recursive: true });
  const deb = join(cache, `fail2ban-${version}.${process.pid}.deb`);
  const scratch = `${root}.${process.pid}`;
  const fetched = spawnSync('curl', [...CURL, '-o', deb, `${POOL}/fail2ban_${version}_all.deb`]);
  const unpacked = fetched.status === 0 && spawnSync('dpkg-deb', ['-x', deb, scratch]).status === 0;
  rmSync(deb, { force: true });
  if (!unpacked) return { reason: `Debian's package fail2ban ${version} cannot be downloaded` };
  try {
    renameSync(scratch, root);
  } catch {
    // Another test process was faster; its copy is as good.
    rmSync(scratch, { recursive: true, force: true });
  }
  return { root };
}
