/** What the C batch reader is told, as the bytes that batch.h and routes.h describe. */
import type { GateRoute } from '../src/core/entry.js';
import { ENTRY_FIELDS_MAX, ENTRY_VALUES_MAX, FIELD_CHARS_MAX, MESSAGE_CHARS_MAX } from '../src/core/limits.js';
import type { MatchExpression } from '../src/core/match.js';
import type { Cursor } from '../src/core/names.js';
import type { EpochMicros } from '../src/core/time.js';
import { DATA_HEAD_BYTES, DATA_TAIL_BYTES } from './data.js';
import type { Wanted } from './reader.js';

/** `BANJOUR_PASS_ALL` of batch.h. */
const PASS_ALL = 1;
/** Of an entry that any route takes: what stands in the gate when there are no routes. */
const ANY_ROUTE = 1n;

/** Which stored entries are to be read. */
export interface Place {
  readonly kind: 'local' | 'directory' | 'files';
  /** `flags` of sd_journal_open(3). */
  readonly flags: number;
  /** Compressed data is unpacked up to this many bytes. */
  readonly threshold: number;
  /** The namespace or none, the directory, the files. */
  readonly paths: readonly string[];
  /** What libsystemd selects by. */
  readonly match: MatchExpression;
  /** Reading begins after this entry. */
  readonly after: Cursor;
  /** And ends before the first batch that reaches beyond this time. */
  readonly until: EpochMicros;
}

/** Bounds, literals, fields and routes of a reader. */
export function wishesOf(wanted: Wanted): Buffer {
  const { literals, routes } = wanted;
  const passAll = routes.length === 0 && (literals === undefined || literals.includes(''));
  const all = routes.length === 0 ? (literals ?? []) : routes.flatMap((route) => route.literals ?? []);
  const searched = passAll ? [] : [...new Set(all)].filter((literal) => literal !== '');
  return Buffer.concat([
    ...[DATA_HEAD_BYTES, DATA_TAIL_BYTES, 4 * FIELD_CHARS_MAX, MESSAGE_CHARS_MAX].map(number),
    ...[ENTRY_FIELDS_MAX, ENTRY_VALUES_MAX, passAll ? PASS_ALL : 0].map(number),
    number(searched.length),
    ...searched.flatMap((literal) => [text(literal), long(marksOf(literal, routes))]),
    list([...wanted.fields]),
    number(routes.length),
    ...routes.flatMap((route) => [number(takesAnyText(route) ? 1 : 0), expression(route.match)]),
  ]);
}

export function placeOf(place: Place): Buffer {
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
  ]);
}

function takesAnyText({ literals }: GateRoute): boolean {
  return literals === undefined || literals.includes('');
}

function marksOf(literal: string, routes: readonly GateRoute[]): bigint {
  if (routes.length === 0) return ANY_ROUTE;
  return routes.reduce((marks, { literals }, i) => marks | (literals?.includes(literal) ? 1n << BigInt(i) : 0n), 0n);
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
