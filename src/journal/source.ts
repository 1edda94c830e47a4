/**
 * The sources of entries. This room turns a `SourceSpec` into an `EntrySource`; it knows journals,
 * the export format and text files, and nothing of filters, jails or threads. A source is used by
 * the thread that made it.
 */
import { journalFiles, localDirectories } from '../../native/journal-files.js';
import type { EntrySource, SourceSpec } from '../core/entry.js';
import type { SourceId } from '../core/names.js';
import { ExportSource } from './export/source.js';
import { MergedSource } from './merged-source.js';
import { RemoteJournalSet } from './remote/source.js';
import { containerJournal, type LibsystemdSpec, requireJournal } from './systemd/open.js';
import { LibsystemdSource } from './systemd/source.js';
import { TextLogSet } from './text/log-set.js';
import type { TextTools } from './text/stream.js';

export { check } from './systemd/source.js';
export type { TextTools } from './text/stream.js';

/** Without dates every line of a text file happens when it is read. */
const NO_DATES: TextTools = { dater: () => (text) => ({ text }) };

/**
 * Makes the source of the spec; nothing is opened yet. `text` is how lines of text files are read.
 */
export function createSource(
  spec: SourceSpec,
  id: SourceId,
  text: TextTools = NO_DATES,
): EntrySource {
  switch (spec.kind) {
    case 'export':
      return new ExportSource(id, spec.path);
    case 'text':
      return new MergedSource(id, new TextLogSet(spec.logs, text));
    case 'remote':
      return new MergedSource(id, new RemoteJournalSet(spec.path));
    case 'container':
      return new LibsystemdSource(id, { kind: 'directory', path: containerJournal(spec.name) });
    default:
      return new LibsystemdSource(id, spec);
  }
}

/**
 * The files of a source that its reader must be able to read. Throws `OperatorError`, as opening it
 * would, when it cannot be read now. Streams and text files are not looked at.
 */
export function requireSource(spec: SourceSpec): readonly string[] {
  if (spec.kind === 'text' || spec.kind === 'export') return [];
  const journal: LibsystemdSpec =
    spec.kind === 'container'
      ? { kind: 'directory', path: containerJournal(spec.name) }
      : spec.kind === 'remote'
        ? { kind: 'directory', path: spec.path }
        : spec;
  requireJournal(journal);
  if (journal.kind === 'files') return journal.paths;
  const directories =
    journal.kind === 'local' ? localDirectories(journal.namespace) : [journal.path];
  const { readable } = journalFiles(directories);
  const system = readable.filter((path) => path.endsWith('/system.journal'));
  return system.length > 0 ? system : readable.slice(0, 1);
}
