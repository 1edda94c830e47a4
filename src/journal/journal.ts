/**
 * The sources of entries. This room turns a `SourceSpec` into an `EntrySource`; it knows journals and the export
 * format, and nothing of filters, jails or threads. A source is used by the thread that made it.
 */
import type { EntrySource, SourceSpec } from '../core/entry.js';
import type { SourceId } from '../core/names.js';
import { ExportSource } from './export-source.js';
import { LibsystemdSource } from './libsystemd-source.js';

export { check } from './libsystemd-source.js';

/** Makes the source of the spec; nothing is opened yet. */
export function createSource(spec: SourceSpec, id: SourceId): EntrySource {
  return spec.kind === 'export' ? new ExportSource(id, spec.path) : new LibsystemdSource(id, spec);
}
