/**
 * Order of two positions in a journal.
 *
 * A cursor is opaque for seeking, but its fields are stable: `s=` identifies the numbering, `i=` is the sequence number
 * in hexadecimal (sd-journal/sd-journal.c since systemd 187; journald gives all its files one numbering). Entries of
 * one numbering are ordered by number, as libsystemd itself orders them; others by time.
 */
import type { ReadPosition } from '../core/entry.js';
import type { Cursor } from '../core/names.js';

/** True when the entry of `position` is the one of `mark` or lies before it. */
export function isAtOrBefore(position: ReadPosition, mark: ReadPosition): boolean {
  if (position.cursor === mark.cursor) return true;
  const a = sequenceOf(position.cursor);
  const b = sequenceOf(mark.cursor);
  if (a !== undefined && b !== undefined && a.numbering === b.numbering) return a.number <= b.number;
  return position.time <= mark.time;
}

function sequenceOf(cursor: Cursor): { readonly numbering: string; readonly number: bigint } | undefined {
  const fields = /^s=([0-9a-f]{32});i=([0-9a-f]{1,16});/.exec(cursor);
  if (fields === null) return undefined;
  return { numbering: fields[1] as string, number: BigInt(`0x${fields[2]}`) };
}
