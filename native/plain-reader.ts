/**
 * Many entries at once: of each entry MESSAGE, and only of those that pass the literal gate the
 * rest. This is the plain reader, call by call through FFI; `batch-reader.ts` does the same in one
 * call of C.
 */
import {
  ENTRY_FIELDS_MAX,
  ENTRY_VALUES_MAX,
  FIELD_CHARS_MAX,
  MESSAGE_CHARS_MAX,
} from '../src/core/limits.js';
import { fieldKey, READ } from './entry-data.js';
import type { JournalHandle } from './journal.js';
import {
  type EntryReader,
  type FieldPlaces,
  type FieldValue,
  placesOf,
  type RawBatch,
  type RawEntry,
  Values,
  type Wanted,
} from './raw-entries.js';

const MESSAGE = fieldKey('MESSAGE');
const PREFIX = 'MESSAGE='.length;

export class PlainReader implements EntryReader {
  readonly #wanted: Wanted;
  readonly #places: FieldPlaces;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
    this.#places = placesOf(wanted.fields);
  }

  read(handle: JournalHandle, max: number, fromCurrent: boolean): RawBatch {
    const { passes, fits } = this.#wanted;
    const { data } = handle;
    const entries: RawEntry[] = [];
    let read = 0;
    let longOthers = 0;
    let unreadable = 0;
    let current = fromCurrent;
    while (read < max) {
      if (!current && !handle.next())
        return { entries, read, longOthers, unreadable, aborted: 0, more: false };
      current = false;
      read++;
      const result = handle.readData(MESSAGE);
      if (result === READ.unreadable) {
        unreadable++;
        continue;
      }
      const isThere = result === READ.found;
      const text = isThere ? data.latin1(PREFIX) : '';
      const isLong =
        isThere &&
        data.length - PREFIX > MESSAGE_CHARS_MAX &&
        (data.split > 0 || data.head(PREFIX).length > MESSAGE_CHARS_MAX);
      const entry = passes(text) ? this.#rest(handle) : null;
      if (entry === undefined) unreadable++;
      else if (entry !== null && fits(text, entry.fields)) entries.push(entry);
      else if (isLong) longOthers++;
    }
    return { entries, read, longOthers, unreadable, aborted: 0, more: true };
  }

  close(): void {}

  /**
   * The rest of an entry that passed: enumerating all data is cheaper than asking for four fields
   * one by one.
   */
  #rest(handle: JournalHandle): RawEntry | undefined {
    const { data } = handle;
    const { fields } = this.#wanted;
    const messages: FieldValue[] = [];
    const values = new Values(this.#places);
    let kept = 0;
    handle.restartData();
    for (let count = 0; count < ENTRY_FIELDS_MAX && kept < ENTRY_VALUES_MAX; count++) {
      if (handle.enumerateData() !== READ.found) break;
      const equals = data.bytes.indexOf(0x3d);
      if (equals < 0 || equals >= data.length) continue;
      const name = data.bytes.toString('latin1', 0, equals);
      if (name === MESSAGE.name) {
        const tail = data.tail();
        messages.push(
          tail === undefined
            ? { head: data.head(equals + 1) }
            : { head: data.head(equals + 1), tail },
        );
      } else if (fields.has(name)) {
        values.add(name, data.head(equals + 1).slice(0, FIELD_CHARS_MAX));
      } else continue;
      kept++;
    }
    const cursor = handle.cursor();
    const realtime = handle.realtime();
    if (cursor === undefined || realtime === undefined) return undefined;
    const { fields: found, more } = values;
    return { cursor, realtime, messages, fields: found, ...(more === undefined ? {} : { more }) };
  }
}
