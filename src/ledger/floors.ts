/** Up to when failures of targets are settled, by their bans. */
import type { Database } from 'better-sqlite3';
import type { Prefix } from '../core/address.js';
import type { SettledUpTo } from '../core/decision.js';
import type { JailName } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import { guarded } from './errors.js';
import { firstOf, targetAsWritten } from './rows.js';

/** Floors that are read at a time. */
const PAGE_ROWS = 1_000;
/** Bans that settle what came before they were decided, and those that settle it by their end. */
const DECIDED = "origin = 'journal'";
const ENDED = "ended_reason IN ('expired', 'lapsed', 'operator', 'reload')";

type FloorRow = readonly [jail: JailName, target: string, upTo: EpochMicros, id: number];

/**
 * The floors since a time: of the decisions, then of the ends. Read page by page: between two of
 * them the ledger may be asked and written.
 */
export function* floorsOfBans(db: Database, since: EpochMicros): IterableIterator<SettledUpTo> {
  yield* floorsBy(db, 'time', DECIDED, since);
  yield* floorsBy(db, 'ended_time', ENDED, since);
}

function* floorsBy(
  db: Database,
  column: 'time' | 'ended_time',
  which: string,
  since: EpochMicros,
): IterableIterator<SettledUpTo> {
  const of = `SELECT jail, target, ${column}, id FROM ban WHERE ${which} AND ${column}`;
  const order = `ORDER BY ${column}, id LIMIT ${PAGE_ROWS}`;
  const later = db.prepare(`${of} > ? ${order}`).raw();
  // Many bans may have one time, and SQLite finds the next of them by its id only so.
  const same = db.prepare(`${of} = ? AND id > ? ${order}`).raw();
  for (let after: readonly [number, number] = [since, 0]; ; ) {
    let rows = guarded(() => same.all(...after)) as FloorRow[];
    if (rows.length === 0) rows = guarded(() => later.all(after[0])) as FloorRow[];
    for (const [jail, target, upTo] of rows)
      yield { jail, target: targetAsWritten(target), upTo, exact: true };
    const last = rows.at(-1);
    if (last === undefined) return;
    after = [last[2], last[3]];
  }
}

/** Finds the floors of exactly one target, the latest of each jail. */
export function floorsOfTarget(db: Database): (target: Prefix) => SettledUpTo[] {
  const latest = `max(max(iif(${DECIDED}, time, 0), iif(${ENDED}, ended_time, 0)))`;
  const statement = db
    .prepare(
      `SELECT jail, ${latest} AS floor FROM ban
       WHERE first = ? AND length = ? AND (instr(target, ':') > 0) = ?
       GROUP BY jail HAVING floor > 0`,
    )
    .raw();
  return (target) => {
    const isV6 = target.family === 6 ? 1 : 0;
    const rows = guarded(() => statement.all(firstOf(target), target.length, isV6));
    return (rows as [jail: JailName, upTo: EpochMicros][]).map(
      ([jail, upTo]): SettledUpTo => ({ jail, target, upTo, exact: true }),
    );
  };
}
