/**
 * Containers in the host's journal: Docker's and podman's log drivers, and programs that write to standard output, put the
 * daemon's own header into MESSAGE, while the entry's identifier is the container's.
 */
import type { Entry } from '../core/entry.js';
import type { Line } from './line.js';

/** A date as daemons write it at the beginning of a line, with the priority and brackets around it. */
const DATE =
  /^(?:<\d{1,3}>)?\s{0,3}\[?(?:[A-Z][a-z]{2} [ \d]\d(?: \d{4})? \d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: \d{4})?|\d{4}[-/]\d\d[-/]\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)\]?:?(?=\s)/;

/** True for an entry that a container runtime wrote for a container. */
export function isOfContainer(entry: Entry): boolean {
  return entry.fields.has('CONTAINER_NAME');
}

/** The line that the daemon in the container wrote, without its date; undefined where the message has no such line. */
export function lineInside({ message, cutAt, whole }: Entry): Line | undefined {
  if (whole === true) return undefined;
  const skipped = DATE.exec(message)?.[0].length ?? 0;
  const inside = (text: string) => text.replaceAll('\n', '\\n');
  if (cutAt === undefined) return { text: inside(message.slice(skipped)) };
  if (cutAt < skipped) return undefined;
  const head = inside(message.slice(skipped, cutAt));
  return { text: `${head}\n${inside(message.slice(cutAt + 1))}`, cutAt: head.length };
}
