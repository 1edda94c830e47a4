/** Rows of the ledger's tables to records and back. */
import {
  type Address,
  bitsOf,
  formatPrefix,
  isDottedQuad,
  type Prefix,
  parsePrefix,
  widthOf,
} from '../core/address.js';
import type {
  BanRecord,
  BanState,
  EndReason,
  EvidenceRule,
  Leniency,
  Origin,
} from '../core/decision.js';
import { assert } from '../core/errors.js';
import type { Cursor, JailName } from '../core/names.js';
import type { ShareOrigin } from '../core/share.js';
import type { EpochMicros } from '../core/time.js';

/** One row of table `ban`, column by column. */
export interface BanRow {
  readonly id: number;
  readonly jail: string;
  readonly target: string;
  readonly time: number;
  readonly until: number | null;
  readonly failures: number;
  readonly evidence: string;
  readonly user: string | null;
  readonly host: string | null;
  readonly origin: string;
  readonly rule: string | null;
  readonly leniency: string | null;
  readonly previous_bans: number;
  readonly state: string;
  readonly refusal: string | null;
  readonly ended_time: number | null;
  readonly ended_reason: string | null;
  readonly ended_by: string | null;
  readonly banned_by: string | null;
  readonly source: string | null;
  readonly scenario: string | null;
  readonly weights: string | null;
  readonly points: number | null;
  readonly counts: string | null;
  readonly needed: number | null;
}

/** What the kernel is told of a row. */
export type ElementRow = readonly [jail: JailName, target: string, until: EpochMicros | null];

/** The columns of `BanRow`, in SQL. */
export const BAN_COLUMNS =
  'id, jail, target, time, until, failures, evidence, user, host, origin, rule, leniency, previous_bans, state, refusal, ended_time, ended_reason, ended_by, banned_by, source, scenario, weights, points, counts, needed';

/** The record of a row. */
export function recordOf(row: BanRow): BanRecord {
  return {
    id: row.id,
    jail: row.jail as JailName,
    target: targetOf(row.target),
    time: row.time as EpochMicros,
    until: row.until as EpochMicros | null,
    failures: row.failures,
    evidence: JSON.parse(row.evidence) as Cursor[],
    ...(row.weights !== null && { weights: JSON.parse(row.weights) as number[] }),
    ...(row.points !== null && { points: row.points }),
    ...(row.counts !== null && { counts: JSON.parse(row.counts) as number[] }),
    ...(row.needed !== null && { needed: row.needed }),
    ...(row.user !== null && { user: row.user }),
    ...(row.host !== null && { host: row.host }),
    origin: row.source === null ? (row.origin as Origin) : 'shared',
    ...(row.source !== null && { source: row.source as ShareOrigin }),
    ...(row.scenario !== null && { scenario: row.scenario }),
    ...(row.banned_by !== null && { by: row.banned_by }),
    previousBans: row.previous_bans,
    ...(row.rule !== null && { rule: row.rule as EvidenceRule }),
    ...(row.leniency !== null && { leniency: row.leniency as Leniency }),
    state: row.state as BanState,
    ...(row.refusal !== null && { refusal: row.refusal }),
    ...(row.ended_time !== null &&
      row.ended_reason !== null && {
        ended: {
          time: row.ended_time as EpochMicros,
          reason: row.ended_reason as EndReason,
          ...(row.ended_by !== null && { by: row.ended_by }),
        },
      }),
  };
}

/** The prefix of a column that this ledger wrote. */
export function targetOf(text: string): Prefix {
  const target = parsePrefix(text);
  assert(target !== undefined, `target ${text} in the ledger`);
  return target;
}

/**
 * The same where each was looked at (`isTarget`) when the ledger was opened for writing: a start
 * asks for 200,000 of them.
 */
export function targetAsWritten(text: string): Prefix {
  const slash = text.indexOf('/');
  const six = text.includes(':');
  const base = slash < 0 ? text : text.slice(0, slash);
  const length = slash < 0 ? (six ? 128 : 32) : Number(text.slice(slash + 1));
  return { family: six ? 6 : 4, base, length };
}

/** True for the text of a prefix in the one form in which `targetText` writes it. */
export function isTarget(text: string): boolean {
  // A start asks for each of 200,000, nearly all of them such.
  if (isDottedQuad(text)) return true;
  const target = parsePrefix(text);
  return target !== undefined && targetText(target) === text;
}

const MAPPED = 0xffff_0000_0000n;

/**
 * First and last address of a prefix as 16 bytes, IPv4 as IPv4-mapped: they sort as the addresses
 * do.
 */
export function rangeOf(prefix: Prefix): { readonly first: Buffer; readonly last: Buffer } {
  const bits = bitsOf({ family: prefix.family, text: prefix.base } as Address);
  const size = 1n << BigInt(widthOf(prefix.family) - prefix.length);
  const offset = prefix.family === 4 ? MAPPED : 0n;
  return { first: bytes16(bits + offset), last: bytes16(bits + offset + size - 1n) };
}

/**
 * Only the rows of the prefix's family: `::/0` and its like have the IPv4-mapped range within them.
 */
export function ofFamily(rows: readonly BanRow[], prefix: Prefix): BanRow[] {
  return rows.filter((row) => row.target.includes(':') === (prefix.family === 6));
}

/** The column `first` of a target. */
export function firstOf(prefix: Prefix): Buffer {
  if (prefix.family === 6) return rangeOf(prefix).first;
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16BE(0xffff, 10);
  const parts = prefix.base.split('.');
  for (let i = 0; i < 4; i++) bytes[12 + i] = Number(parts[i]);
  return bytes;
}

function bytes16(bits: bigint): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64BE(bits >> 64n, 0);
  bytes.writeBigUInt64BE(bits & 0xffff_ffff_ffff_ffffn, 8);
  return bytes;
}

/** The column `target` of a prefix. */
export function targetText(prefix: Prefix): string {
  return formatPrefix(prefix);
}
