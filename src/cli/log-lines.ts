/** Journal entries by their cursors, as lines: what a ban was decided from. */
import { fieldKey, READ } from '../../native/data.js';
import { JournalHandle } from '../../native/journal.js';
import type { SourceSpec } from '../core/entry.js';
import { FIELD_CHARS_MAX, MESSAGE_CHARS_MAX } from '../core/limits.js';
import { cursor, sourceId } from '../core/names.js';
import { escapeUntrusted } from '../core/text.js';
import { isoTime } from '../core/time.js';
import { textTools } from '../daemon/text-dates.js';
import { LINE_FIELDS, lineOf } from '../filter/line.js';
import { findEntry } from '../journal/find.js';
import { createSource } from '../journal/journal.js';

const FIELDS = ['MESSAGE', '_HOSTNAME', 'SYSLOG_IDENTIFIER', '_PID'].map((name) => [name, fieldKey(name)] as const);

/** Reads entries of a journal; those that are gone are left out. Safe to show. Throws when it cannot be read. */
export function linesOf(source: SourceSpec, cursors: readonly string[]): string[] {
  if (cursors.length === 0 || source.kind === 'export') return [];
  if (source.kind === 'text' || source.kind === 'remote' || source.kind === 'container') return found(source, cursors);
  const journal = openJournal(source);
  try {
    return cursors.flatMap((text) => {
      const wanted = cursor(text);
      if (!journal.seekCursor(wanted) || !journal.next() || !journal.testCursor(wanted)) return [];
      const [message = '', host = '', program = '', pid = ''] = FIELDS.map(([name, key]) =>
        journal.readData(key) === READ.found ? journal.data.head(name.length + 1) : '',
      );
      const time = journal.realtime();
      const when = time === undefined ? '' : `${isoTime(time).slice(0, 19).replace('T', ' ')} `;
      const who = `${host} ${program}${pid === '' ? '' : `[${pid}]`}`.trim();
      return [`${when}${escapeUntrusted(who, FIELD_CHARS_MAX)}: ${escapeUntrusted(message, MESSAGE_CHARS_MAX)}`];
    });
  } finally {
    journal.close();
  }
}

/** Lines of text files and of other hosts, which are no single journal. */
function found(source: SourceSpec, cursors: readonly string[]): string[] {
  return cursors.flatMap((text) => {
    const make = () => createSource(source, sourceId('lines'), textTools);
    const entry = findEntry(make, cursor(text), LINE_FIELDS);
    if (entry === undefined) return [];
    const when = isoTime(entry.realtime).slice(0, 19).replace('T', ' ');
    return [`${when} ${escapeUntrusted(lineOf(entry).text, MESSAGE_CHARS_MAX)}`];
  });
}

function openJournal(source: Extract<SourceSpec, { kind: 'local' | 'directory' | 'files' }>): JournalHandle {
  switch (source.kind) {
    case 'local':
      return JournalHandle.openLocal(source.namespace);
    case 'directory':
      return JournalHandle.openDirectory(source.path);
    case 'files':
      return JournalHandle.openFiles(source.paths);
  }
}
