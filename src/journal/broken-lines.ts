/**
 * Finds the entries that begin in the middle of a daemon's line (`src/core/entry.ts`): they are no
 * line of the daemon and must not be judged as one. An entry does not say that it is such a rest
 * (but Docker's, by their ordinal): the entry before it, of the same output and process, says that
 * it goes on.
 */
import { fieldKey, READ } from '../../native/entry-data.js';
import type { JournalHandle } from '../../native/journal.js';
import type { RawEntry } from '../../native/raw-entries.js';
import { GOES_ON_FIELDS, goesOn, LINE_BREAKS } from '../core/entry.js';
import { OperatingError } from '../core/errors.js';
import { BROKEN_OUTPUTS_MAX } from '../core/limits.js';
import { type MatchGroup, WHOLE_JOURNAL } from '../core/match.js';

/**
 * Fields by which an output is told from others. Only entries of standard output and of containers
 * have them.
 */
export const OUTPUT_FIELDS: readonly string[] = [
  ...GOES_ON_FIELDS,
  ...['_STREAM_ID', '_PID', 'CONTAINER_ID_FULL', 'CONTAINER_PARTIAL_ORDINAL'],
];

type Field = (name: string) => string | undefined;

/** Docker numbers the parts of a line; undefined where nobody did. */
function numberedRest(field: Field): boolean | undefined {
  const ordinal = field('CONTAINER_PARTIAL_ORDINAL');
  return ordinal === undefined ? undefined : ordinal !== '1';
}

/** What entries of the same output have in common; undefined for entries that no one breaks. */
function outputOf(field: Field): Map<string, readonly string[]> | undefined {
  for (const names of [['_STREAM_ID', '_PID'], ['CONTAINER_ID_FULL']]) {
    const terms = names.map((name) => [name, [field(name) ?? '']] as const);
    if (terms[0]?.[1][0] !== '') return new Map(terms);
  }
  return undefined;
}

/** In a journal: looks back with a handle of its own, and only for entries that could be a rest. */
export class BrokenLines {
  readonly #open: () => JournalHandle;
  #handle: JournalHandle | undefined;
  /** Whether any line of an output goes on, as of this batch. */
  readonly #breaks = new Map<string, boolean>();

  constructor(open: () => JournalHandle) {
    this.#open = open;
  }

  /** Whether the entry is the rest of a line that began in another one. */
  isRest({ cursor, fields }: Pick<RawEntry, 'cursor' | 'fields'>): boolean {
    const field = (name: string) => fields.get(name);
    const numbered = numberedRest(field);
    if (numbered !== undefined) return numbered;
    const output = outputOf(field);
    if (output === undefined || !this.#anyGoesOn(output)) return false;
    // Where the entry is gone, or a file is damaged, nobody can tell, and lines of this output do
    // break.
    return this.#look(true, (handle) => {
      handle.setMatches(WHOLE_JOURNAL);
      handle.seekCursor(cursor);
      if (!handle.next() || !handle.testCursor(cursor)) return true;
      // What a container prints as output and as errors are two streams, told apart by the priority
      // only.
      const priority = output.has('CONTAINER_ID_FULL') ? read(handle, 'PRIORITY') : undefined;
      const group: MatchGroup =
        priority === undefined ? output : new Map([...output, ['PRIORITY', [priority]]]);
      handle.setMatches({ groups: [group] });
      return handle.previous() && goesOn((name) => read(handle, name));
    });
  }

  /** Ends a batch: entries that are read later may have broken lines before them. */
  endBatch(): void {
    this.#breaks.clear();
  }

  close(): void {
    this.#handle?.close();
    this.#handle = undefined;
  }

  #anyGoesOn(output: MatchGroup): boolean {
    const key = [...output.values()].join(' ');
    const known = this.#breaks.get(key);
    if (known !== undefined) return known;
    const any = this.#look(false, (handle) => {
      handle.setMatches({
        groups: [
          new Map([...output, ['_LINE_BREAK', LINE_BREAKS]]),
          new Map([...output, ['CONTAINER_PARTIAL_MESSAGE', ['true']]]),
        ],
      });
      handle.seekTail();
      return handle.previous();
    });
    this.#breaks.set(key, any);
    return any;
  }

  /**
   * What is seen with the handle; `otherwise` where it cannot be read: a damaged file must not stop
   * the reading.
   */
  #look(otherwise: boolean, question: (handle: JournalHandle) => boolean): boolean {
    try {
      this.#handle ??= this.#open();
      // Files may have come since.
      this.#handle.process();
      return question(this.#handle);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.close();
      return otherwise;
    }
  }
}

function read(handle: JournalHandle, name: string): string | undefined {
  return handle.readData(fieldKey(name)) === READ.found
    ? handle.data.head(name.length + 1)
    : undefined;
}

/** In a stream that is read from its beginning: remembers the outputs whose last line goes on. */
export class BrokenStream {
  /** The one that was broken longest ago comes first. */
  readonly #going = new Set<string>();

  /**
   * Takes every entry in turn, judged or not; true when it is the rest of a line that began in
   * another one.
   */
  take(field: Field): boolean {
    const output = outputOf(field);
    if (output === undefined) return false;
    if (output.has('CONTAINER_ID_FULL')) output.set('PRIORITY', [field('PRIORITY') ?? '']);
    const key = [...output.values()].join(' ');
    const wasGoing = this.#going.delete(key);
    if (goesOn(field)) {
      this.#going.add(key);
      const [oldest] = this.#going;
      if (this.#going.size > BROKEN_OUTPUTS_MAX && oldest !== undefined) this.#going.delete(oldest);
    }
    return numberedRest(field) ?? wasGoing;
  }
}
