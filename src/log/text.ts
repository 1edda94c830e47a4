/** A log line as text: what it says in each style. */
import type { LogFacts, LogLevel } from '../core/log.js';
import { localMillis, localTime } from '../core/time.js';

/**
 * `systemd`: priority prefix, no time. `journal`: neither, the entry has fields. `plain`: time, no
 * colour. `colour`: time and colour, for terminals. `fail2ban`: the format of fail2ban.log, for
 * files that other tools parse.
 */
export type LogStyle = 'systemd' | 'journal' | 'plain' | 'colour' | 'fail2ban';

/** syslog(3) priorities of the levels. */
export const PRIORITIES: Readonly<Record<LogLevel, number>> = {
  critical: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
};

const COLOURS: Readonly<Record<LogLevel, string>> = {
  critical: '\x1b[1;31m',
  error: '\x1b[31m',
  warning: '\x1b[33m',
  notice: '\x1b[1m',
  info: '\x1b[0m',
  debug: '\x1b[2m',
};

/** One line as the style has it, without its end. `pid` is shown by `fail2ban` alone. */
export function formatLine(
  level: LogLevel,
  message: string,
  facts: LogFacts,
  style: LogStyle,
  nowMs: number,
  pid: number = process.pid,
): string {
  if (style === 'fail2ban') return formatFail2ban(level, message, facts, nowMs, pid);
  const text = `${level.toUpperCase()} ${facts.jail === undefined ? '' : `[${facts.jail}] `}${message}`;
  if (style === 'journal') return text;
  if (style === 'systemd') return `<${PRIORITIES[level]}>${text}`;
  const line = `${localMillis(nowMs)} ${text}`;
  return style === 'colour' ? `${COLOURS[level]}${line}\x1b[0m` : line;
}

/**
 * Which of fail2ban's loggers says what (fail2ban 1.1: `server/filter.py`, `server/actions.py`,
 * `server/server.py`); parsers look for the name, the level and the words after the jail.
 */
const LOGGERS: Readonly<Record<string, string>> = {
  found: 'fail2ban.filter',
  ignored: 'fail2ban.filter',
  ban: 'fail2ban.actions',
  unban: 'fail2ban.actions',
  restored: 'fail2ban.actions',
  refused: 'fail2ban.actions',
};

/**
 * `2019-08-22 10:18:05,975 fail2ban.actions        [950]: NOTICE  [postfix-sasl] Ban 192.0.2.1`.
 */
function formatFail2ban(
  level: LogLevel,
  message: string,
  facts: LogFacts,
  nowMs: number,
  pid: number,
): string {
  const logger = LOGGERS[facts.action ?? ''] ?? 'fail2ban.server';
  const jail = facts.jail === undefined ? '' : `[${facts.jail}] `;
  return `${localMillis(nowMs)} ${logger.padEnd(24)}[${pid}]: ${level.toUpperCase().padEnd(7)} ${jail}${fail2banWords(message, facts)}`;
}

/**
 * A failure is `Found ADDRESS - TIME` there, with the time of the entry; everything else reads the
 * same.
 */
function fail2banWords(message: string, { action, address, time }: LogFacts): string {
  if (action !== 'found' || address === undefined || time === undefined) return message;
  return `Found ${address} - ${localTime(time)}`;
}

/**
 * The kinds of events that have an entry in the message catalog (`systemd/banjour.catalog`), by the
 * `action` of a log line's facts. The numbers are fixed for ever: people and monitoring search the
 * journal by MESSAGE_ID.
 */
export const MESSAGE_IDS: Readonly<Record<string, string>> = {
  ban: '8596c96eaa6f4967bf33ab049d0de30a',
  unban: '169feabe65bd4931ac43c063c4ea8095',
  found: '05080106c37c402bb6d5eaec81b733bb',
  ignored: '968840ecf0f04b4892819f2d2dbdaf19',
  refused: '90ee627a1c674fdabf7d12ab466f2a62',
  'would-ban': '5d0cf1b0a4a24a17a0ad5f1f2d7be93c',
  takeover: 'e583630f943f47699526864b8df0e3be',
  'under-attack': '2a04211ecfa54740a85c1c5a3c05c97e',
  started: 'c444edaf8a3c4701ac6ac51c6423ae73',
  stopped: 'a0252e1641cf4ca39bfe510523c3d824',
  reloaded: 'a47cdfb3d87445c4809319a5563a73ed',
  'reload-refused': 'c28f2c498e4b4a8a8cab3f786f6b6753',
  drift: 'f2db8223cb8d4f2abe651eab9c20ce51',
  healed: 'fc6bf612fa9642d4a3a132276e641e17',
  failed: '4aca851b153a4b8dab272242902fea2d',
};
