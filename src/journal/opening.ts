/** How the journal of a source is opened, by kind. */
import type { Place } from '../../native/batch-bytes.js';
import { localDirectories, requireReadable } from '../../native/files.js';
import { JournalHandle } from '../../native/journal.js';
import type { SourceSpec } from '../core/entry.js';

export type LibsystemdSpec = Extract<SourceSpec, { kind: 'local' | 'directory' | 'files' }>;

/**
 * Throws an OperatorError when the journal cannot be read: libsystemd reads one without permission as an empty one.
 * Returns what is to be told of files that cannot.
 */
export function requireJournal(spec: LibsystemdSpec): string[] {
  if (spec.kind === 'local') return requireReadable('this host', localDirectories(spec.namespace));
  if (spec.kind === 'directory') {
    JournalHandle.openDirectory(spec.path).close();
    return requireReadable(spec.path, [spec.path]);
  }
  for (const path of spec.paths) JournalHandle.openFiles([path]).close();
  return [];
}

/** Opens it; where files may come and go, watching for them. */
export function openWatched(spec: LibsystemdSpec): JournalHandle {
  if (spec.kind === 'files') return JournalHandle.openFiles(spec.paths);
  const handle =
    spec.kind === 'local' ? JournalHandle.openLocal(spec.namespace) : JournalHandle.openDirectory(spec.path);
  try {
    handle.watch();
  } catch (error) {
    handle.close();
    throw error;
  }
  return handle;
}

/** The same opening for the C thread that reads ahead. */
export function openingOf(spec: LibsystemdSpec): Pick<Place, 'kind' | 'paths' | 'flags' | 'threshold'> {
  const opening = JournalHandle.opening(spec.kind === 'local');
  switch (spec.kind) {
    case 'local':
      return { ...opening, kind: 'local', paths: spec.namespace === undefined ? [] : [spec.namespace] };
    case 'directory':
      return { ...opening, kind: 'directory', paths: [spec.path] };
    case 'files':
      return { ...opening, kind: 'files', paths: spec.paths };
  }
}
