/**
 * Entries read through libsystemd: this host's journal, a directory, files.
 *
 * Only MESSAGE is read of every entry; cursor, time and other fields only of those that pass the
 * literal gate, because reading four fields costs more than twice as much as MESSAGE alone. Of an
 * entry with several MESSAGE fields (no daemon writes such) the gate looks at the first.
 */
import { CHANGE, type JournalHandle } from '../../../native/journal.js';
import { JournalPages } from '../../../native/libc.js';
import type { EntryReader, RawBatch, ReadRange, Wanted } from '../../../native/raw-entries.js';
import type {
  Batch,
  Entry,
  EntrySource,
  Gate,
  OpenReport,
  Position,
  ReadPosition,
} from '../../core/entry.js';
import { OperatingError } from '../../core/errors.js';
import { GLOB_VALUES_MAX } from '../../core/limits.js';
import { fieldsOf, isWholeJournal, type MatchExpression, WHOLE_JOURNAL } from '../../core/match.js';
import type { SourceId } from '../../core/names.js';
import { type EpochMicros, isoTime } from '../../core/time.js';
import { BrokenLines, OUTPUT_FIELDS } from '../broken-lines.js';
import { gateTest, matchFieldsTest, routesOf, routesTest } from '../gate.js';
import { entryOf } from '../message.js';
import { MissedFiles } from './descriptors.js';
import { LateEntries } from './late.js';
import {
  type LibsystemdSpec,
  openingOf,
  openWatched,
  type Reading,
  requireJournal,
} from './open.js';
import { JournalPlace, spanOf } from './place.js';
import { bestReader, ReadAhead } from './readers.js';
import { ofLibrary, Selection, UnitGlobs } from './selection.js';

export { check } from '../../../native/check.js';

/** Rotation is looked for at least this often while entries keep coming, ms; one system call. */
const PROCESS_EVERY_MS = 20;

export class LibsystemdSource implements EntrySource {
  readonly id: SourceId;
  readonly #spec: LibsystemdSpec;
  readonly #makeReader: (wanted: Wanted) => EntryReader;
  #reading: Reading | undefined;
  #closed = false;
  readonly #place = new JournalPlace();
  /** The journal stands on an entry that was not read yet. */
  #standing = false;
  #processed = 0;
  readonly #late: LateEntries;
  readonly #pages = new JournalPages();
  readonly #broken: BrokenLines;
  #notices: string[] = [];
  readonly #missed: MissedFiles;
  /** Where reading began, for as long as no entry was read. */
  #start: Position = { at: 'head' };
  /** Times between which the stored entries lie that `open` has set out to read. */
  #span: { readonly from: EpochMicros; readonly to: EpochMicros } | undefined;

  /** `makeReader` is for tests and benchmarks; by default C reads when it was compiled. */
  constructor(
    id: SourceId,
    spec: LibsystemdSpec,
    makeReader: (wanted: Wanted) => EntryReader = bestReader,
  ) {
    this.id = id;
    this.#spec = spec;
    this.#makeReader = makeReader;
    this.#late = new LateEntries(spec);
    this.#broken = new BrokenLines(() => openWatched(spec));
    this.#missed = new MissedFiles(spec);
  }

  open(match: MatchExpression, gate: Gate, position: Position): OpenReport {
    if (this.#closed) throw closed();
    if (this.#reading !== undefined) throw new Error('bug: a source is opened once');
    this.#notices.push(...requireJournal(this.#spec));
    const handle = openWatched(this.#spec);
    const globs = new UnitGlobs(match);
    const expanded = globs.present ? (globs.look(valuesIn(handle))?.all ?? match) : match;
    const inLibrary = ofLibrary(expanded);
    const routes = routesOf(gate);
    const reader = this.#makeReader({
      literals: gate.literals,
      passes: gateTest(gate),
      routes,
      fits: routesTest(routes),
      fields: new Set(
        [...gate.fields, ...fieldsOf(match), ...OUTPUT_FIELDS].filter((name) => name !== 'MESSAGE'),
      ),
    });
    const reading: Reading = {
      handle,
      globs,
      reader,
      ahead: new ReadAhead(reader),
      inLibrary,
      selection: new Selection(inLibrary),
      selected: isWholeJournal(match) ? undefined : matchFieldsTest(match),
      ofHost: this.#spec.kind === 'directory',
    };
    this.#reading = reading;
    this.#span = spanOf(reading.handle, position);
    const found = this.#place.goTo(handle, position, inLibrary);
    const { last } = this.#place;
    const atTail: Position = last === undefined ? { at: 'head' } : { at: 'cursor', ...last };
    this.#start = position.at === 'tail' ? atTail : position;
    this.#late.expandedAt(this.#start);
    this.#missed.begin(this.#start);
    return { gap: !found };
  }

  next(max: number): Batch {
    this.#open();
    if (performance.now() - this.#processed > PROCESS_EVERY_MS) this.poll();
    const { selected, ofHost, inLibrary, globs } = this.#open();
    const test = globs.present || inLibrary === WHOLE_JOURNAL ? selected : undefined;
    const raw = this.#takeAhead() ?? this.#readHere(max);
    const entries: Entry[] = [];
    let cut = raw.longOthers;
    const late = this.#late.take();
    const all = late.length === 0 ? raw.entries : [...late, ...raw.entries];
    for (const each of this.#missed.fresh(all, this.#place.last)) {
      const entry = entryOf(each, ofHost);
      const wanted = test === undefined || test(each.fields, each.more);
      const isRest = wanted && this.#broken.isRest(each);
      if (entry.cutAt !== undefined || isRest) cut++;
      if (wanted && !isRest) entries.push(entry);
    }
    this.#broken.endBatch();
    // Many hosts' files may be open at once: no second descriptor stays for each.
    if (this.#spec.kind === 'files') this.#broken.close();
    const { unreadable } = raw;
    this.#tellAborted(raw.aborted);
    const read = raw.read + late.length;
    this.#pages.read(raw.read);
    const notices = this.#notices;
    this.#notices = [];
    const ended = this.#spec.kind === 'files' && !raw.more;
    const more = raw.more || this.#open().ahead.active;
    const position = read > 0 ? this.#missed.reached(this.#place.last, more) : undefined;
    return {
      entries,
      read,
      cut,
      unreadable,
      ended,
      notices,
      ...(position === undefined ? {} : { position }),
    };
  }

  /**
   * Says that entries were passed over at which libsystemd would have ended this process, as often
   * as that happens.
   */
  #tellAborted(count: number): void {
    if (count === 0) return;
    const { last } = this.#place;
    const where = last === undefined ? '' : `, not long before ${isoTime(last.time)}`;
    this.#notices.push(
      `${this.id}: ${count} ${count === 1 ? 'entry' : 'entries'} of the journal ${count === 1 ? 'was' : 'were'} passed over${where}: the file is damaged in a way that ends libsystemd (journalctl --verify names it)`,
    );
  }

  #readHere(max: number): RawBatch {
    const { handle, reader, ahead } = this.#open();
    const before = this.#place.last;
    const raw = reader.read(
      handle,
      max,
      this.#standing || (this.#place.isLost && this.#place.nextIsNew(handle)),
    );
    this.#standing = false;
    if (raw.read > 0) this.#place.remember(handle);
    if (raw.more) this.#select(raw.read, before);
    ahead.note(raw, max, () => this.#placeAhead());
    return raw;
  }

  /**
   * A batch that was read ahead. After the last one the source stands behind it, and reads on
   * itself.
   */
  #takeAhead(): RawBatch | undefined {
    const { ahead } = this.#open();
    if (!ahead.active) return undefined;
    const taken = ahead.take();
    if (taken === undefined) this.#reopen();
    else this.#place.rememberAhead(taken.last);
    return taken?.batch;
  }

  /**
   * Where reading ahead may begin: not where units may appear that a wildcard fits, or a place was
   * lost.
   */
  #placeAhead(): ReadRange | undefined {
    const { globs, inLibrary } = this.#open();
    const { last, isLost } = this.#place;
    if (globs.present || last === undefined || isLost || !this.#span) return undefined;
    return {
      ...openingOf(this.#spec),
      match: inLibrary,
      after: last.cursor,
      until: this.#span.to,
    };
  }

  poll(): void {
    this.#processed = performance.now();
    // The handle stands where reading ahead began: it is put right when that is over.
    if (this.#open().ahead.active) return;
    this.#takeInMissed();
    if (this.#spec.kind !== 'files' && this.#open().handle.process() === CHANGE.invalidate)
      this.#verifyPosition();
    // An entry that was waited for stands to be read: a new selection would lose it.
    if (this.#open().globs.due && !this.#standing) this.#expand();
  }

  wait(interval: number, most: number, orders?: number): boolean {
    this.#takeInMissed();
    const { handle, reader } = this.#open();
    if (reader.wait === undefined || this.#spec.kind === 'files' || this.#place.isLost)
      return false;
    if (this.#standing) return true;
    const awaited = reader.wait(handle, interval, most, orders);
    this.#processed = performance.now();
    this.#standing = awaited === 'entry';
    if (awaited === 'invalidate') this.#verifyPosition();
    return true;
  }

  /** A value of the field in any entry, whatever is selected. */
  someValue(field: string): string | undefined {
    return this.#open().handle.uniqueValues(field, 1)[0];
  }

  /** By time: libsystemd does not know how many entries there are. */
  progress(): number | undefined {
    const span = this.#span;
    if (span === undefined) return undefined;
    const read = (this.#place.last?.time ?? span.from) - span.from;
    return span.to <= span.from ? 1 : Math.min(1, Math.max(0, read / (span.to - span.from)));
  }

  close(): void {
    this.#closed = true;
    this.#broken.close();
    this.#reading?.ahead.close();
    this.#reading?.handle.close();
    this.#reading?.reader.close();
    this.#reading = undefined;
  }

  #open(): Reading {
    if (this.#closed) throw closed();
    if (this.#reading === undefined) throw new Error('bug: the source is not open');
    return this.#reading;
  }

  /**
   * Selects the units too that have appeared since the last look, and reads what they said
   * meanwhile.
   */
  #expand(): void {
    const reading = this.#open();
    const expansion = reading.globs.look(valuesIn(reading.handle));
    if (expansion !== undefined) {
      this.#late.read(expansion.added, reading.reader, this.#place);
      reading.selection.become(ofLibrary(expansion.all));
      this.#selectAnew(reading);
    }
    if (this.#place.last !== undefined) this.#late.expandedAt(this.#here);
  }

  /**
   * Lets libsystemd select or read everything, whichever is cheaper by the batch that was read
   * after `before`.
   */
  #select(read: number, before: ReadPosition | undefined): void {
    const reading = this.#open();
    if (reading.selection.note(read, before?.cursor, this.#place.last?.cursor))
      this.#selectAnew(reading);
  }

  #selectAnew(reading: Reading): void {
    const { inLibrary } = reading.selection;
    reading.handle.setMatches(inLibrary);
    this.#reading = { ...reading, inLibrary };
  }

  /**
   * After files came or went: goes on only if libsystemd still stands where it was, else opens anew
   * at that place.
   */
  #verifyPosition(): void {
    this.#missed.note(this.#here);
    const last = this.#place.last;
    if (last !== undefined && !this.#open().handle.testCursor(last.cursor)) this.#reopen();
  }

  /** Opens all files anew where some were passed over, and reads what these hold. */
  #takeInMissed(): void {
    const { handle, ahead } = this.#open();
    const whole = this.#missed.take(!ahead.active && !this.#standing, this.#here);
    if (whole === undefined) return;
    handle.close();
    if (whole.isCut)
      this.#notices.push(
        `${this.id}: journal files could not be opened for want of file descriptors, and so much was logged meanwhile that entries of these files may be missing; raise LimitNOFILE= in banjour.service`,
      );
    this.#goOn(whole.handle, whole.from);
  }

  /** Opens the files that are there now, at the entry that was read last. */
  #reopen(): void {
    // The new handle may need the descriptors of the old one.
    this.#open().handle.close();
    const handle = openWatched(this.#spec);
    this.#missed.note(this.#here);
    this.#goOn(handle, this.#here);
  }

  /** The entry that was read last, or else where reading began. */
  get #here(): Position {
    const { last } = this.#place;
    return last === undefined ? this.#start : { at: 'cursor', ...last };
  }

  /** Reads on with another handle, from this position. */
  #goOn(handle: JournalHandle, position: Position): void {
    const reading = this.#open();
    this.#reading = { ...reading, handle };
    this.#standing = false;
    if (!this.#place.goTo(handle, position, reading.inLibrary))
      this.#notices.push(
        `${this.id}: the entry that was read last is gone from the journal (vacuumed?), so entries after it may be missing`,
      );
  }
}

function closed(): OperatingError {
  return new OperatingError('ERR_JOURNAL_CLOSED', 'the source is closed');
}

function valuesIn(handle: JournalHandle): (field: string) => string[] {
  return (field) => handle.uniqueValues(field, GLOB_VALUES_MAX);
}
