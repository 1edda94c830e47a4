/**
 * What was read of an entry, as the stages see it: the values of MESSAGE joined, the over-long cut
 * to head and tail.
 */

import type { RawEntry } from '../../native/raw-entries.js';
import type { Entry } from '../core/entry.js';
import { HOST_CHARS_MAX, MESSAGE_CHARS_MAX, MESSAGE_TAIL_CHARS } from '../core/limits.js';

/** One value of a field; with `tail`, the bytes between the two were left out when it was read. */
export interface MessageValue {
  readonly head: string;
  readonly tail?: string;
}

export interface Message {
  readonly text: string;
  /** See `Entry.cutAt`. */
  readonly cutAt?: number;
}

/** Characters kept of the beginning of an over-long MESSAGE; the newline at the cut counts too. */
export const MESSAGE_HEAD_CHARS = MESSAGE_CHARS_MAX - MESSAGE_TAIL_CHARS - 1;

/** Joins the values by one blank and cuts the result to its bound. */
export function composeMessage(pieces: readonly MessageValue[]): Message {
  const [first] = pieces;
  // Nearly every message.
  if (pieces.length === 1 && first !== undefined && first.tail === undefined)
    return first.head.length <= MESSAGE_CHARS_MAX
      ? { text: first.head }
      : cut(first.head, first.head);
  const firstCut = pieces.findIndex((piece) => piece.tail !== undefined);
  if (firstCut < 0) {
    const whole = pieces.map((piece) => piece.head).join(' ');
    return whole.length <= MESSAGE_CHARS_MAX ? { text: whole } : cut(whole, whole);
  }
  const lastCut = pieces.findLastIndex((piece) => piece.tail !== undefined);
  const before = pieces.slice(0, firstCut + 1).map((piece) => piece.head);
  const after = pieces
    .slice(lastCut)
    .map((piece, index) => (index === 0 ? (piece.tail ?? '') : piece.head));
  return cut(before.join(' '), after.join(' '));
}

function cut(before: string, after: string): Message {
  const head = before.slice(0, MESSAGE_HEAD_CHARS).replace(/[\ud800-\udbff]$/, '');
  const tail = after.slice(-MESSAGE_TAIL_CHARS).replace(/^[\udc00-\udfff]/, '');
  return { text: `${head}\n${tail}`, cutAt: head.length };
}

/** The entry; with `ofHost`, as another host's that names who reported it. */
export function entryOf({ cursor, realtime, messages, fields }: RawEntry, ofHost: boolean): Entry {
  const { text: message, cutAt } = composeMessage(messages);
  const host = ofHost ? fields.get('_HOSTNAME')?.slice(0, HOST_CHARS_MAX) : undefined;
  // Written out: V8 makes a new shape for each object with a spread in it.
  if (cutAt === undefined)
    return host === undefined
      ? { cursor, realtime, message, fields }
      : { cursor, realtime, message, fields, host };
  return host === undefined
    ? { cursor, realtime, message, fields, cutAt }
    : { cursor, realtime, message, fields, cutAt, host };
}
