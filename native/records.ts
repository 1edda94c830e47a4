/** What the C batch reader has written, decoded; the form of counts and records stands in batch.h. */
import { FIELD_CHARS_MAX } from '../src/core/limits.js';
import { cursor } from '../src/core/names.js';
import { entryTime } from '../src/core/time.js';
import { type Piece, type RawBatch, type RawEntry, Values } from './reader.js';

/** Bytes of `struct banjour_counts`. */
export const COUNTS_BYTES = 32;

/** The batch of these counts whose records begin at `from`; `names` are the fields that were wished for. */
export function batchOf(counts: Buffer, bytes: Buffer, from: number, names: readonly string[]): RawBatch {
  const passed = counts.readUInt32LE(4);
  const entries: RawEntry[] = [];
  for (let i = 0, at = from; i < passed; i++) {
    entries.push(recordAt(bytes, at, names));
    at += bytes.readUInt32LE(at);
  }
  return {
    entries,
    read: counts.readUInt32LE(0),
    unreadable: counts.readUInt32LE(8),
    longOthers: counts.readUInt32LE(12),
    more: counts.readUInt32LE(16) !== 0,
    aborted: counts.readUInt32LE(24),
  };
}

function recordAt(bytes: Buffer, start: number, names: readonly string[]): RawEntry {
  let values = bytes.readUInt32LE(start + 4);
  const realtime = entryTime(bytes.readUInt32LE(start + 8) + bytes.readUInt32LE(start + 12) * 2 ** 32);
  let at = start + 20;
  const messages: Piece[] = [];
  const kept = new Values();
  for (; values > 0; values--) {
    const field = bytes.readUInt32LE(at);
    const head = at + 12;
    const tail = head + bytes.readUInt32LE(at + 4);
    const tailLength = bytes.readUInt32LE(at + 8);
    at = tail + Math.max(0, tailLength - 1);
    const text = bytes.toString('utf8', head, tail);
    if (field === 0)
      messages.push(tailLength === 0 ? { head: text } : { head: text, tail: bytes.toString('utf8', tail, at) });
    else {
      kept.add(names[field - 1] as string, text.slice(0, FIELD_CHARS_MAX));
    }
  }
  const name = cursor(bytes.toString('latin1', at, at + bytes.readUInt32LE(start + 16)));
  const { fields, more } = kept;
  return more === undefined
    ? { cursor: name, realtime, messages, fields }
    : { cursor: name, realtime, messages, fields, more };
}
