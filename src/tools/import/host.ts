/**
 * What an import asks of the host: which files of fail2ban's its package brought, and where mail
 * servers log to.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { Section } from '../../config/section.js';
import type { JailConfig } from '../../config/types.js';
import { IMPORT_ASK_MS } from '../../core/timeouts.js';
import type { IniDocument } from '../../ini/parse.js';
import { Report } from '../../ini/report.js';
import { filterOf } from './layers.js';
import type { EditedFile } from './text.js';

/**
 * Each program that knows where its service logs to; of several lines that say something the first
 * counts.
 */
const ASKED: readonly (readonly [MailLog['service'], string, readonly string[]])[] = [
  ['dovecot', 'doveconf', ['-h', 'info_log_path', 'log_path']],
  ['postfix', 'postconf', ['-xh', 'maillog_file']],
];

/**
 * Log files that services write themselves. A program that is not there, fails or does not answer
 * says nothing.
 */
export function serviceLogs(path = process.env['PATH'] ?? ''): MailLog[] {
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
 * Whether a file below fail2ban's folder is not what its Debian package brought; undefined where
 * that is not known (the folder is no installed package's).
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
  return sums.length === 0
    ? undefined
    : new Map(sums.map(([, name, sum]) => [name as string, sum as string]));
}

// Log files that a service writes itself: the journal has nothing of it, so its jails must read the
// file.

/** A service that was asked where it logs to. */
export interface MailLog {
  /** The first word of the names of its filters. */
  readonly service: 'dovecot' | 'postfix';
  readonly path: string;
  /** The command that said so. */
  readonly command: string;
}

/**
 * Folders that the unit hides from the agent (ProtectHome=, PrivateTmp=), and the line that shows
 * each.
 */
const HIDDEN_FOLDERS: readonly (readonly [RegExp, string])[] = [
  [/^\/(?:home|root|run\/user)\//, 'ProtectHome=read-only'],
  [/^\/(?:var\/)?tmp\//, 'PrivateTmp=no'],
];
const READ_FROM = ['backend', 'logpath', 'journalmatch', 'match'] as const;

/**
 * Lets jails read what their service writes. Returns what is to be said of jails that stand in no
 * file of the administrator.
 */
export function readServiceLogs(
  logs: readonly MailLog[],
  jails: readonly JailConfig[],
  theirs: IniDocument,
  files: readonly EditedFile[],
  report: Report,
): Map<string, readonly string[]> {
  const more = new Map<string, readonly string[]>();
  for (const jail of jails) {
    const log = logs.find((one) => isOf(one, jail.name, theirs));
    if (log === undefined || jail.source.kind !== 'journal' || jail.source.spec.kind !== 'local')
      continue;
    const lines = [`# ${log.command} says ${log.path}, so the journal does not have its lines.`];
    lines.push(`logpath = ${log.path}`, 'backend = polling');
    const own = files.filter((file) => file.has(jail.name));
    for (const file of own)
      for (const key of READ_FROM)
        file.setAside(jail.name, key, `${log.command} says ${log.path}, which is read instead`);
    const last = own.at(-1);
    if (last === undefined) more.set(jail.name, lines);
    else last.addTo(jail.name, lines);
    new Section(theirs, jail.name, report).note(
      'import.service-log',
      'logpath',
      `${log.service} writes ${log.path} itself (${log.command}), so the jail reads that file and not the journal`,
      `if the user banjour may not read it: setfacl -m u:banjour:r ${log.path} (docs/sources.md)`,
    );
  }
  return more;
}

/**
 * True when the jail is one of the service: by its name, by its filter's, or because it named that
 * file there.
 */
function isOf({ service, path }: MailLog, jail: string, theirs: IniDocument): boolean {
  const isNamed = (name: string) => new RegExp(`^${service}(?:[-._]|$)`).test(name);
  const files = new Section(theirs, jail, new Report())
    .lines('logpath')
    .map(({ text }) => text.replace(/\s+(?:head|tail)$/, ''));
  return isNamed(jail) || isNamed(filterOf(theirs, jail)) || files.includes(path);
}

/** Warns of files that the unit hides from the agent. */
export function warnHidden(
  jails: readonly JailConfig[],
  theirs: IniDocument,
  report: Report,
): void {
  for (const { name, source, ignorecommand } of jails) {
    const reader = new Section(theirs, name, report);
    const paths =
      source.kind === 'text' ? source.paths.map(({ path }) => ['logpath', path] as const) : [];
    const program =
      ignorecommand?.[0] === undefined ? [] : [['ignorecommand', ignorecommand[0]] as const];
    for (const [key, path] of [...paths, ...program]) {
      const line = HIDDEN_FOLDERS.find(([pattern]) => pattern.test(path))?.[1];
      if (line === undefined) continue;
      const fix = `systemctl edit banjour, and write ${line} below [Service]`;
      reader.warn('import.hidden', key, `the service does not see ${path}`, fix, path);
    }
  }
}
