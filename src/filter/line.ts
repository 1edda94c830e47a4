/**
 * The text that is judged: fail2ban's filters are written for `host ident[pid]: message`, and
 * without that header half of them give another verdict. Built as fail2ban 1.1's systemd backend
 * does (filtersystemd.py, formatJournalEntry).
 */

import {
  type Entry,
  type EntryFields,
  GOES_ON_FIELDS,
  goesOn,
  OriginCache,
} from '../core/entry.js';

/** One text to be judged. */
export interface Line {
  readonly text: string;
  /**
   * Index of the newline that stands for the part of the message that was left out; the only
   * newline in `text`. No match may touch it.
   */
  readonly cutAt?: number;
  /** The daemon's line goes on behind the text: its end is not the daemon's. */
  readonly goesOn?: true;
}

/**
 * The fields, besides MESSAGE, that the header is made of, or that tell that it stands in MESSAGE.
 */
export const LINE_FIELDS: readonly string[] = [
  '_HOSTNAME',
  'SYSLOG_IDENTIFIER',
  '_COMM',
  'SYSLOG_PID',
  '_PID',
  '_SOURCE_MONOTONIC_TIMESTAMP',
  '__MONOTONIC_TIMESTAMP',
  'CONTAINER_NAME',
  ...GOES_ON_FIELDS,
];

/**
 * The line of an entry: header, message, and every newline of them as the two characters `\n`. The
 * one that only ends the message is left out.
 */
export function lineOf(entry: Entry): Line {
  const head = headOf(entry.fields);
  return textOf(entry, entry.whole === true ? '' : headerOf(entry.fields, head), head.goesOn);
}

/** The line that stands in the message behind so many characters, without a header. */
export function lineInMessage(entry: Entry, skipped: number): Line | undefined {
  const { message, cutAt } = entry;
  if (cutAt !== undefined && cutAt < skipped) return undefined;
  const rest = {
    message: message.slice(skipped),
    ...(cutAt === undefined ? {} : { cutAt: cutAt - skipped }),
  };
  return textOf(rest, '', headOf(entry.fields).goesOn);
}

function textOf(
  { message, cutAt }: Pick<Entry, 'message' | 'cutAt'>,
  before: string,
  isGoingOn: boolean,
): Line {
  if (cutAt === undefined) {
    const text = before + oneLine(withoutEnd(message));
    return isGoingOn ? { text, goesOn: true } : { text };
  }
  const head = before + oneLine(message.slice(0, cutAt));
  const line = {
    text: `${head}\n${oneLine(withoutEnd(message.slice(cutAt + 1)))}`,
    cutAt: head.length,
  };
  return isGoingOn ? { ...line, goesOn: true } : line;
}

/**
 * Without the end of line: podman's log driver leaves it in MESSAGE (conmon 2.1.12), and a terminal
 * writes a carriage return.
 */
function withoutEnd(message: string): string {
  let end = message.length;
  if (message[end - 1] === '\n') end--;
  if (message[end - 1] === '\r') end--;
  return end === message.length ? message : message.slice(0, end);
}

function oneLine(text: string): string {
  return text.includes('\n') ? text.replaceAll('\n', '\\n') : text;
}

/** What lines of one origin have in common. */
interface Head {
  /** The host and a blank; empty when it is not known. */
  readonly host: string;
  /** The identifier as it stands in lines; undefined when it is not known. */
  readonly ident: string | undefined;
  /** All that stands before the number of a process. */
  readonly beforePid: string;
  readonly goesOn: boolean;
}

const heads = new OriginCache<Head>();

function headOf(fields: EntryFields): Head {
  const { origin } = fields;
  const known = origin === undefined ? undefined : heads.get(origin);
  if (known !== undefined) return known;
  const hostName = fields.get('_HOSTNAME') ?? '';
  const host = hostName === '' ? '' : `${oneLine(hostName)} `;
  const name = fields.get('SYSLOG_IDENTIFIER') ?? fields.get('_COMM');
  const ident = name === undefined ? undefined : oneLine(name);
  const isPart = goesOn((field) => fields.get(field));
  const head = { host, ident, beforePid: `${host}${ident ?? ''}[`, goesOn: isPart };
  if (origin !== undefined) heads.set(origin, head);
  return head;
}

/** The header and the blank after it; empty when nothing is known. */
function headerOf(fields: EntryFields, { host, ident, beforePid }: Head): string {
  if (ident === undefined) return host;
  const pid = fields.get('SYSLOG_PID') ?? fields.get('_PID');
  // Put together in one go, of parts without newlines: searched for them as a whole it would have
  // to be copied twice.
  if (pid !== undefined) return `${beforePid}${oneLine(plainInteger(pid))}]: `;
  if (ident !== 'kernel') return `${host}${ident}: `;
  const monotonic =
    fields.get('_SOURCE_MONOTONIC_TIMESTAMP') ?? fields.get('__MONOTONIC_TIMESTAMP');
  if (monotonic === undefined || !/^\d{1,15}$/.test(monotonic)) return `${host}kernel: `;
  return `${host}kernel: [${(Number(monotonic) / 1e6).toFixed(6).padStart(12)}] `;
}

/** `0042` is 42, as Python's int() reads it; what is not a number stays as it is. */
function plainInteger(text: string): string {
  if (/^[1-9]\d{0,14}$/.test(text)) return text;
  return /^\s*[+-]?\d{1,15}\s*$/.test(text) ? String(Number(text)) : text;
}

/** A daemon's header and what rsyslog and syslogd make of equal lines that follow one another. */
const REPEATED =
  /^(\s?(?:<[\w*.]{1,32}>(?:1 )?\s?)?(?:\S{1,255} )?\S{1,255}(?:: | (?:\d{1,10}|-) \S{1,32} (?:-|(?:\[[^\]]{1,999}\]){1,9}) ))message repeated (\d{1,9}) times: \[ ?/;

/**
 * The line that stands in `message repeated 3 times: [ LINE]`, and how often. The words must stand
 * directly behind the header, where no client writes, and the bracket at the end. Undefined for
 * every other line.
 */
export function repeatedLine(
  line: Line,
): { readonly line: Line; readonly times: number } | undefined {
  const { text, cutAt } = line;
  if (!text.includes('message repeated ')) return undefined;
  const [opening = '', header = '', times] = REPEATED.exec(text) ?? [];
  const end = /\]\s{0,8}$/.exec(text)?.index;
  if (times === undefined || end === undefined || end < opening.length) return undefined;
  if (cutAt !== undefined && (cutAt < opening.length || cutAt >= end)) return undefined;
  return {
    line: {
      ...line,
      text: header + text.slice(opening.length, end),
      ...(cutAt !== undefined && { cutAt: cutAt - opening.length + header.length }),
    },
    times: Number(times),
  };
}
