/** What was read of an entry, as the stages see it. */
import type { RawEntry } from '../../native/reader.js';
import type { Entry } from '../core/entry.js';
import { composeMessage } from './message.js';

/** The entry with the named fields. */
export function entryOf(raw: RawEntry, names: readonly string[]): Entry {
  const { text, cutAt } = composeMessage(raw.messages);
  const fields = new Map<string, string>();
  for (const name of names) {
    const value = raw.values.get(name)?.[0];
    if (value !== undefined) fields.set(name, value);
  }
  const entry = { cursor: raw.cursor, realtime: raw.realtime, message: text, fields };
  return cutAt === undefined ? entry : { ...entry, cutAt };
}
