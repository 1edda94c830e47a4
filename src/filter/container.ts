/**
 * Containers in the host's journal: Docker's and podman's log drivers, and programs that write to standard output, put the
 * daemon's own header into MESSAGE, while the entry's identifier is the container's.
 */
import type { Entry } from '../core/entry.js';
import type { CompiledFilter, LineMatch, Progress } from './filter.js';
import { type Line, lineInMessage } from './line.js';

/** A date as daemons write it at the beginning of a line, with the priority and brackets around it. */
const DATE =
  /^(?:<\d{1,3}>)?\s{0,3}\[?(?:[A-Z][a-z]{2} [ \d]\d(?: \d{4})? \d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: \d{4})?|\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)\]?:?(?=\s)/;

/** The match of an entry: of its line, else of the line that stands within its message. */
export function matchEntry(filter: CompiledFilter, entry: Entry, line: Line, progress: Progress): LineMatch {
  const match = filter.match(line, progress);
  const isNothing = match.result === 'none' || match.result === 'noprefix';
  if (!isNothing || filter.maxlines > 1 || !(filter.container || isOfContainer(entry))) return match;
  const inside = lineInside(entry);
  return inside === undefined ? match : filter.match(inside, progress);
}

/** True for an entry that a container runtime wrote for a container. */
function isOfContainer(entry: Entry): boolean {
  return entry.fields.has('CONTAINER_NAME');
}

/** The line that the daemon in the container wrote, without its date; undefined where the message has no such line. */
function lineInside(entry: Entry): Line | undefined {
  return entry.whole === true ? undefined : lineInMessage(entry, DATE.exec(entry.message)?.[0].length ?? 0);
}
