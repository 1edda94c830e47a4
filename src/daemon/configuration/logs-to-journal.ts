/** Where a service logs to, by what is there: the question that `backend = auto` puts. */
import { statSync } from 'node:fs';
import type { MatchExpression } from '../../core/match.js';
import { sourceId } from '../../core/names.js';
import { plus, wallClock } from '../../core/time.js';
import { createSource } from '../../journal/journal.js';
import { expandPath } from '../../journal/path-glob.js';

/** A service that has said nothing for so long does not log to the journal, seconds. */
const RECENT_SECONDS = 7 * 86_400;

/** True when none of the files holds anything and this host's journal has recent entries of the match. */
export function logsToJournal(paths: readonly string[], match: MatchExpression): boolean {
  if (paths.flatMap(expandPath).some(hasContent)) return false;
  const source = createSource({ kind: 'local' }, sourceId('probe'));
  try {
    source.open(
      match,
      { literals: undefined, fields: [] },
      { at: 'time', time: plus(wallClock.now(), -RECENT_SECONDS) },
    );
    return source.next(1).read > 0;
  } catch {
    // Without a journal, or without permission to read it, the file is all there is.
    return false;
  } finally {
    source.close();
  }
}

function hasContent(path: string): boolean {
  try {
    return statSync(path).size > 0;
  } catch (error) {
    // A file that may not be looked at is there.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
