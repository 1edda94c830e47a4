/**
 * `banjour.conf` (and fail2ban's `fail2ban.conf`, `.local`): what concerns the agent as a whole.
 */

import type { LogLevel } from '../core/log.js';
import type { Hook } from '../core/specs.js';
import { seconds } from '../core/time.js';
import type { IniDocument } from '../ini/parse.js';
import type { Report } from '../ini/report.js';
import { parseHook } from './actions.js';
import { LEDGER, SETTING_KEYS } from './schema.js';
import { Section } from './section.js';
import type { Setting, Settings } from './types.js';
import { type Parsed, parseBoolean, parseDuration } from './values.js';

export interface AgentSettings {
  readonly settings: Settings;
  readonly hook: Hook;
  readonly bridge: boolean;
  readonly countersPerElement: boolean;
  readonly lockoutGuard: boolean;
  readonly origins: ReadonlyMap<string, Setting>;
}

const LEVELS: Readonly<Record<string, LogLevel>> = {
  critical: 'critical',
  error: 'error',
  warning: 'warning',
  warn: 'warning',
  notice: 'notice',
  info: 'info',
  debug: 'debug',
  tracedebug: 'debug',
  heavydebug: 'debug',
};

/** fail2ban's words in any case, or Python's numbers (50 critical ... 10 debug). */
export function parseLoglevel(text: string): Parsed<LogLevel> {
  const word = text.trim().toLowerCase();
  const level = Object.hasOwn(LEVELS, word) ? LEVELS[word] : undefined;
  if (level !== undefined) return { value: level };
  if (/^\d{1,2}$/.test(word)) {
    const steps: readonly (readonly [number, LogLevel])[] = [
      [50, 'critical'],
      [40, 'error'],
      [30, 'warning'],
      [25, 'notice'],
      [20, 'info'],
    ];
    return { value: steps.find(([least]) => Number(word) >= least)?.[1] ?? 'debug' };
  }
  return {
    problem: 'is not a level',
    fix: 'write CRITICAL, ERROR, WARNING, NOTICE, INFO or DEBUG',
  };
}

/**
 * `journal`, `SYSLOG` and `SYSTEMD-JOURNAL` are the journal; `STDOUT`, `STDERR`, or an absolute
 * path.
 */
export function parseLogtarget(text: string): Parsed<Settings['logtarget']> {
  const word = text.trim().split('[')[0] as string;
  const lower = word.toLowerCase();
  if (['journal', 'syslog', 'systemd-journal', 'sysout'].includes(lower))
    return { value: 'journal' };
  if (lower === 'stdout' || lower === 'stderr') return { value: lower };
  if (word.startsWith('/')) return { value: { file: word } };
  return {
    problem: 'is not a place for logs',
    fix: 'write journal, STDOUT, STDERR or /var/log/banjour/banjour.log',
  };
}

/** `auto`, `yes` or `no`. */
export function parseAllowipv6(text: string): Parsed<Settings['allowipv6']> {
  if (text.trim().toLowerCase() === 'auto') return { value: 'auto' };
  const parsed = parseBoolean(text);
  return 'value' in parsed
    ? { value: parsed.value ? 'yes' : 'no' }
    : { ...parsed, fix: 'write auto, yes or no' };
}

function parseCounters(text: string): Parsed<boolean> {
  if (text === 'jail') return { value: false };
  if (text === 'address') return { value: true };
  return {
    problem: 'is neither jail nor address',
    fix: 'write counters = jail, or address to count per banned address',
  };
}

/** Reads [Definition] of the merged settings files. */
export function readSettings(document: IniDocument, report: Report): AgentSettings {
  const reader = new Section(document, 'Definition', report);
  const dbfile = reader.text('dbfile');
  const memory = /^(?:none|:memory:)$/i.test(dbfile);
  if (!memory && !dbfile.startsWith('/'))
    reader.error(
      'config.value',
      'dbfile',
      'is not an absolute path',
      'write dbfile = /var/lib/banjour/ledger.sqlite3',
      dbfile,
    );
  const foreign = /fail2ban\.sqlite3$/.test(dbfile);
  if (foreign)
    reader.warn(
      'config.dbfile',
      'dbfile',
      `is fail2ban's own database and stays untouched; decisions are kept in ${LEDGER}`,
      'remove the line; "banjour import" takes over what the file holds',
      dbfile,
    );
  return {
    settings: {
      loglevel: reader.parse('loglevel', parseLoglevel, 'info'),
      logtarget: reader.parse('logtarget', parseLogtarget, 'journal'),
      allowipv6: reader.parse('allowipv6', parseAllowipv6, 'auto'),
      dbpurgeage: seconds(Math.max(0, reader.parse('dbpurgeage', parseDuration, 86_400))),
      dbfile: memory ? null : foreign ? LEDGER : dbfile,
    },
    hook: reader.parse('hook', parseHook, 'input'),
    bridge: reader.parse('bridge', parseBoolean, false),
    countersPerElement: reader.parse('counters', parseCounters, false),
    lockoutGuard: reader.parse('lockoutguard', parseBoolean, true),
    origins: reader.origins(
      SETTING_KEYS.filter((spec) => spec.noMeaning === undefined).map((spec) => spec.key),
    ),
  };
}
