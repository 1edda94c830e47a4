/**
 * One open journal. The class owns the `sd_journal` pointer: after `close()` the pointer is gone
 * and every call throws `ERR_JOURNAL_CLOSED`. A handle is used by the thread that made it, only
 * (sd_journal_open(3), "Notes").
 */
import koffi from 'koffi';
import { OperatingError } from '../src/core/errors.js';
import { JOURNAL_DATA_BYTES_MAX } from '../src/core/limits.js';
import { isWholeJournal, type MatchExpression } from '../src/core/match.js';
import { type Cursor, cursor } from '../src/core/names.js';
import { type EpochMicros, entryTime } from '../src/core/time.js';
import { DataCopy, type FieldKey, READ, type Read } from './entry-data.js';
import { callFailed, ERRNO, isUnreadable, openProblem } from './errors.js';
import { StableMemory } from './libc.js';
import { type Libsystemd, libsystemd } from './libsystemd.js';

/** `SD_JOURNAL_LOCAL_ONLY` of sd-journal.h: not the files that other machines sent here. */
const LOCAL_ONLY = 1;

/** What sd_journal_process(3) and sd_journal_wait(3) report. */
export const CHANGE = { nop: 0, append: 1, invalidate: 2 } as const;
export type Change = (typeof CHANGE)[keyof typeof CHANGE];

export class JournalHandle {
  #pointer: bigint | undefined;
  readonly #lib: Libsystemd;
  /** Out-parameters: two words, pointer and length, as in `struct iovec`; two more for an id. */
  readonly #out = new StableMemory(32);
  readonly #words = this.#out.words();
  /** The data that `readData`, `enumerateData` read last. */
  readonly data = new DataCopy();

  /**
   * Opens the journal of this host, of all users, or one of its namespaces (sd_journal_open(3)).
   */
  static openLocal(namespace?: string): JournalHandle {
    return new JournalHandle(
      namespace === undefined ? 'the journal' : `the journal namespace ${namespace}`,
      (lib, out) =>
        namespace === undefined
          ? lib.sd_journal_open(out, LOCAL_ONLY)
          : lib.sd_journal_open_namespace(out, namespace, LOCAL_ONLY),
    );
  }

  /** Opens all journal files of a directory and of its machine-id subdirectories. */
  static openDirectory(path: string): JournalHandle {
    return new JournalHandle(path, (lib, out) => lib.sd_journal_open_directory(out, path, 0));
  }

  /** Opens exactly these files; files that appear later are not noticed. */
  static openFiles(paths: readonly string[]): JournalHandle {
    return new JournalHandle(paths.join(', '), (lib, out) =>
      lib.sd_journal_open_files(out, [...paths, null], 0),
    );
  }

  /** Opens exactly the files of these descriptors, which must stay open as long as the handle. */
  static openDescriptors(descriptors: readonly number[]): JournalHandle {
    return new JournalHandle(`descriptors ${descriptors.join(', ')}`, (lib, out) =>
      lib.sd_journal_open_files_fd(out, descriptors, descriptors.length, 0),
    );
  }

  /** With what this class opens a journal, for those who open the same one in C. */
  static opening(local: boolean): { readonly flags: number; readonly threshold: number } {
    return { flags: local ? LOCAL_ONLY : 0, threshold: JOURNAL_DATA_BYTES_MAX };
  }

  private constructor(what: string, open: (lib: Libsystemd, out: bigint) => number) {
    this.#lib = libsystemd();
    const result = open(this.#lib, this.#out.address);
    if (result < 0) {
      this.#free();
      throw openProblem(what, result);
    }
    this.#pointer = this.#words[0] as bigint;
    this.setDataThreshold(JOURNAL_DATA_BYTES_MAX);
  }

  get closed(): boolean {
    return this.#pointer === undefined;
  }

  /** Closes the journal; the second call does nothing. */
  close(): void {
    if (this.#pointer === undefined) return;
    this.#lib.sd_journal_close(this.#pointer);
    this.#pointer = undefined;
    this.#free();
  }

  #free(): void {
    this.#out.free();
    this.data.free();
  }

  /** The `sd_journal` itself, for the C batch reader. */
  get pointer(): bigint {
    return this.#open();
  }

  #open(): bigint {
    if (this.#pointer === undefined)
      throw new OperatingError('ERR_JOURNAL_CLOSED', 'the journal is closed');
    return this.#pointer;
  }

  #check(call: string, result: number): number {
    if (result < 0) throw callFailed(call, result);
    return result;
  }

  /**
   * Compressed data is unpacked up to this many bytes (sd_journal_set_data_threshold(3)); 0 is
   * without bound.
   */
  setDataThreshold(bytes: number): void {
    this.#check(
      'sd_journal_set_data_threshold',
      this.#lib.sd_journal_set_data_threshold(this.#open(), bytes),
    );
  }

  /**
   * Selects the entries of the expression and forgets earlier selections (sd_journal_add_match(3):
   * terms of the same field are OR, of different fields AND; groups are joined by disjunctions).
   * Seek afterwards.
   */
  setMatches(expression: MatchExpression): void {
    const pointer = this.#open();
    this.#lib.sd_journal_flush_matches(pointer);
    if (isWholeJournal(expression)) return;
    expression.groups.forEach((group, index) => {
      if (index > 0) this.addDisjunction();
      for (const [field, values] of group) for (const value of values) this.addMatch(field, value);
    });
  }

  addMatch(field: string, value: string): void {
    const bytes = Buffer.from(`${field}=${value}`, 'utf8');
    this.#check(
      'sd_journal_add_match',
      this.#lib.sd_journal_add_match(this.#open(), bytes, bytes.length),
    );
  }

  addDisjunction(): void {
    this.#check('sd_journal_add_disjunction', this.#lib.sd_journal_add_disjunction(this.#open()));
  }

  addConjunction(): void {
    this.#check('sd_journal_add_conjunction', this.#lib.sd_journal_add_conjunction(this.#open()));
  }

  /** Before the first entry: `next` goes to it. */
  seekHead(): void {
    this.#check('sd_journal_seek_head', this.#lib.sd_journal_seek_head(this.#open()));
  }

  /**
   * After the last entry: `previous` goes to it. Never call `next` after it: it skips or repeats on
   * rotation.
   */
  seekTail(): void {
    this.#check('sd_journal_seek_tail', this.#lib.sd_journal_seek_tail(this.#open()));
  }

  /** Before the first entry received at or after `time`. */
  seekRealtime(time: EpochMicros): void {
    this.#check(
      'sd_journal_seek_realtime_usec',
      this.#lib.sd_journal_seek_realtime_usec(this.#open(), time),
    );
  }

  /**
   * Before the entry of the cursor, or the next closest when it is gone: `next`, then `testCursor`.
   * False when the text is no cursor at all.
   */
  seekCursor(to: Cursor): boolean {
    const result = this.#lib.sd_journal_seek_cursor(this.#open(), to);
    if (result === -ERRNO.EINVAL) return false;
    this.#check('sd_journal_seek_cursor', result);
    return true;
  }

  /** True when the current entry is the cursor's. False without a current entry. */
  testCursor(other: Cursor): boolean {
    const result = this.#lib.sd_journal_test_cursor(this.#open(), other);
    if (result === -ERRNO.EADDRNOTAVAIL || result === -ERRNO.EINVAL || isUnreadable(result))
      return false;
    return this.#check('sd_journal_test_cursor', result) > 0;
  }

  /** Goes to the next entry; false when there is none now. */
  next(): boolean {
    const result = this.#lib.sd_journal_next(this.#open());
    return result > 0 || this.#check('sd_journal_next', result) > 0;
  }

  /** Goes to the entry before; false when there is none. */
  previous(): boolean {
    return this.#check('sd_journal_previous', this.#lib.sd_journal_previous(this.#open())) > 0;
  }

  /**
   * Copies one field of the current entry to `data`. With several values of the field, one of them.
   * Three calls into C and no allocation but one number: this is the hot path.
   */
  readData(key: FieldKey): Read {
    const out = this.#out.address;
    const result = this.#lib.sd_journal_get_data(this.#open(), key.address, out, out + 8n);
    return result >= 0 ? this.#take() : this.#missing('sd_journal_get_data', result);
  }

  /** Starts over with the data of the current entry. */
  restartData(): void {
    this.#lib.sd_journal_restart_data(this.#open());
  }

  /** Copies the entry's next data, of whatever field, to `data`; absent after the last. */
  enumerateData(): Read {
    const out = this.#out.address;
    const result = this.#lib.sd_journal_enumerate_available_data(this.#open(), out, out + 8n);
    if (result > 0) return this.#take();
    return result === 0
      ? READ.absent
      : this.#missing('sd_journal_enumerate_available_data', result);
  }

  #missing(call: string, result: number): Read {
    if (result === -ERRNO.ENOENT) return READ.absent;
    if (isUnreadable(result)) return READ.unreadable;
    throw callFailed(call, result);
  }

  #take(): Read {
    this.data.take(this.#words[0] as bigint, Number(this.#words[1]));
    return READ.found;
  }

  /** The current entry's cursor; undefined when the entry cannot be read or there is none. */
  cursor(): Cursor | undefined {
    const result = this.#lib.sd_journal_get_cursor(this.#open(), this.#out.address);
    if (isUnreadable(result)) return undefined;
    this.#check('sd_journal_get_cursor', result);
    const address = this.#words[0] as bigint;
    const text = koffi.decode.string(address);
    koffi.free(address);
    return cursor(text);
  }

  /**
   * The current entry's `__REALTIME_TIMESTAMP`; undefined when the entry cannot be read or there is
   * none.
   */
  realtime(): EpochMicros | undefined {
    const result = this.#lib.sd_journal_get_realtime_usec(this.#open(), this.#out.address);
    if (isUnreadable(result)) return undefined;
    this.#check('sd_journal_get_realtime_usec', result);
    return entryTime(this.#words[0] as bigint);
  }

  /** The current entry's monotonic time in microseconds, and the boot it counts from. */
  monotonic(): { readonly micros: number; readonly bootId: string } | undefined {
    const out = this.#out.address;
    const result = this.#lib.sd_journal_get_monotonic_usec(this.#open(), out, out + 16n);
    if (isUnreadable(result)) return undefined;
    this.#check('sd_journal_get_monotonic_usec', result);
    return { micros: Number(this.#words[0]), bootId: this.#out.bytes.toString('hex', 16, 32) };
  }

  /**
   * Times of the first and the last entry of the selected files; undefined when there is no entry.
   */
  cutoff(): { readonly from: EpochMicros; readonly to: EpochMicros } | undefined {
    const out = this.#out.address;
    const result = this.#lib.sd_journal_get_cutoff_realtime_usec(this.#open(), out, out + 8n);
    if (this.#check('sd_journal_get_cutoff_realtime_usec', result) === 0) return undefined;
    return {
      from: Number(this.#words[0]) as EpochMicros,
      to: Number(this.#words[1]) as EpochMicros,
    };
  }

  /**
   * A descriptor for poll(2) and the start of watching: without it `process` sees neither rotation
   * nor new files (sd_journal_get_fd(3)).
   */
  watch(): number {
    const result = this.#lib.sd_journal_get_fd(this.#open());
    if (result < 0) throw openProblem('the journal for watching', result);
    return result;
  }

  /**
   * Takes in what the watch has seen; must be called often, also without `wait`
   * (sd_journal_process(3)).
   */
  process(): Change {
    return this.#check('sd_journal_process', this.#lib.sd_journal_process(this.#open())) as Change;
  }

  /**
   * Waits for a change, at most `micros`. It blocks the thread, and journald tells of changes up to
   * 250 ms late.
   */
  wait(micros: number): Change {
    return this.#check(
      'sd_journal_wait',
      this.#lib.sd_journal_wait(this.#open(), micros),
    ) as Change;
  }

  /**
   * The values of a field over all files, whatever is selected, at most `max`
   * (sd_journal_query_unique(3)).
   */
  uniqueValues(field: string, max: number): string[] {
    const pointer = this.#open();
    this.#check('sd_journal_query_unique', this.#lib.sd_journal_query_unique(pointer, field));
    this.#lib.sd_journal_restart_unique(pointer);
    const out = this.#out.address;
    const values: string[] = [];
    while (values.length < max) {
      const result = this.#lib.sd_journal_enumerate_available_unique(pointer, out, out + 8n);
      if (result === 0) break;
      this.#check('sd_journal_enumerate_available_unique', result);
      this.#take();
      values.push(this.data.head(field.length + 1));
    }
    return values;
  }

  /** Disk space of the journal's files, bytes. */
  usage(): number {
    this.#check(
      'sd_journal_get_usage',
      this.#lib.sd_journal_get_usage(this.#open(), this.#out.address),
    );
    return Number(this.#words[0]);
  }

  /** True when files under /run are among those open: gone at the next boot. */
  hasRuntimeFiles(): boolean {
    return (
      this.#check('has_runtime_files', this.#lib.sd_journal_has_runtime_files(this.#open())) > 0
    );
  }

  /** True when files under /var are among those open: kept over a boot. */
  hasPersistentFiles(): boolean {
    return (
      this.#check('has_persistent_files', this.#lib.sd_journal_has_persistent_files(this.#open())) >
      0
    );
  }
}
