/**
 * Entries from `journalctl -o export`: a file, a pipe, standard input. Forward only: a cursor is
 * found again by reading up to it. The match is applied here.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type {
  Batch,
  Entry,
  EntrySource,
  Gate,
  OpenReport,
  Position,
  ReadPosition,
} from '../../core/entry.js';
import { EXIT, messageOf, OperatingError, OperatorError } from '../../core/errors.js';
import { FIELD_CHARS_MAX } from '../../core/limits.js';
import { fieldsOf, type MatchExpression } from '../../core/match.js';
import { type Cursor, cursor, type SourceId } from '../../core/names.js';
import { type EpochMicros, entryTime } from '../../core/time.js';
import { BrokenStream, OUTPUT_FIELDS } from '../broken-lines.js';
import { type FieldValues, gateTest, matchTest } from '../gate.js';
import { composeMessage, type Message } from '../message.js';
import { sameEntry } from '../position.js';
import { type ExportEntry, type ExportItem, ExportParser } from './parser.js';

/** Bytes that are read at once. */
const CHUNK_BYTES = 64 * 1024;

/** A position that must be searched for. */
type Sought = Exclude<Position, { at: 'head' }>;
type Reach = 'there' | 'gone' | 'not yet';

interface Reading {
  readonly wanted: ReadonlySet<string>;
  readonly gate: Gate;
  readonly passes: (text: string) => boolean;
  readonly selected: (values: FieldValues) => boolean;
}

/** An entry that has what every entry needs. */
interface Placed {
  readonly cursor: Cursor;
  readonly time: EpochMicros;
  readonly entry: ExportEntry;
  /** It begins in the middle of a daemon's line. */
  readonly isRest: boolean;
}

export class ExportSource implements EntrySource {
  readonly id: SourceId;
  readonly #path: string;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #file: number | undefined;
  #reading: Reading | undefined;
  #closed = false;
  #finished = false;
  #regular = false;
  /** Bytes of a regular file when it was opened, and bytes read of it. */
  #size = 0;
  #consumed = 0;
  #parser = new ExportParser(new Set());
  #broken = new BrokenStream();
  #seeking: Sought | undefined;
  /** Found while the position was searched for, not yet delivered. */
  #pending: Placed | undefined;
  #last: ReadPosition | undefined;

  constructor(id: SourceId, path: string) {
    this.id = id;
    this.#path = path;
  }

  open(match: MatchExpression, gate: Gate, position: Position): OpenReport {
    if (this.#closed) throw closed();
    if (this.#reading !== undefined) throw new Error('bug: a source is opened once');
    const wanted = new Set([
      ...['MESSAGE', '__CURSOR', '__REALTIME_TIMESTAMP', '_SOURCE_REALTIME_TIMESTAMP'],
      ...[...OUTPUT_FIELDS, 'PRIORITY'],
      ...gate.fields,
      ...fieldsOf(match),
    ]);
    this.#reading = { wanted, gate, passes: gateTest(gate), selected: matchTest(match) };
    this.#start();
    return { gap: position.at !== 'head' && this.#seek(position) === 'gone' };
  }

  /** Begins at the first byte. */
  #start(): void {
    if (this.#file !== undefined && this.#file !== STDIN) closeSync(this.#file);
    this.#file = openFile(this.#path);
    const state = fstatSync(this.#file);
    this.#regular = state.isFile();
    this.#size = state.size;
    this.#consumed = 0;
    this.#parser = new ExportParser(this.#open().wanted);
    this.#broken = new BrokenStream();
    this.#finished = false;
  }

  next(max: number): Batch {
    const { gate, passes, selected } = this.#open();
    const entries: Entry[] = [];
    let read = 0;
    let cut = 0;
    let unreadable = 0;
    if (this.#seeking !== undefined) this.#seek(this.#seeking);
    while (read < max && this.#seeking === undefined) {
      const item = this.#pending ?? this.#item(read === 0);
      this.#pending = undefined;
      if (item === undefined) break;
      read++;
      const placed = 'kind' in item ? place(item, this.#broken) : item;
      if (placed === undefined) {
        unreadable++;
        continue;
      }
      this.#last = { cursor: placed.cursor, time: placed.time };
      const message = composeMessage(placed.entry.get('MESSAGE') ?? []);
      if (message.cutAt !== undefined || placed.isRest) cut++;
      if (placed.isRest || !passes(message.text)) continue;
      const values = textsOf(placed.entry);
      if (selected(values)) entries.push(entryOf(placed, message, values, gate));
    }
    const position = read > 0 ? this.#last : undefined;
    const ended = this.#finished && read < max;
    return {
      entries,
      read,
      cut,
      unreadable,
      ended,
      notices: [],
      ...(position === undefined ? {} : { position }),
    };
  }

  poll(): void {
    this.#open();
  }

  progress(): number | undefined {
    return this.#regular && this.#size > 0 ? Math.min(1, this.#consumed / this.#size) : undefined;
  }

  close(): void {
    this.#closed = true;
    this.#reading = undefined;
    this.#pending = undefined;
    if (this.#file !== undefined && this.#file !== STDIN) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): Reading {
    if (this.#closed) throw closed();
    if (this.#reading === undefined) throw new Error('bug: the source is not open');
    return this.#reading;
  }

  /**
   * Reads on towards the position. A file is searched to its end for a cursor, and once more by
   * time when the cursor is not in it; a pipe can be read once only, so there the cursor is given
   * up at the first later entry. A pipe that has nothing now is searched on by `next`.
   */
  #seek(position: Sought): Reach {
    this.#seeking = position;
    for (let item = this.#item(); item !== undefined; item = this.#item()) {
      const placed = place(item, this.#broken);
      if (placed === undefined) continue;
      const isIt = position.at === 'cursor' && sameEntry(placed.cursor, position.cursor);
      const isPast =
        position.at === 'time'
          ? placed.time >= position.time
          : position.at === 'cursor' && !this.#regular && placed.time > position.time;
      if (position.at === 'tail' || isIt) this.#last = { cursor: placed.cursor, time: placed.time };
      if (isPast) this.#pending = placed;
      if (isIt || isPast) {
        this.#seeking = undefined;
        return isIt || position.at === 'time' ? 'there' : 'gone';
      }
    }
    if (!this.#finished && position.at !== 'tail') return 'not yet';
    this.#seeking = undefined;
    if (position.at !== 'cursor') return 'there';
    if (this.#regular) {
      this.#start();
      this.#seek({ at: 'time', time: position.time });
    }
    return 'gone';
  }

  /**
   * The next item of the stream; undefined when there is none now. Never blocks on a pipe. Where
   * standard input is read as it is, reading may wait: not unless `mayWait`, so that what was read
   * already is delivered before.
   */
  #item(mayWait = true): ExportItem | undefined {
    const parser = this.#parser;
    for (;;) {
      const item = parser.next();
      if (item !== undefined || this.#finished) return item;
      if (!mayWait && this.#file === STDIN) return undefined;
      const bytes = this.#fill();
      if (bytes === undefined) return undefined;
      if (bytes > 0) {
        this.#consumed += bytes;
        parser.feed(Buffer.from(this.#chunk.subarray(0, bytes)));
      } else {
        parser.end();
        this.#finished = true;
      }
    }
  }

  #fill(): number | undefined {
    try {
      return readSync(this.#file as number, this.#chunk);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
      throw new OperatingError('ERR_EXPORT_READ', `${this.#path}: ${messageOf(cause)}`, { cause });
    }
  }
}

function closed(): OperatingError {
  return new OperatingError('ERR_JOURNAL_CLOSED', 'the source is closed');
}

/** Standard input itself. */
const STDIN = 0;

/**
 * Opens without ever blocking: a pipe is opened once more with a file description of its own.
 * Standard input may also be a socket (a parent that is Node gives one), which cannot be opened;
 * then it is read as it is, and reading waits.
 */
function openFile(path: string): number {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  try {
    return openSync(path === '-' ? '/proc/self/fd/0' : path, flags);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (path === '-' && code === 'ENXIO') return STDIN;
    throw new OperatorError(
      `the export stream ${path === '-' ? 'on standard input' : path} cannot be read: ${code}`,
      {
        hint: 'journalctl -o export > FILE, or: journalctl -o export | banjour replay -',
        exitCode: code === 'EACCES' ? EXIT.noPermission : EXIT.noInput,
        cause,
      },
    );
  }
}

/**
 * The entry with cursor and time. An export written by hand may lack them: then the cursor is the
 * entry's place in the file. Undefined without any time: such an entry cannot be judged.
 */
function place(item: ExportItem, broken: BrokenStream): Placed | undefined {
  if (item.kind === 'malformed') return undefined;
  const { entry, offset } = item;
  const isRest = broken.take((name) => entry.get(name)?.[0]?.head, entry.get('MESSAGE')?.[0]);
  const time = timeOf(entry, '__REALTIME_TIMESTAMP') ?? timeOf(entry, '_SOURCE_REALTIME_TIMESTAMP');
  if (time === undefined) return undefined;
  const text = entry.get('__CURSOR')?.[0]?.head.slice(0, FIELD_CHARS_MAX);
  return { cursor: cursor(text ?? `offset=${offset}`), time, entry, isRest };
}

function timeOf(entry: ExportEntry, field: string): EpochMicros | undefined {
  const text = entry.get(field)?.[0]?.head ?? '';
  const value = /^\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isNaN(value) ? undefined : entryTime(value);
}

function textsOf(entry: ExportEntry): FieldValues {
  const texts = new Map<string, string[]>();
  for (const [name, pieces] of entry)
    texts.set(
      name,
      pieces.map((piece) => piece.head.slice(0, FIELD_CHARS_MAX)),
    );
  return texts;
}

function entryOf(placed: Placed, message: Message, values: FieldValues, gate: Gate): Entry {
  const fields = new Map<string, string>();
  for (const name of gate.fields) {
    const value = values.get(name)?.[0];
    if (value !== undefined && name !== 'MESSAGE') fields.set(name, value);
  }
  const { text, cutAt } = message;
  return {
    cursor: placed.cursor,
    realtime: placed.time,
    message: text,
    fields,
    ...(cutAt === undefined ? {} : { cutAt }),
  };
}
