/**
 * Where a jail's lines come from: `source`, `backend`, `logpath`, and the match that selects them.
 */

import { isEncoding } from '../core/encoding.js';
import type { SourceSpec } from '../core/entry.js';
import {
  forgeableGroups,
  formatMatch,
  type MatchExpression,
  parseMatch,
  WHOLE_JOURNAL,
} from '../core/match.js';
import { parseCall } from '../ini/calls.js';
import { textOf } from '../ini/value.js';
import type { Section } from './section.js';
import type { JailSource, LogPath } from './types.js';
import type { Parsed } from './values.js';

/** Where systemd-journal-remote keeps what other hosts send (systemd-journal-remote.service(8)). */
const REMOTE = '/var/log/journal/remote';

/**
 * `local`, `directory PATH`, `namespace NAME`, `container NAME`, `remote [PATH]`, `files PATH...`,
 * `export PATH`.
 */
function parseSource(text: string): Parsed<SourceSpec> {
  const [kind = 'local', ...rest] = text.trim().split(/\s+/);
  const [first] = rest;
  const isOne = rest.length === 1;
  if (kind === 'local' && rest.length === 0) return { value: { kind: 'local' } };
  if (kind === 'namespace' && isOne && first !== undefined && /^[\w.-]+$/.test(first))
    return { value: { kind: 'local', namespace: first } };
  const path = first?.replace(/(?<=.)\/+$/, '');
  if (kind === 'directory' && isOne && path?.startsWith('/'))
    return { value: { kind: path === REMOTE ? 'remote' : 'directory', path } };
  if (kind === 'remote' && (path === undefined || (isOne && path.startsWith('/'))))
    return { value: { kind: 'remote', path: path ?? REMOTE } };
  // The names that machinectl(1) takes: those of hosts.
  if (
    kind === 'container' &&
    isOne &&
    first !== undefined &&
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(first)
  )
    return { value: { kind: 'container', name: first } };
  if (kind === 'files' && rest.length > 0) return { value: { kind: 'files', paths: rest } };
  if (kind === 'export' && isOne && first !== undefined)
    return { value: { kind: 'export', path: first } };
  return {
    problem: 'is not a source of entries',
    fix: 'write local, namespace NAME, container NAME, directory /PATH, remote, files /PATH... or export /PATH',
  };
}

/**
 * Files into which syslog daemons write what the journal holds too, and the match that selects it
 * there.
 */
const SYSLOG_FILES: readonly (readonly [RegExp, string])[] = [
  [/^\/var\/log\/mail(?:log|\.(?:log|info|warn|err))?$/, 'SYSLOG_FACILITY=2'],
  [/^\/var\/log\/(?:auth\.log|secure)$/, 'SYSLOG_FACILITY=4 SYSLOG_FACILITY=10'],
  [/^\/var\/log\/daemon\.log$/, 'SYSLOG_FACILITY=3'],
];

/** What was found out: the source and, for journals, the match. */
export interface SourceSelection {
  readonly source: JailSource;
  readonly match: MatchExpression;
}

/**
 * The jail's own match: `match`, else `journalmatch`. `all` is the whole journal. Undefined when
 * neither is stated; a wrong one is reported.
 */
function readMatch(reader: Section): MatchExpression | 'wrong' | undefined {
  for (const key of ['match', 'journalmatch']) {
    const text = reader.text(key);
    if (text === '') continue;
    if (text === 'all') return WHOLE_JOURNAL;
    const { expression, problem } = parseMatch(textOf(reader.value(key) ?? []));
    if (problem !== undefined) {
      const fix = `write e.g. ${key} = -u postfix, or ${key} = _SYSTEMD_UNIT=postfix.service + SYSLOG_IDENTIFIER=x _UID=0`;
      reader.error('jail.match', key, problem.message, fix, problem.term);
      return 'wrong';
    }
    if (expression !== undefined) return expression;
  }
  return undefined;
}

/**
 * True when none of the files holds anything and the journal of this host has entries of the match.
 */
export type LogsToJournal = (paths: readonly string[], match: MatchExpression) => boolean;

/**
 * Chooses between journal and text files; `filterMatch` is the filter's own. Reports what is
 * missing. Without `logsToJournal` only the files decide.
 */
export function selectSource(
  reader: Section,
  filterMatch: MatchExpression | undefined,
  logsToJournal: LogsToJournal = () => false,
): SourceSelection {
  const stated = readMatch(reader);
  const own = stated === 'wrong' ? WHOLE_JOURNAL : stated;
  const paths = readLogpaths(reader);
  const { spec, backend: wanted } = readBackend(reader);
  // A logpath in a later file than "backend = systemd" wins over it: Debian's and our own files say
  // systemd for all jails, and an administrator who then names a file wants it read.
  const newer =
    reader.own('logpath') && paths.length > 0 && reader.rank('logpath') > reader.rank('backend');
  const backend = wanted === 'systemd' && newer ? 'auto' : wanted;
  const text = (): SourceSelection => ({
    source: { kind: 'text', paths, encoding: encodingOf(reader), timezone: timezoneOf(reader) },
    match: WHOLE_JOURNAL,
  });
  if (backend === 'file' && own === undefined) {
    if (paths.length > 0) return text();
    reader.error(
      'jail.no-logpath',
      'backend',
      'reads files, and no logpath names one',
      'write logpath = /PATH, or backend = auto',
      reader.text('backend'),
    );
  }
  // A file of the service's own means that it does not write to the journal, unless it is not there
  // while the journal has the service's entries; syslog's files hold a copy of them.
  const ownFiles = backend === 'auto' && isOwnFile(reader, paths);
  const inJournal =
    ownFiles &&
    filterMatch !== undefined &&
    spec.kind === 'local' &&
    logsToJournal(
      paths.map(({ path }) => path),
      filterMatch,
    );
  if (own === undefined && ownFiles && !inJournal) return text();
  const match = own ?? filterMatch ?? (backend === 'file' ? WHOLE_JOURNAL : undefined);
  if (match !== undefined) {
    const unread = noteUnread(reader, paths, backend, match) && backend === 'auto';
    if (stated !== 'wrong') warnForgeable(reader, match, own === undefined);
    return { source: { kind: 'journal', spec, ...(unread ? { unread: paths } : {}) }, match };
  }
  if (paths.length > 0 && backend === 'auto') return syslogSource(reader, paths, spec) ?? text();
  reader.error(
    'jail.no-match',
    'match',
    'the jail does not say which journal entries it wants, and its filter does not either',
    'write match = -u SERVICE (see journalctl -o json-pretty), or match = all for the whole journal',
  );
  return { source: { kind: 'journal', spec }, match: WHOLE_JOURNAL };
}

/** Whether the jail names files that a service writes by itself, not syslog. */
function isOwnFile(reader: Section, paths: readonly LogPath[]): boolean {
  return reader.own('logpath') && paths.length > 0 && syslogMatch(paths) === undefined;
}

/**
 * Whether the jail's own logpath is the newest word and still not read, because the journal is.
 * That is told.
 */
function noteUnread(
  reader: Section,
  paths: readonly LogPath[],
  backend: string,
  match: MatchExpression,
): boolean {
  const latest = Math.max(reader.rank('match'), reader.rank('journalmatch'));
  if (!reader.own('logpath') || reader.rank('logpath') < latest) return false;
  if (paths.length > 0 && backend !== 'systemd')
    reader.note(
      'jail.logpath-unused',
      'logpath',
      `the journal is read instead (match ${formatMatch(match)})`,
      'nothing to do: if failures stand in the file alone, it is read; backend = polling reads it at once',
    );
  return true;
}

/** The journal instead of syslog's files, which hold a copy of its lines. */
function syslogSource(
  reader: Section,
  paths: readonly LogPath[],
  spec: SourceSpec,
): SourceSelection | undefined {
  const derived = syslogMatch(paths);
  if (derived === undefined) return undefined;
  reader.warn(
    'jail.match-from-logpath',
    'logpath',
    `the syslog file is not read as long as the journal has the same lines (match ${formatMatch(derived)}), but any local user can write such lines`,
    'name the service: match = -u postfix',
    reader.text('logpath'),
  );
  return { source: { kind: 'journal', spec, unread: paths }, match: derived };
}

function syslogMatch(paths: readonly LogPath[]): MatchExpression | undefined {
  const lines = paths.map(({ path }) => SYSLOG_FILES.find(([pattern]) => pattern.test(path))?.[1]);
  return lines.includes(undefined)
    ? undefined
    : parseMatch([...new Set(lines)].join('\n')).expression;
}

/**
 * Options of fail2ban's systemd backend; the flags only widen what is read, which the source says
 * here.
 */
const BACKEND_OPTIONS: readonly string[] = [
  'journalfiles',
  'journalpath',
  'namespace',
  'journalflags',
  'rotated',
];

function readBackend(reader: Section): { spec: SourceSpec; backend: 'auto' | 'systemd' | 'file' } {
  const spec = reader.parse('source', parseSource, { kind: 'local' });
  const call = parseCall(reader.value('backend') ?? [], reader.report, {
    section: reader.section,
    key: 'backend',
  });
  const name = call?.name.toLowerCase() ?? 'auto';
  if (['polling', 'pyinotify', 'gamin'].includes(name)) return { spec, backend: 'file' };
  if (name === 'auto') return { spec, backend: 'auto' };
  if (name !== 'systemd') {
    reader.error(
      'jail.backend',
      'backend',
      'is not a backend',
      'write auto, systemd or polling',
      name,
    );
    return { spec, backend: 'auto' };
  }
  for (const key of call?.options.keys() ?? [])
    if (!BACKEND_OPTIONS.includes(key))
      reader.warn(
        'jail.backend-option',
        'backend',
        `systemd[${key}] has no meaning here`,
        `remove it; ${BACKEND_OPTIONS.join(', ')} have one`,
        key,
      );
  const option = (key: string) => textOf(call?.options.get(key) ?? []);
  const files = option('journalfiles')
    .split(/\s*,\s*/)
    .filter((path) => path !== '');
  if (files.length > 0) return { spec: { kind: 'files', paths: files }, backend: 'systemd' };
  if (option('journalpath') !== '')
    return { spec: { kind: 'directory', path: option('journalpath') }, backend: 'systemd' };
  if (option('namespace') !== '')
    return { spec: { kind: 'local', namespace: option('namespace') }, backend: 'systemd' };
  return { spec, backend: 'systemd' };
}

function readLogpaths(reader: Section): LogPath[] {
  const paths: LogPath[] = [];
  for (const { text } of reader.lines('logpath')) {
    const found = /^(.*?)(?:\s+(head|tail))?$/.exec(text);
    const path = found?.[1] ?? text;
    if (path.startsWith('/')) paths.push({ path, from: found?.[2] === 'tail' ? 'tail' : 'head' });
    else
      reader.error(
        'jail.logpath',
        'logpath',
        'is not an absolute path',
        'write one path per line, from /, optionally with tail',
        text,
      );
  }
  return paths;
}

function encodingOf(reader: Section): string {
  const text = reader.text('logencoding') || 'auto';
  if (isEncoding(text)) return text;
  reader.error(
    'jail.logencoding',
    'logencoding',
    'is not an encoding that can be read',
    'write auto, utf-8, iso-8859-1, windows-1252 or utf-16le',
    text,
  );
  return 'auto';
}

function timezoneOf(reader: Section): string | null {
  const text = reader.text('logtimezone');
  if (text === '') return null;
  if (/^(?:Z|UTC|GMT|(?:UTC|GMT)[+-]\d{2}:?\d{2})$/i.test(text)) return text.toUpperCase();
  reader.error(
    'jail.logtimezone',
    'logtimezone',
    'is not a fixed offset',
    'write Z, UTC or e.g. UTC+0200',
    text,
  );
  return null;
}

/** Whatever a local user can write he can use to have any address banned. */
function warnForgeable(reader: Section, match: MatchExpression, fromFilter: boolean): void {
  const groups = forgeableGroups(match);
  if (groups.length === 0) return;
  const key = fromFilter ? 'filter' : reader.text('match') === '' ? 'journalmatch' : 'match';
  const whole = groups.some((group) => group.size === 0);
  reader.warn(
    'jail.forgeable-match',
    key,
    whole
      ? 'the whole journal is read: any local user can write entries that ban an address'
      : `any local user can write entries with ${formatMatch({ groups })}, and so ban any address`,
    'add a field that only journald sets: -u SERVICE, _UID=0 or _EXE=/path',
  );
}
