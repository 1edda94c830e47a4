/** Log files that a service writes itself: the journal has nothing of it, so its jails must read the file. */
import type { IniDocument } from '../ini/document.js';
import { Report } from '../ini/report.js';
import { filterOf } from './importbase.js';
import type { EditedFile } from './importtext.js';
import { Reader } from './reader.js';
import type { JailConfig } from './types.js';

/** A service that was asked where it logs to. */
export interface ServiceLog {
  /** The first word of the names of its filters. */
  readonly service: 'dovecot' | 'postfix';
  readonly path: string;
  /** The command that said so. */
  readonly command: string;
}

/** Folders that the unit hides from the agent (ProtectHome=, PrivateTmp=), and the line that shows each. */
const HIDDEN_FOLDERS: readonly (readonly [RegExp, string])[] = [
  [/^\/(?:home|root|run\/user)\//, 'ProtectHome=read-only'],
  [/^\/(?:var\/)?tmp\//, 'PrivateTmp=no'],
];
const READ_FROM = ['backend', 'logpath', 'journalmatch', 'match'] as const;

/**
 * Lets jails read what their service writes. Returns what is to be said of jails that stand in no file of the
 * administrator.
 */
export function readServiceLogs(
  logs: readonly ServiceLog[],
  jails: readonly JailConfig[],
  theirs: IniDocument,
  files: readonly EditedFile[],
  report: Report,
): Map<string, readonly string[]> {
  const more = new Map<string, readonly string[]>();
  for (const jail of jails) {
    const log = logs.find((one) => isOf(one, jail.name, theirs));
    if (log === undefined || jail.source.kind !== 'journal' || jail.source.spec.kind !== 'local') continue;
    const lines = [`# ${log.command} says ${log.path}, so the journal does not have its lines.`];
    lines.push(`logpath = ${log.path}`, 'backend = polling');
    const own = files.filter((file) => file.has(jail.name));
    for (const file of own)
      for (const key of READ_FROM)
        file.setAside(jail.name, key, `${log.command} says ${log.path}, which is read instead`);
    const last = own.at(-1);
    if (last === undefined) more.set(jail.name, lines);
    else last.addTo(jail.name, lines);
    new Reader(theirs, jail.name, report).note(
      'import.service-log',
      'logpath',
      `${log.service} writes ${log.path} itself (${log.command}), so the jail reads that file and not the journal`,
      `if the user banjour may not read it: setfacl -m u:banjour:r ${log.path} (docs/sources.md)`,
    );
  }
  return more;
}

/** True when the jail is one of the service: by its name, by its filter's, or because it named that file there. */
function isOf({ service, path }: ServiceLog, jail: string, theirs: IniDocument): boolean {
  const isNamed = (name: string) => new RegExp(`^${service}(?:[-._]|$)`).test(name);
  const files = new Reader(theirs, jail, new Report())
    .lines('logpath')
    .map(({ text }) => text.replace(/\s+(?:head|tail)$/, ''));
  return isNamed(jail) || isNamed(filterOf(theirs, jail)) || files.includes(path);
}

/** Warns of files that the unit hides from the agent. */
export function warnHidden(jails: readonly JailConfig[], theirs: IniDocument, report: Report): void {
  for (const { name, source, ignorecommand } of jails) {
    const reader = new Reader(theirs, name, report);
    const paths = source.kind === 'text' ? source.paths.map(({ path }) => ['logpath', path] as const) : [];
    const program = ignorecommand?.[0] === undefined ? [] : [['ignorecommand', ignorecommand[0]] as const];
    for (const [key, path] of [...paths, ...program]) {
      const line = HIDDEN_FOLDERS.find(([pattern]) => pattern.test(path))?.[1];
      if (line === undefined) continue;
      const fix = `systemctl edit banjour, and write ${line} below [Service]`;
      reader.warn('import.hidden', key, `the service does not see ${path}`, fix, path);
    }
  }
}
