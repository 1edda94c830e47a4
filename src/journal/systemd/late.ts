/**
 * Entries of units that a wildcard fits, written before the unit was known: libsystemd did not
 * select them when they came.
 */

import type { EntryReader, RawEntry } from '../../../native/raw-entries.js';
import type { Position } from '../../core/entry.js';
import type { MatchExpression } from '../../core/match.js';
import { PositionList } from '../position.js';
import { type LibsystemdSpec, openWatched } from './open.js';
import { JournalPlace } from './place.js';
import { ofLibrary } from './selection.js';

/** Entries that are read at once of units that have just appeared. */
const LATE_ENTRIES = 500;

export class LateEntries {
  readonly #spec: LibsystemdSpec;
  /** Where the source was when wildcards were last expanded. */
  #checkpoint: Position = { at: 'head' };
  #found: RawEntry[] = [];

  constructor(spec: LibsystemdSpec) {
    this.#spec = spec;
  }

  /** Wildcards were expanded while the source was here. */
  expandedAt(position: Position): void {
    this.#checkpoint = position;
  }

  /**
   * Reads the entries of these units from the last look to the place that has been reached; later
   * ones come by themselves.
   */
  read(added: MatchExpression, reader: EntryReader, reached: JournalPlace): void {
    if (reached.last === undefined) return;
    const handle = openWatched(this.#spec);
    const places = new PositionList(reached.last);
    try {
      new JournalPlace(reached.reachedAt).goTo(handle, this.#checkpoint, ofLibrary(added));
      for (;;) {
        const batch = reader.read(handle, LATE_ENTRIES, false);
        const late = batch.entries.filter(({ cursor, realtime }) =>
          places.cover({ cursor, time: realtime }),
        );
        this.#found.push(...late);
        if (!batch.more || late.length < batch.entries.length) return;
      }
    } finally {
      handle.close();
    }
  }

  /** What was found since the last call. */
  take(): RawEntry[] {
    return this.#found.splice(0);
  }
}
