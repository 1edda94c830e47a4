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
import {
  expandGlobs,
  fieldsOf,
  globFieldsOf,
  isWholeJournal,
  type MatchExpression,
  WHOLE_JOURNAL,
} from '../../core/match.js';
import type { SourceId } from '../../core/names.js';
import type { EpochMicros } from '../../core/time.js';
import { BrokenLines, OUTPUT_FIELDS } from '../broken-lines.js';
import { gateTest, matchFieldsTest, routesOf, routesTest } from '../gate.js';
import { entryOf } from '../message.js';
import { ReadAgain } from './again.js';
import { MissedFiles } from './descriptors.js';
import {
  type LibsystemdSpec,
  openingOf,
  openWatched,
  type Reading,
  requireJournal,
} from './open.js';
import { abortedNotice, JournalPlace, spanOf } from './place.js';
import { bestReader, ReadAhead } from './readers.js';
import { Others, ofLibrary, Selection } from './selection.js';

export { check } from '../../../native/check.js';

/** Rotation is looked for at least this often while entries keep coming, ms; one system call. */
const PROCESS_EVERY_MS = 20;
/** So many delivered entries are remembered at most before it is looked whether one is missing. */
const LOOK_EVERY_ENTRIES = 5_000;

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
  readonly #pages = new JournalPages();
  readonly #broken: BrokenLines;
  #notices: string[] = [];
  readonly #missed: MissedFiles;
  readonly #again = new ReadAgain();
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
    this.#broken = new BrokenLines(() => openWatched(spec));
    this.#missed = new MissedFiles(spec);
  }

  open(match: MatchExpression, gate: Gate, position: Position): OpenReport {
    if (this.#closed) throw closed();
    if (this.#reading !== undefined) throw new Error('bug: a source is opened once');
    this.#notices.push(...requireJournal(this.#spec));
    const handle = openWatched(this.#spec);
    const inLibrary = ofLibrary(match);
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
    const selected = isWholeJournal(match) ? undefined : matchFieldsTest(match);
    const reading: Reading = {
      handle,
      hasGlobs: globFieldsOf(match).length > 0,
      reader,
      ahead: new ReadAhead(reader),
      inLibrary,
      selection: new Selection(inLibrary),
      selected,
      others: selected && new Others(match, selected),
      ofHost: this.#spec.kind === 'directory',
    };
    this.#reading = reading;
    this.#span = spanOf(reading.handle, position);
    const found = this.#place.goTo(handle, position, inLibrary);
    const { last } = this.#place;
    const atTail: Position = last === undefined ? { at: 'head' } : { at: 'cursor', ...last };
    this.#start = position.at === 'tail' ? atTail : position;
    this.#again.note(this.#start);
    this.#missed.opened(handle);
    return { gap: !found };
  }

  next(max: number): Batch {
    this.#open();
    if (performance.now() - this.#processed > PROCESS_EVERY_MS) this.poll();
    const { selected, ofHost, inLibrary, hasGlobs, others } = this.#open();
    const test = hasGlobs || inLibrary === WHOLE_JOURNAL ? selected : undefined;
    const taken = this.#takeAhead();
    const raw = taken ?? this.#readHere(max, (test && others?.most(max)) ?? max);
    const entries: Entry[] = [];
    let cut = raw.longOthers;
    // Files that are named do not come and go: nothing of them is read again.
    const isWatched = this.#spec.kind !== 'files';
    const { last } = this.#place;
    for (const each of isWatched ? this.#again.fresh(raw.entries, last) : raw.entries) {
      const entry = entryOf(each, ofHost);
      const wanted = test === undefined || test(each.fields, each.more);
      const isRest = wanted && this.#broken.isRest(each);
      if (entry.cutAt !== undefined || isRest) cut++;
      if (wanted && !isRest) entries.push(entry);
    }
    this.#broken.endBatch();
    const isOfOthers =
      test !== undefined &&
      taken === undefined &&
      others?.areAll(this.#open().handle, raw, entries.length > 0) === true;
    // Many hosts' files may be open at once: no second descriptor stays for each.
    if (!isWatched) this.#broken.close();
    const { read, unreadable } = raw;
    if (raw.aborted > 0) this.#notices.push(abortedNotice(this.id, raw.aborted, last));
    this.#pages.read(read);
    // A file that has just come may hold what lies before these: while that is not read, no
    // position behind it is told. Whatever a file has was written after it came, so it is known by
    // now.
    if (read > 0) this.poll();
    const place = this.#positions(raw, last);
    const notices = this.#notices;
    this.#notices = [];
    return {
      entries,
      read,
      cut,
      unreadable,
      ended: !isWatched && !raw.more,
      notices,
      ...(isOfOthers ? { isOfOthers } : {}),
      ...place,
    };
  }

  /** What to tell of the place after a batch that ended at `last`. */
  #positions(
    { read, more }: RawBatch,
    last: ReadPosition | undefined,
  ): Pick<Batch, 'position' | 'reached'> {
    const { isWhole } = this.#missed;
    // It went back since: what it comes to there tells how far it has read.
    if (this.#place.last !== last) return last === undefined ? {} : { reached: last };
    const position =
      read > 0
        ? this.#again.reached(last, more || this.#open().ahead.active, isWhole)
        : this.#again.released(last, isWhole);
    return {
      ...(position === undefined ? {} : { position }),
      ...(read === 0 || last === undefined || position === last ? {} : { reached: last }),
    };
  }

  /** `most`: entries to read at once, where as many as `max` are a full batch. */
  #readHere(max: number, most: number): RawBatch {
    const { handle, reader, ahead } = this.#open();
    const before = this.#place.last;
    const raw = reader.read(
      handle,
      most,
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
    if (taken === undefined) this.#endAhead();
    else this.#place.rememberAhead(taken.last);
    return taken?.batch;
  }

  /** Files that came meanwhile are of later entries than what was read ahead. */
  #endAhead(): void {
    const { isWhole } = this.#missed;
    this.#reopen();
    if (!isWhole) this.#readAgain();
    else if (this.#missed.isWhole) this.#again.note(this.#here);
  }

  /** Where reading ahead may begin: not where a place was lost. */
  #placeAhead(): ReadRange | undefined {
    const { handle, inLibrary } = this.#open();
    const { last, isLost } = this.#place;
    if (last === undefined || isLost || !this.#span) return undefined;
    return {
      ...openingOf(this.#spec),
      match: inLibrary,
      after: last.cursor,
      until: this.#span.to,
      usage: handle.usage(),
    };
  }

  poll(): void {
    this.#processed = performance.now();
    const { handle, ahead } = this.#open();
    // The handle stands where reading ahead began: it is put right when that is over.
    if (ahead.active || this.#spec.kind === 'files') return;
    if (handle.process() === CHANGE.invalidate) this.#filesChanged();
    else if (this.#missed.isDue || (this.#missed.isWhole && this.#again.size >= LOOK_EVERY_ENTRIES))
      this.#look();
  }

  wait(interval: number, most: number, orders?: number): boolean {
    const { handle, reader } = this.#open();
    if (reader.wait === undefined || this.#spec.kind === 'files' || this.#place.isLost)
      return false;
    if (this.#standing) return true;
    const awaited = reader.wait(handle, interval, most, orders);
    this.#processed = performance.now();
    this.#standing = awaited === 'entry';
    if (awaited === 'invalidate') this.#filesChanged();
    return true;
  }

  expanded(match: MatchExpression): MatchExpression {
    if (globFieldsOf(match).length === 0) return match;
    const handle = openWatched(this.#spec);
    try {
      return expandGlobs(match, (field) => handle.uniqueValues(field, GLOB_VALUES_MAX));
    } finally {
      handle.close();
    }
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
   * Lets libsystemd select or read everything, whichever is cheaper by the batch that was read
   * after `before`.
   */
  #select(read: number, before: ReadPosition | undefined): void {
    const reading = this.#open();
    if (!reading.selection.note(read, before?.cursor, this.#place.last?.cursor)) return;
    const { inLibrary } = reading.selection;
    reading.handle.setMatches(inLibrary);
    this.#reading = { ...reading, inLibrary };
  }

  /**
   * Files came or went. libsystemd passes over what a file that came has from before the place that
   * it has reached in the others, so it is read again from where nothing was missing.
   */
  #filesChanged(): void {
    const { handle } = this.#open();
    const { last } = this.#place;
    if (last !== undefined && !handle.testCursor(last.cursor)) this.#reopen();
    this.#readAgain();
  }

  /** Looks whether the handle has all files; where it has not and can have them, reads them too. */
  #look(): void {
    const { handle } = this.#open();
    if (this.#missed.look(handle)) {
      if (!this.#place.isStale) this.#again.note(this.#here);
      return;
    }
    // An entry that was waited for stands to be read.
    const whole = this.#standing ? undefined : this.#missed.reopened();
    if (whole === undefined) return;
    handle.close();
    this.#goOn(whole, this.#begin());
  }

  /** Reading goes back: where to. Says so when that is not far enough. */
  #begin(): Position {
    const { from, isCut } = this.#again.begin(this.#here);
    if (isCut)
      this.#notices.push(
        `${this.id}: journal files were not read in time, and so much was logged meanwhile that entries of these files may be missing; if they could not be opened for want of file descriptors, raise LimitNOFILE= in banjour.service`,
      );
    return from;
  }

  /** Opens the files that are there now, at the entry that was read last. */
  #reopen(): void {
    // The new handle may need the descriptors of the old one.
    this.#open().handle.close();
    const handle = openWatched(this.#spec);
    this.#missed.opened(handle);
    this.#goOn(handle, this.#here);
  }

  /** Reads once more, with the handle that is open, what was read since nothing was missing. */
  #readAgain(): void {
    const here = this.#here;
    if (!this.#again.isNeeded(here)) return;
    const { handle, inLibrary } = this.#open();
    const from = this.#begin();
    this.#standing = false;
    // Where it is gone, what there was between the two was read at least once.
    if (!this.#place.goTo(handle, from, inLibrary)) this.#place.goTo(handle, here, inLibrary);
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
    // It would look back without the files that came.
    this.#broken.close();
    if (!this.#place.goTo(handle, position, reading.inLibrary))
      this.#notices.push(
        `${this.id}: the entry that was read last is gone from the journal (vacuumed?), so entries after it may be missing`,
      );
  }
}

function closed(): OperatingError {
  return new OperatingError('ERR_JOURNAL_CLOSED', 'the source is closed');
}
