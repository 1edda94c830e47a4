/** Single entries by their cursors: what `banjour explain` shows of the evidence. */
import type { Entry, EntrySource } from '../../core/entry.js';
import { CURSOR_NEIGHBOURS_MAX } from '../../core/limits.js';
import { WHOLE_JOURNAL } from '../../core/match.js';
import type { Cursor } from '../../core/names.js';
import { epochMicros } from '../../core/time.js';
import { parseTextCursor, sameEntry } from '../position.js';

/**
 * The entry of a cursor, or undefined when it is gone (vacuumed, rotated away) or the cursor is of
 * another kind. A cursor holds its entry's time (`t=`, hexadecimal microseconds), so the source is
 * opened there. `make` gives a source that was never opened; it is closed again.
 */
export function findEntry(
  make: () => EntrySource,
  cursor: Cursor,
  fields: readonly string[],
): Entry | undefined {
  if (parseTextCursor(cursor) !== undefined) {
    const source = make();
    try {
      return source.find?.(cursor);
    } finally {
      source.close();
    }
  }
  const time = /(?:^|;)t=([0-9a-f]{1,13})(?:;|$)/.exec(cursor)?.[1];
  if (time === undefined) return undefined;
  const source = make();
  try {
    source.open(
      WHOLE_JOURNAL,
      { literals: undefined, fields },
      { at: 'time', time: epochMicros(Number.parseInt(time, 16)) },
    );
    for (let read = 0; read < CURSOR_NEIGHBOURS_MAX; read++) {
      const batch = source.next(1);
      const entry = batch.entries[0];
      if (entry !== undefined && sameEntry(entry.cursor, cursor)) return entry;
      if (batch.read === 0) return undefined;
    }
    return undefined;
  } finally {
    source.close();
  }
}
