/** What an import asks of the host: which files of fail2ban's its package brought, and where mail servers log to. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import type { ServiceLog } from '../../config/importlogs.js';
import { IMPORT_ASK_MS } from '../../core/limits.js';

/** Each program that knows where its service logs to; of several lines that say something the first counts. */
const ASKED: readonly (readonly [ServiceLog['service'], string, readonly string[]])[] = [
  ['dovecot', 'doveconf', ['-h', 'info_log_path', 'log_path']],
  ['postfix', 'postconf', ['-xh', 'maillog_file']],
];

/** Log files that services write themselves. A program that is not there, fails or does not answer says nothing. */
export function serviceLogs(path = process.env['PATH'] ?? ''): ServiceLog[] {
  return ASKED.flatMap(([service, program, words]) => {
    const { status, stdout } = spawnSync(program, words, {
      encoding: 'utf8',
      timeout: IMPORT_ASK_MS,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C', PATH: `${path}:/usr/sbin:/sbin` },
    });
    const said = status === 0 ? stdout.split('\n').map((line) => line.trim()) : [];
    const file = said.find((line) => line !== '');
    // A device is the standard output of a container, which its runtime logs.
    if (file === undefined || !/^\/(?!dev\/)[^\s%$]*$/.test(file)) return [];
    return [{ service, path: file, command: [program, ...words].join(' ') }];
  });
}

/**
 * Whether a file below fail2ban's folder is not what its Debian package brought; undefined where that is not known (the
 * folder is no installed package's).
 */
export function changedSinceInstalled(folder: string): (name: string) => boolean | undefined {
  const path = normalize(folder).replace(/(?<=.)\/$/, '');
  const root = path.endsWith('/etc/fail2ban') ? path.slice(0, -'/etc/fail2ban'.length) : undefined;
  const sums = root === undefined ? undefined : conffiles(join(root, '/var/lib/dpkg/status'));
  return (name) => {
    if (sums === undefined) return undefined;
    const sum = sums.get(`/etc/fail2ban/${name}`);
    if (sum === undefined) return true;
    try {
      return (
        createHash('md5')
          .update(readFileSync(join(path, name)))
          .digest('hex') !== sum
      );
    } catch {
      // What cannot be read is told where it is read for its own sake.
      return undefined;
    }
  };
}

/** The configuration files of the installed package and their checksums, as dpkg knows them. */
function conffiles(status: string): ReadonlyMap<string, string> | undefined {
  let text: string;
  try {
    text = readFileSync(status, 'utf8');
  } catch {
    return undefined;
  }
  const stanza = /^Package: fail2ban\n(?:.+\n)*/m.exec(text)?.[0];
  const sums = [...(stanza ?? '').matchAll(/^ (\/etc\/fail2ban\/\S+) ([0-9a-f]{32})\b/gm)];
  return sums.length === 0 ? undefined : new Map(sums.map(([, name, sum]) => [name as string, sum as string]));
}
