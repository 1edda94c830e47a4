/**
 * Finds the entries that begin in the middle of a daemon's line (`src/core/entry.ts`): they are no
 * line of the daemon and must not be judged as one. An entry does not say that it is such a rest
 * (but Docker's, by their ordinal): the entry before it, of the same output and process, says that
 * it goes on. A runtime's log that somebody prints into the journal says so in its own words
 * (`runtime-line.ts`).
 */
import { fieldKey, READ } from '../../native/entry-data.js';
import type { JournalHandle } from '../../native/journal.js';
import type { FieldValue, RawEntry } from '../../native/raw-entries.js';
import {
  type EntryFields,
  GOES_ON_FIELDS,
  goesOn,
  LINE_BREAKS,
  OriginCache,
} from '../core/entry.js';
import { OperatingError } from '../core/errors.js';
import { BROKEN_OUTPUTS_MAX, FIELD_BYTES_MAX, RUNTIME_LOOK_BACK_MAX } from '../core/limits.js';
import { type MatchGroup, WHOLE_JOURNAL } from '../core/match.js';
import type { Cursor } from '../core/names.js';
import {
  isOfStream,
  mayBeRuntimeLine,
  type RuntimePart,
  RuntimeParts,
  runtimePart,
} from './runtime-line.js';

/**
 * Fields by which an output is told from others. Only entries of standard output and of containers
 * have them.
 */
export const OUTPUT_FIELDS: readonly string[] = [
  ...GOES_ON_FIELDS,
  ...['_STREAM_ID', '_PID', 'CONTAINER_ID_FULL', 'CONTAINER_PARTIAL_ORDINAL'],
];

/** Of them, those that an entry must have to be of an output, or numbered. */
const PART_FIELDS = ['_STREAM_ID', 'CONTAINER_ID_FULL', 'CONTAINER_PARTIAL_ORDINAL'] as const;

type Field = (name: string) => string | undefined;

/** Docker numbers the parts of a line; undefined where nobody did. */
function numberedRest(field: Field): boolean | undefined {
  const ordinal = field('CONTAINER_PARTIAL_ORDINAL');
  return ordinal === undefined ? undefined : ordinal !== '1';
}

/** What entries of the same output have in common; undefined for entries that no one breaks. */
function outputOf(field: Field): Map<string, readonly string[]> | undefined {
  // Nearly every entry.
  if (!field('_STREAM_ID') && !field('CONTAINER_ID_FULL')) return undefined;
  for (const names of [['_STREAM_ID', '_PID'], ['CONTAINER_ID_FULL']]) {
    const terms = names.map((name) => [name, [field(name) ?? '']] as const);
    if (terms[0]?.[1][0] !== '') return new Map(terms);
  }
  return undefined;
}

/** The same for a runtime's log, which a process prints or sends to syslog. */
function shipperOf(field: Field): Map<string, readonly string[]> | undefined {
  const pid = field('_PID');
  return outputOf(field) ?? (pid === undefined ? undefined : new Map([['_PID', [pid]]]));
}

/** What a MESSAGE tells, where a runtime's line is in it. */
function partOf(message: FieldValue | undefined): RuntimePart | undefined {
  if (message === undefined) return undefined;
  const { head, tail } = message;
  if (!mayBeRuntimeLine(head)) return undefined;
  // What has a tail was longer than the bound.
  return tail === undefined
    ? runtimePart(head, head, Buffer.byteLength(head))
    : runtimePart(head, tail, FIELD_BYTES_MAX);
}

/** In a journal: looks back with a handle of its own, and only for entries that could be a rest. */
export class BrokenLines {
  readonly #open: () => JournalHandle;
  #handle: JournalHandle | undefined;
  /** Whether any line of an output goes on, as of this batch. */
  readonly #breaks = new Map<string, boolean>();
  readonly #sent = new OriginCache<{ readonly isSent: boolean }>();

  constructor(open: () => JournalHandle) {
    this.#open = open;
  }

  /** Whether the entry is the rest of a line that began in another one. */
  isRest({ cursor, fields, messages }: Pick<RawEntry, 'cursor' | 'fields' | 'messages'>): boolean {
    const field = (name: string) => fields.get(name);
    if (this.#isSent(fields)) return this.#isRestOfRuntime(cursor, field, messages);
    const numbered = numberedRest(field);
    if (numbered !== undefined) return numbered;
    return this.#isRestOfOutput(cursor, field) || this.#isRestOfRuntime(cursor, field, messages);
  }

  /** Most services send what they log, and nobody breaks it: no field says that it is a part. */
  #isSent(fields: EntryFields): boolean {
    const { origin } = fields;
    const known = origin === undefined ? undefined : this.#sent.get(origin);
    if (known !== undefined) return known.isSent;
    const isSent = PART_FIELDS.every((name) => fields.get(name) === undefined);
    if (origin !== undefined) this.#sent.set(origin, { isSent });
    return isSent;
  }

  #isRestOfOutput(cursor: Cursor, field: Field): boolean {
    const output = outputOf(field);
    if (output === undefined || !this.#anyGoesOn(output)) return false;
    // Where the entry is gone, or a file is damaged, nobody can tell, and lines of this output do
    // break.
    return this.#look(true, (handle) => {
      if (!standOn(handle, cursor)) return true;
      // What a container prints as output and as errors are two streams, told apart by the priority
      // only.
      const priority = output.has('CONTAINER_ID_FULL') ? read(handle, 'PRIORITY') : undefined;
      const group: MatchGroup =
        priority === undefined ? output : new Map([...output, ['PRIORITY', [priority]]]);
      handle.setMatches({ groups: [group] });
      return handle.previous() && goesOn((name) => read(handle, name));
    });
  }

  /** A runtime's line whose part before, some entries earlier, says that it goes on. */
  #isRestOfRuntime(cursor: Cursor, field: Field, messages: RawEntry['messages']): boolean {
    const part = partOf(messages[0]);
    const shipper = part === undefined ? undefined : shipperOf(field);
    if (part === undefined || shipper === undefined) return false;
    return this.#look(false, (handle) => {
      if (!standOn(handle, cursor)) return false;
      handle.setMatches({ groups: [shipper] });
      // Between two parts of one stream may stand lines of others.
      for (let back = 0; back < RUNTIME_LOOK_BACK_MAX && handle.previous(); back++) {
        const before = partOf(messageAt(handle));
        if (before !== undefined && isOfStream(before, part)) return before.goesOn;
      }
      return false;
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
    const key = keyOf(output);
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

/** Goes to the entry; false when it is gone. */
function standOn(handle: JournalHandle, cursor: Cursor): boolean {
  handle.setMatches(WHOLE_JOURNAL);
  handle.seekCursor(cursor);
  return handle.next() && handle.testCursor(cursor);
}

/** MESSAGE of the entry that the handle stands on. */
function messageAt(handle: JournalHandle): FieldValue | undefined {
  const head = read(handle, 'MESSAGE');
  const tail = head === undefined ? undefined : handle.data.tail();
  return head === undefined ? undefined : { head, ...(tail === undefined ? {} : { tail }) };
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
  /** Of each process that prints a runtime's log; the one that printed longest ago comes first. */
  readonly #runtimes = new Map<string, RuntimeParts>();

  /**
   * Takes every entry in turn, judged or not; true when it is the rest of a line that began in
   * another one.
   */
  take(field: Field, message?: FieldValue): boolean {
    const isRest = this.#isRestOfRuntime(field, message);
    const output = outputOf(field);
    if (output === undefined) return isRest;
    if (output.has('CONTAINER_ID_FULL')) output.set('PRIORITY', [field('PRIORITY') ?? '']);
    const key = keyOf(output);
    const wasGoing = this.#going.delete(key);
    if (goesOn(field)) {
      this.#going.add(key);
      const [oldest] = this.#going;
      if (this.#going.size > BROKEN_OUTPUTS_MAX && oldest !== undefined) this.#going.delete(oldest);
    }
    return numberedRest(field) ?? (wasGoing || isRest);
  }

  #isRestOfRuntime(field: Field, message: FieldValue | undefined): boolean {
    const part = partOf(message);
    const shipper = part === undefined ? undefined : shipperOf(field);
    if (shipper === undefined) return false;
    const key = keyOf(shipper);
    const parts = this.#runtimes.get(key) ?? new RuntimeParts();
    this.#runtimes.delete(key);
    this.#runtimes.set(key, parts);
    const [oldest] = this.#runtimes.keys();
    if (this.#runtimes.size > BROKEN_OUTPUTS_MAX && oldest !== undefined)
      this.#runtimes.delete(oldest);
    return parts.isRest(part);
  }
}

function keyOf(output: MatchGroup): string {
  return [...output.values()].join(' ');
}
