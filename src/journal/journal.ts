/**
 * The sources of entries. This room turns a `SourceSpec` into an `EntrySource`; it knows journals, the export format and
 * text files, and nothing of filters, jails or threads. A source is used by the thread that made it.
 */
import type { EntrySource, SourceSpec } from '../core/entry.js';
import type { SourceId } from '../core/names.js';
import { containerJournal } from './container.js';
import { ExportSource } from './export-source.js';
import { LibsystemdSource } from './libsystemd-source.js';
import { MergedSource } from './merged-source.js';
import { requireJournal } from './opening.js';
import { RemoteRoster } from './remote-roster.js';
import { TextRoster, type TextTools } from './text-roster.js';

export { check } from './libsystemd-source.js';
export type { TextTools } from './text-roster.js';

/** Without dates every line of a text file happens when it is read. */
const NO_DATES: TextTools = { dater: () => (text) => ({ text }) };

/** Makes the source of the spec; nothing is opened yet. `text` is how lines of text files are read. */
export function createSource(spec: SourceSpec, id: SourceId, text: TextTools = NO_DATES): EntrySource {
  switch (spec.kind) {
    case 'export':
      return new ExportSource(id, spec.path);
    case 'text':
      return new MergedSource(id, new TextRoster(spec.logs, text));
    case 'remote':
      return new MergedSource(id, new RemoteRoster(spec.path));
    case 'container':
      return new LibsystemdSource(id, { kind: 'directory', path: containerJournal(spec.name) });
    default:
      return new LibsystemdSource(id, spec);
  }
}

/**
 * Throws `OperatorError`, as opening it would, when the journal of a source cannot be read now. Streams and text files
 * are not looked at.
 */
export function requireSource(spec: SourceSpec): void {
  if (spec.kind === 'container') requireJournal({ kind: 'directory', path: containerJournal(spec.name) });
  else if (spec.kind === 'remote') requireJournal({ kind: 'directory', path: spec.path });
  else if (spec.kind !== 'text' && spec.kind !== 'export') requireJournal(spec);
}

/** The files that an absolute path with wildcards names now. */
export { expandPath } from './path-glob.js';
