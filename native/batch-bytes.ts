/**
 * The bytes that the C batch reader and TypeScript exchange: what it is told (batch.h, routes.h),
 * and what it has written.
 */
import { type GateRoute, VARYING_FIELDS } from '../src/core/entry.js';
import {
  ENTRY_FIELDS_MAX,
  ENTRY_VALUES_MAX,
  FIELD_CHARS_MAX,
  FIELD_KNOWN_BYTES_MAX,
  MESSAGE_CHARS_MAX,
  ORIGINS_KNOWN_MAX,
} from '../src/core/limits.js';
import type { MatchExpression } from '../src/core/match.js';
import { cursor } from '../src/core/names.js';
import { entryTime } from '../src/core/time.js';
import { DATA_HEAD_BYTES, DATA_TAIL_BYTES } from './entry-data.js';
import {
  type FieldPlaces,
  type FieldValue,
  placesOf,
  type RawBatch,
  type RawEntry,
  type ReadRange,
  Values,
  type Wanted,
} from './raw-entries.js';

/** `BANJOUR_PASS_ALL` of batch.h. */
const PASS_ALL = 1;
/** Of an entry that any route takes: what stands in the gate when there are no routes. */
const ANY_ROUTE = 1n;

/** The fields that are wished for, in the order that the reader is told: first those that vary. */
export function namesOf({ fields }: Pick<Wanted, 'fields'>): readonly string[] {
  const isVarying = (name: string) => VARYING_FIELDS.has(name);
  return [...[...fields].filter(isVarying), ...[...fields].filter((name) => !isVarying(name))];
}

/** Bounds, literals, fields and routes of a reader. */
export function readRequest(wanted: Wanted): Buffer {
  const { literals, routes } = wanted;
  const passAll = routes.length === 0 && (literals === undefined || literals.includes(''));
  const all =
    routes.length === 0 ? (literals ?? []) : routes.flatMap((route) => route.literals ?? []);
  const fields = namesOf(wanted);
  const searched = passAll ? [] : [...new Set(all)].filter((literal) => literal !== '');
  return Buffer.concat([
    ...[DATA_HEAD_BYTES, DATA_TAIL_BYTES, 4 * FIELD_CHARS_MAX, MESSAGE_CHARS_MAX].map(number),
    ...[ENTRY_FIELDS_MAX, ENTRY_VALUES_MAX, passAll ? PASS_ALL : 0].map(number),
    number(searched.length),
    ...searched.flatMap((literal) => [text(literal), long(marksOf(literal, routes))]),
    list(fields),
    number(fields.filter((name) => VARYING_FIELDS.has(name)).length),
    number(routes.length),
    ...routes.flatMap((route) => [number(takesAnyText(route) ? 1 : 0), expression(route.match)]),
  ]);
}

export function placeOf(place: ReadRange): Buffer {
  const match = expression(place.match);
  return Buffer.concat([
    number(['local', 'directory', 'files'].indexOf(place.kind)),
    number(place.flags),
    number(place.threshold),
    list(place.paths),
    number(match.length),
    match,
    text(place.after),
    long(BigInt(place.until)),
    long(BigInt(place.usage)),
  ]);
}

function takesAnyText({ literals }: GateRoute): boolean {
  return literals === undefined || literals.includes('');
}

function marksOf(literal: string, routes: readonly GateRoute[]): bigint {
  if (routes.length === 0) return ANY_ROUTE;
  return routes.reduce(
    (marks, { literals }, i) => marks | (literals?.includes(literal) ? 1n << BigInt(i) : 0n),
    0n,
  );
}

/** An expression of exact terms; one group without terms is the whole journal. */
function expression({ groups }: MatchExpression): Buffer {
  const terms = (group: MatchExpression['groups'][number]) =>
    list([...group].flatMap(([field, values]) => values.map((value) => `${field}=${value}`)));
  return Buffer.concat([number(groups.length), ...groups.map(terms)]);
}

function list(texts: readonly string[]): Buffer {
  return Buffer.concat([number(texts.length), ...texts.map(text)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

// What the C batch reader has written, decoded; the form of counts and records stands in batch.h.

/** Bytes of `struct banjour_counts`. */
export const COUNTS_BYTES = 32;

/** `BANJOUR_ORIGINS` of batch.h, and one for none. */
const ORIGINS = 65;
/** Bytes of a record before its values. */
const RECORD_HEADER_BYTES = 28;
/** Bytes of a value before its text. */
const VALUE_HEADER_BYTES = 12;

/** Decodes the records of one reader. */
export class RecordDecoder {
  readonly #names: readonly string[];
  readonly #places: FieldPlaces;
  /** Of the batch that is decoded, by number. */
  readonly #origins: (Values | undefined)[] = new Array(ORIGINS).fill(undefined);
  /** By their bytes, so that batches have the same objects. */
  readonly #known = new Map<string, Values>();

  /** `names`: as `namesOf` says them. */
  constructor(names: readonly string[]) {
    this.#names = names;
    this.#places = placesOf(names);
  }

  /** The batch of these counts whose records begin at `from`. */
  batch(counts: Buffer, bytes: Buffer, from: number): RawBatch {
    const passed = counts.readUInt32LE(4);
    const entries: RawEntry[] = [];
    for (let i = 0, at = from; i < passed; i++) {
      entries.push(this.#record(bytes, at));
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

  #record(bytes: Buffer, start: number): RawEntry {
    let values = bytes.readUInt32LE(start + 4);
    const realtime = entryTime(
      bytes.readUInt32LE(start + 8) + bytes.readUInt32LE(start + 12) * 2 ** 32,
    );
    const end = start + bytes.readUInt32LE(start);
    const shared = end - bytes.readUInt32LE(start + 24);
    const number = bytes.readUInt32LE(start + 20);
    const kept = new Values(
      this.#places,
      number === 0 ? undefined : this.#origin(bytes, number, shared, end),
    );
    if (number === 0) this.#add(kept, bytes, shared, end);
    const messages: FieldValue[] = [];
    let at = start + RECORD_HEADER_BYTES;
    for (; values > 0; values--) {
      const field = bytes.readUInt32LE(at);
      const head = at + VALUE_HEADER_BYTES;
      const tail = head + bytes.readUInt32LE(at + 4);
      const tailLength = bytes.readUInt32LE(at + 8);
      at = tail + Math.max(0, tailLength - 1);
      if (field === 0) {
        const text = bytes.toString('utf8', head, tail);
        messages.push(
          tailLength === 0
            ? { head: text }
            : { head: text, tail: bytes.toString('utf8', tail, at) },
        );
      } else kept.add(this.#names[field - 1] as string, fieldText(bytes, head, tail));
    }
    const name = cursor(bytes.toString('latin1', at, at + bytes.readUInt32LE(start + 16)));
    const { fields, more } = kept;
    return more === undefined
      ? { cursor: name, realtime, messages, fields }
      : { cursor: name, realtime, messages, fields, more };
  }

  /** The origin of this number; `from` and `to`: where its values are told, if they are. */
  #origin(bytes: Buffer, number: number, from: number, to: number): Values | undefined {
    if (from === to) return this.#origins[number];
    const key = bytes.toString('latin1', from, to);
    let origin = this.#known.get(key);
    if (origin === undefined) {
      origin = new Values(this.#places);
      this.#add(origin, bytes, from, to);
      if (this.#known.size >= ORIGINS_KNOWN_MAX) this.#known.clear();
      this.#known.set(key, origin);
    }
    this.#origins[number] = origin;
    return origin;
  }

  #add(values: Values, bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const head = at + VALUE_HEADER_BYTES;
      const end = head + bytes.readUInt32LE(at + 4);
      const name = this.#names[bytes.readUInt32LE(at) - 1] as string;
      values.add(name, fieldText(bytes, head, end));
      at = end;
    }
  }
}

/**
 * Places for values that were decoded before, a power of two: the fields of a busy host's services
 * have some dozens of values that come again and again.
 */
const KNOWN = 256;
const known: string[] = new Array(KNOWN).fill('');

/**
 * The text of a field. Most were there before (host, boot, unit): comparing costs less than
 * decoding and collecting.
 */
function fieldText(bytes: Buffer, from: number, to: number): string {
  const length = to - from;
  if (length === 0) return '';
  if (length > FIELD_KNOWN_BYTES_MAX)
    return bytes.toString('utf8', from, to).slice(0, FIELD_CHARS_MAX);
  const first = bytes[from] as number;
  const middle = bytes[from + (length >> 1)] as number;
  const last = bytes[to - 1] as number;
  const place = (length * 31 + first * 7 + middle * 5 + last) & (KNOWN - 1);
  const text = known[place] as string;
  if (isText(text, bytes, from, length)) return text;
  const fresh = bytes.toString('utf8', from, to);
  known[place] = fresh;
  return fresh;
}

/** Whether those bytes are that text; of a text that is not ASCII never. */
function isText(text: string, bytes: Buffer, from: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const byte = bytes[from + i] as number;
    if (byte >= 0x80 || byte !== text.charCodeAt(i)) return false;
  }
  return true;
}
