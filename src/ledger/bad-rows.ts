import type { Database } from 'better-sqlite3';
import { parsePrefix } from '../core/address.js';
import { OPEN } from './schema.js';

/** A row that no question could read, and how to name it. */
export interface BadRow {
  readonly id: number;
  /** e.g. `ban 17 (sshd 192.0.2.1)`. */
  readonly name: string;
}

const INTEGERS = ['time', 'until', 'failures', 'previous_bans', 'ended_time'] as const;
const TOO_LARGE = INTEGERS.map((column) => `abs(coalesce(${column}, 0)) > ${Number.MAX_SAFE_INTEGER}`).join(' OR ');

/** `json_type` fails on what is no JSON, and CASE alone keeps the order of the two. */
const CANNOT_BE_READ = `CASE WHEN json_valid(evidence) THEN json_type(evidence) <> 'array' ELSE 1 END
  OR ${TOO_LARGE} OR target GLOB '*[^0-9a-f.:/]*'`;

/** Characters of a damaged jail or target that are shown. */
const SHOWN = 80;

/** The bans that cannot be read: every row is looked at by SQL, and the targets of those that are not over are parsed. */
export function badRows(db: Database): BadRow[] {
  const rows = db
    .prepare(
      `SELECT id, substr(jail, 1, ${SHOWN}) AS jail, substr(target, 1, ${SHOWN}) AS target, (${CANNOT_BE_READ}) AS bad
       FROM ban WHERE ${OPEN} OR ${CANNOT_BE_READ}`,
    )
    .iterate() as IterableIterator<{ id: number; jail: string; target: string; bad: number }>;
  const found: BadRow[] = [];
  for (const { id, jail, target, bad } of rows)
    if (bad !== 0 || parsePrefix(target) === undefined) found.push({ id, name: `ban ${id} (${jail} ${target})` });
  return found;
}

/** Leaves the rows that cannot be read out of the ledger; returns their names. */
export function dropBadRows(db: Database): string[] {
  const bad = badRows(db);
  if (bad.length === 0) return [];
  const drop = db.prepare('DELETE FROM ban WHERE id = ?');
  db.transaction(() => {
    for (const { id } of bad) drop.run(id);
  }).immediate();
  return bad.map(({ name }) => name);
}

/** Asks for the columns of the small tables, as a start does; throws what SQLite says. */
export function probeTables(db: Database): void {
  for (const sql of ['SELECT source, cursor, time FROM position', 'SELECT id, jail, target, time FROM pardon LIMIT 1'])
    db.prepare(sql).all();
}
