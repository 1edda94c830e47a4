/** Log lines by the cursors that were kept with a ban: what it was decided from, read again where they are. */
import { fieldKey, READ } from '../../native/data.js';
import { JournalHandle } from '../../native/journal.js';
import type { SourceSpec } from '../core/entry.js';
import { messageOf } from '../core/errors.js';
import { FIELD_CHARS_MAX, MESSAGE_CHARS_MAX } from '../core/limits.js';
import type { Log } from '../core/log.js';
import { cursor, sourceId } from '../core/names.js';
import { escapeUntrusted } from '../core/text.js';
import { isoTime } from '../core/time.js';
import { bySource, type JailSetup } from '../daemon/configuration/setup.js';
import { textTools } from '../daemon/configuration/text-dates.js';
import { LINE_FIELDS, lineOf } from '../filter/line.js';
import { findEntry } from '../journal/find.js';
import { createSource } from '../journal/journal.js';
import { parseTextCursor } from '../journal/places.js';

const FIELDS = ['MESSAGE', '_HOSTNAME', 'SYSLOG_IDENTIFIER', '_PID'].map((name) => [name, fieldKey(name)] as const);

/** Of a ban, as much as is needed. */
interface Counted {
  readonly jail: string;
  readonly evidence: readonly string[];
}

/**
 * Reads the lines of bans from the sources of their jails: journals and text files. Never throws: what keeps the lines
 * from being read is logged once.
 */
export function linesReader(jails: readonly JailSetup[], log: Log): (ban: Counted) => Promise<readonly string[]> {
  const own = new Map(jails.map(({ policy, source }) => [policy.jail as string, source]));
  const all = [...bySource(jails).values()].map(({ source }) => source);
  let complained = false;
  return async ({ jail, evidence }) => {
    if (!own.has(jail)) return [];
    const source = own.get(jail);
    try {
      // A jail that counts the bans of the others has lines from wherever they read.
      return linesOf(source === undefined ? all : [source], evidence);
    } catch (error) {
      if (!complained) log('warning', `messages go without log lines: ${messageOf(error)}`);
      complained = true;
      return [];
    }
  };
}

/**
 * The lines of these cursors in their order; those that are gone are left out. Safe to show. Throws when there are none
 * because a source cannot be read.
 */
export function linesOf(sources: readonly SourceSpec[], cursors: readonly string[]): string[] {
  const lines = new Map<string, string>();
  let trouble: unknown;
  for (const source of sources) {
    const isText = source.kind === 'text';
    const wanted = cursors.filter(
      (text) => !lines.has(text) && (parseTextCursor(cursor(text)) !== undefined) === isText,
    );
    if (wanted.length === 0) continue;
    try {
      for (const [text, line] of read(source, wanted)) lines.set(text, line);
    } catch (error) {
      trouble = error;
    }
  }
  if (lines.size === 0 && trouble !== undefined) throw trouble;
  return cursors.flatMap((text) => lines.get(text) ?? []);
}

type Found = readonly [cursor: string, line: string];

function read(source: SourceSpec, cursors: readonly string[]): Found[] {
  switch (source.kind) {
    case 'export':
      return [];
    case 'local':
    case 'directory':
    case 'files':
      return journalLines(source, cursors);
    default:
      return found(source, cursors);
  }
}

function journalLines(source: JournalSpec, cursors: readonly string[]): Found[] {
  const journal = openJournal(source);
  try {
    return cursors.flatMap((text): Found[] => {
      const wanted = cursor(text);
      if (!journal.seekCursor(wanted) || !journal.next() || !journal.testCursor(wanted)) return [];
      const [message = '', host = '', program = '', pid = ''] = FIELDS.map(([name, key]) =>
        journal.readData(key) === READ.found ? journal.data.head(name.length + 1) : '',
      );
      const time = journal.realtime();
      const when = time === undefined ? '' : `${isoTime(time).slice(0, 19).replace('T', ' ')} `;
      const who = `${host} ${program}${pid === '' ? '' : `[${pid}]`}`.trim();
      const line = `${escapeUntrusted(who, FIELD_CHARS_MAX)}: ${escapeUntrusted(message, MESSAGE_CHARS_MAX)}`;
      return [[text, `${when}${line}`]];
    });
  } finally {
    journal.close();
  }
}

/** Lines of text files and of other hosts, which are no single journal. */
function found(source: SourceSpec, cursors: readonly string[]): Found[] {
  return cursors.flatMap((text): Found[] => {
    const make = () => createSource(source, sourceId('lines'), textTools);
    const entry = findEntry(make, cursor(text), LINE_FIELDS);
    if (entry === undefined) return [];
    const when = isoTime(entry.realtime).slice(0, 19).replace('T', ' ');
    return [[text, `${when} ${escapeUntrusted(lineOf(entry).text, MESSAGE_CHARS_MAX)}`]];
  });
}

type JournalSpec = Extract<SourceSpec, { kind: 'local' | 'directory' | 'files' }>;

function openJournal(source: JournalSpec): JournalHandle {
  switch (source.kind) {
    case 'local':
      return JournalHandle.openLocal(source.namespace);
    case 'directory':
      return JournalHandle.openDirectory(source.path);
    case 'files':
      return JournalHandle.openFiles(source.paths);
  }
}
