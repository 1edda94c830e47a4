/** What was read of an entry, as the stages see it. */
import type { RawEntry } from '../../native/reader.js';
import type { Entry } from '../core/entry.js';
import { HOST_CHARS_MAX } from '../core/limits.js';
import { composeMessage } from './message.js';

/** The entry; with `ofHost`, as another host's that names who reported it. */
export function entryOf({ cursor, realtime, messages, fields }: RawEntry, ofHost: boolean): Entry {
  const { text: message, cutAt } = composeMessage(messages);
  const host = ofHost ? fields.get('_HOSTNAME')?.slice(0, HOST_CHARS_MAX) : undefined;
  if (cutAt === undefined && host === undefined) return { cursor, realtime, message, fields };
  return {
    cursor,
    realtime,
    message,
    fields,
    ...(cutAt === undefined ? {} : { cutAt }),
    ...(host === undefined ? {} : { host }),
  };
}
