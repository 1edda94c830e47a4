/**
 * Entries read through libsystemd: this host's journal, a directory, files. The one file of this room that touches
 * `native`.
 *
 * Only MESSAGE is read of every entry; cursor, time and other fields only of those that pass the literal gate, because
 * reading four fields costs more than twice as much as MESSAGE alone. Of an entry with several MESSAGE fields (no
 * daemon writes such) the gate looks at the first.
 */

export { check } from '../../native/check.js';

import { localDirectories, requireReadable } from '../../native/files.js';
import { CHANGE, fieldKey, JournalHandle, READ } from '../../native/journal.js';
import type { Batch, Entry, EntrySource, Gate, OpenReport, Position, ReadPosition, SourceSpec } from '../core/entry.js';
import { OperatingError } from '../core/errors.js';
import { ENTRY_FIELDS_MAX, FIELD_CHARS_MAX, JOURNAL_MATCH_TERMS_MAX, MESSAGE_CHARS_MAX } from '../core/limits.js';
import { fieldsOf, isWholeJournal, type MatchExpression, WHOLE_JOURNAL } from '../core/match.js';
import type { Cursor, SourceId } from '../core/names.js';
import { sameEntry } from './cursor.js';
import { gateTest } from './gate.js';
import { matchTest } from './match-test.js';
import { composeMessage, type Piece } from './message.js';

export type LibsystemdSpec = Exclude<SourceSpec, { kind: 'export' }>;

const MESSAGE = fieldKey('MESSAGE');
const MESSAGE_PREFIX = 'MESSAGE='.length;

/** Rotation is looked for at least this often while entries keep coming, ms; one system call. */
const PROCESS_EVERY_MS = 20;

/** How an open source reads; fixed by `open`. */
interface Reading {
  readonly handle: JournalHandle;
  readonly inLibrary: MatchExpression;
  readonly wanted: ReadonlySet<string>;
  readonly kept: ReadonlySet<string>;
  readonly passes: (text: string) => boolean;
  readonly selected: ((values: ReadonlyMap<string, readonly string[]>) => boolean) | undefined;
}

export class LibsystemdSource implements EntrySource {
  readonly id: SourceId;
  readonly #spec: LibsystemdSpec;
  #reading: Reading | undefined;
  #closed = false;
  #last: ReadPosition | undefined;
  /** Set when the place was not found: the next entry is not delivered again if it is a copy of this one. */
  #lost: Cursor | undefined;
  #processed = 0;
  #notices: string[] = [];

  constructor(id: SourceId, spec: LibsystemdSpec) {
    this.id = id;
    this.#spec = spec;
  }

  open(match: MatchExpression, gate: Gate, position: Position): OpenReport {
    if (this.#closed) throw closed();
    if (this.#reading !== undefined) throw new Error('bug: a source is opened once');
    this.#notices.push(...this.#refuseUnreadable());
    const inLibrary = termsOf(match) <= JOURNAL_MATCH_TERMS_MAX ? match : WHOLE_JOURNAL;
    const here = !isWholeJournal(match) && inLibrary !== match;
    const reading: Reading = {
      handle: this.#openHandle(),
      inLibrary,
      wanted: new Set([...gate.fields, ...(here ? fieldsOf(match) : [])].filter((name) => name !== MESSAGE.name)),
      kept: new Set(gate.fields.filter((name) => name !== MESSAGE.name)),
      passes: gateTest(gate),
      selected: here ? matchTest(match) : undefined,
    };
    this.#reading = reading;
    return { gap: !this.#place(reading, position) };
  }

  next(max: number): Batch {
    const reading = this.#open();
    if (performance.now() - this.#processed > PROCESS_EVERY_MS) this.poll();
    const { handle } = this.#open();
    const entries: Entry[] = [];
    let read = 0;
    let cut = 0;
    let unreadable = 0;
    let more = true;
    while (read < max) {
      more = handle.next();
      if (!more) break;
      if (this.#lost !== undefined && this.#isCopyOfLost(handle)) continue;
      read++;
      const result = handle.readData(MESSAGE);
      if (result === READ.unreadable) {
        unreadable++;
        continue;
      }
      const length = result === READ.found ? handle.dataLength : MESSAGE_PREFIX;
      if (length - MESSAGE_PREFIX > MESSAGE_CHARS_MAX && isOverlong(handle)) cut++;
      if (!reading.passes(handle.data.toString('latin1', MESSAGE_PREFIX, length))) continue;
      const entry = readEntry(handle, reading);
      if (entry === undefined) unreadable++;
      else if (entry !== 'not-selected') entries.push(entry);
    }
    if (read > 0) this.#remember(handle);
    const notices = this.#notices;
    this.#notices = [];
    const ended = this.#spec.kind === 'files' && !more;
    const position = read > 0 ? this.#last : undefined;
    return { entries, read, cut, unreadable, ended, notices, ...(position === undefined ? {} : { position }) };
  }

  poll(): void {
    const { handle } = this.#open();
    if (this.#spec.kind === 'files') return;
    this.#processed = performance.now();
    if (handle.process() === CHANGE.invalidate) this.#verifyPosition();
  }

  close(): void {
    this.#closed = true;
    this.#reading?.handle.close();
    this.#reading = undefined;
  }

  #open(): Reading {
    if (this.#closed) throw closed();
    if (this.#reading === undefined) throw new Error('bug: the source is not open');
    return this.#reading;
  }

  /** Libsystemd reads a journal without permission as an empty one; this says why. */
  #refuseUnreadable(): string[] {
    const spec = this.#spec;
    if (spec.kind === 'local') return requireReadable('this host', localDirectories(spec.namespace));
    if (spec.kind === 'directory') {
      JournalHandle.openDirectory(spec.path).close();
      return requireReadable(spec.path, [spec.path]);
    }
    for (const path of spec.paths) JournalHandle.openFiles([path]).close();
    return [];
  }

  #openHandle(): JournalHandle {
    const spec = this.#spec;
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

  /**
   * Goes to the position and selects the entries, in this order: the entry of the position need not be among the
   * selected. `setMatches` keeps the place (libsystemd's `detach_location`). False when a wanted cursor is gone.
   */
  #place(reading: Reading, position: Position): boolean {
    const { handle, inLibrary } = reading;
    handle.setMatches(WHOLE_JOURNAL);
    let found = true;
    if (position.at === 'tail') {
      handle.seekTail();
      if (handle.previous()) this.#remember(handle);
      else handle.seekHead();
    } else if (position.at === 'cursor') {
      this.#last = position;
      const isCursor = handle.seekCursor(position.cursor);
      const here = isCursor && handle.next() ? handle.cursor() : undefined;
      found = here !== undefined && (handle.testCursor(position.cursor) || sameEntry(here, position.cursor));
      if (!found && isCursor) handle.seekCursor(position.cursor);
      else if (!found) handle.seekRealtime(position.time);
    } else if (position.at === 'time') handle.seekRealtime(position.time);
    else handle.seekHead();
    handle.setMatches(inLibrary);
    this.#lost = found || position.at !== 'cursor' ? undefined : position.cursor;
    return found;
  }

  #isCopyOfLost(handle: JournalHandle): boolean {
    const here = handle.cursor();
    const isCopy = here !== undefined && this.#lost !== undefined && sameEntry(here, this.#lost);
    this.#lost = undefined;
    return isCopy;
  }

  #remember(handle: JournalHandle): void {
    const cursor = handle.cursor();
    const time = handle.realtime();
    if (cursor !== undefined && time !== undefined) this.#last = { cursor, time };
  }

  /** After files came or went: goes on only if libsystemd still stands where it was, else opens anew at that place. */
  #verifyPosition(): void {
    const reading = this.#open();
    const last = this.#last;
    if (last === undefined || reading.handle.testCursor(last.cursor)) return;
    const handle = this.#openHandle();
    reading.handle.close();
    this.#reading = { ...reading, handle };
    if (!this.#place(this.#reading, { at: 'cursor', ...last }))
      this.#notices.push('the entry read last was removed from the journal; entries after it may be missing');
  }
}

function closed(): OperatingError {
  return new OperatingError('ERR_JOURNAL_CLOSED', 'the source is closed');
}

function termsOf(match: MatchExpression): number {
  let terms = 0;
  for (const group of match.groups) for (const values of group.values()) terms += values.length;
  return terms;
}

/** True when the MESSAGE in `data`, longer than the bound in bytes, is so in characters too. */
function isOverlong(handle: JournalHandle): boolean {
  return (
    handle.dataSplit > 0 || handle.data.toString('utf8', MESSAGE_PREFIX, handle.dataLength).length > MESSAGE_CHARS_MAX
  );
}

/** Reads the rest of an entry that passed the gate. Undefined when it cannot be read. */
function readEntry(handle: JournalHandle, reading: Reading): Entry | 'not-selected' | undefined {
  const pieces: Piece[] = [];
  const values = new Map<string, string[]>();
  handle.restartData();
  for (let count = 0; count < ENTRY_FIELDS_MAX; count++) {
    if (handle.enumerateData() !== READ.found) break;
    const { data, dataLength, dataSplit } = handle;
    const equals = data.indexOf(0x3d);
    if (equals < 0 || equals >= dataLength) continue;
    const name = data.toString('latin1', 0, equals);
    if (name === MESSAGE.name) {
      const head = data.toString('utf8', equals + 1, dataSplit > 0 ? dataSplit : dataLength);
      pieces.push(dataSplit > 0 ? { head, tail: data.toString('utf8', dataSplit, dataLength) } : { head });
    } else if (reading.wanted.has(name)) {
      const value = data.toString('utf8', equals + 1, dataSplit > 0 ? dataSplit : dataLength).slice(0, FIELD_CHARS_MAX);
      const others = values.get(name);
      if (others === undefined) values.set(name, [value]);
      else others.push(value);
    }
  }
  if (reading.selected !== undefined && !reading.selected(values)) return 'not-selected';
  const cursor = handle.cursor();
  const realtime = handle.realtime();
  if (cursor === undefined || realtime === undefined) return undefined;
  const { text, cutAt } = composeMessage(pieces);
  const fields = new Map<string, string>();
  for (const name of reading.kept) {
    const value = values.get(name)?.[0];
    if (value !== undefined) fields.set(name, value);
  }
  return { cursor, realtime, message: text, fields, ...(cutAt === undefined ? {} : { cutAt }) };
}
