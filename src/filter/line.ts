/**
 * The text that is judged: fail2ban's filters are written for `host ident[pid]: message`, and without that header half
 * of them give another verdict. Built as fail2ban 1.1's systemd backend does (filtersystemd.py, formatJournalEntry).
 */
import type { Entry } from '../core/entry.js';

/** One text to be judged. */
export interface Line {
  readonly text: string;
  /**
   * Index of the newline that stands for the part of the message that was left out; the only newline in `text`.
   * No match may touch it.
   */
  readonly cutAt?: number;
}

/** The fields, besides MESSAGE, that the header is made of. */
export const LINE_FIELDS: readonly string[] = [
  '_HOSTNAME',
  'SYSLOG_IDENTIFIER',
  '_COMM',
  'SYSLOG_PID',
  '_PID',
  '_SOURCE_MONOTONIC_TIMESTAMP',
  '__MONOTONIC_TIMESTAMP',
];

/** The line of an entry: header, message, and every newline of them as the two characters `\n`. */
export function lineOf(entry: Entry): Line {
  const header = entry.whole === true ? '' : oneLine(headerOf(entry.fields));
  const { message, cutAt } = entry;
  if (cutAt === undefined) return { text: join(header, oneLine(message)) };
  const head = join(header, oneLine(message.slice(0, cutAt)));
  return { text: `${head}\n${oneLine(message.slice(cutAt + 1))}`, cutAt: head.length };
}

function join(header: string, message: string): string {
  return header === '' ? message : `${header} ${message}`;
}

function oneLine(text: string): string {
  return text.includes('\n') ? text.replaceAll('\n', '\\n') : text;
}

function headerOf(fields: ReadonlyMap<string, string>): string {
  const host = fields.get('_HOSTNAME') ?? '';
  const ident = fields.get('SYSLOG_IDENTIFIER') ?? fields.get('_COMM');
  if (ident === undefined) return host;
  const pid = fields.get('SYSLOG_PID') ?? fields.get('_PID');
  let daemon = pid === undefined ? `${ident}:` : `${ident}[${plainInteger(pid)}]:`;
  if (daemon === 'kernel:') {
    const monotonic = fields.get('_SOURCE_MONOTONIC_TIMESTAMP') ?? fields.get('__MONOTONIC_TIMESTAMP');
    if (monotonic !== undefined && /^\d{1,15}$/.test(monotonic))
      daemon = `kernel: [${(Number(monotonic) / 1e6).toFixed(6).padStart(12)}]`;
  }
  return host === '' ? daemon : `${host} ${daemon}`;
}

/** `0042` is 42, as Python's int() reads it; what is not a number stays as it is. */
function plainInteger(text: string): string {
  if (/^[1-9]\d{0,14}$/.test(text)) return text;
  return /^\s*[+-]?\d{1,15}\s*$/.test(text) ? String(Number(text)) : text;
}
