/** What `doctor` says about the ledger, and rows that cannot be read: they are set aside. */
import { statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { messageOf } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { LEDGER_ROWS_ASIDE_MAX } from '../core/service-limits.js';
import { counted } from '../core/text.js';
import { isTarget } from './rows.js';
import { SCHEMA_VERSION } from './schema.js';

/** The table of the rows that could not be read. */
const ASIDE = 'unreadable';

/** A row that no question could read, and how to name it. */
interface BadRow {
  readonly id: number;
  /** e.g. `ban 17 (sshd 192.0.2.1)`. */
  readonly name: string;
}

const INTEGERS = ['time', 'until', 'failures', 'previous_bans', 'ended_time'] as const;
const TOO_LARGE = INTEGERS.map(
  (column) => `abs(coalesce(${column}, 0)) > ${Number.MAX_SAFE_INTEGER}`,
).join(' OR ');

/** `json_type` fails on what is no JSON, and CASE alone keeps the order of the two. */
const NO_LIST = ['evidence', "coalesce(weights, '[]')", "coalesce(counts, '[]')"]
  .map((list) => `CASE WHEN json_valid(${list}) THEN json_type(${list}) <> 'array' ELSE 1 END`)
  .join(' OR ');
const CANNOT_BE_READ = `${NO_LIST}
  OR ${TOO_LARGE} OR NOT is_target(target)`;

/** Characters of a damaged jail or target that are shown. */
const SHOWN = 80;

/**
 * The bans that cannot be read, those that are over too: a question about the past would meet them.
 */
function badRows(db: Database): BadRow[] {
  db.function('is_target', { deterministic: true }, (text) => (isTarget(String(text)) ? 1 : 0));
  const rows = db
    .prepare(
      `SELECT id, substr(jail, 1, ${SHOWN}) AS jail, substr(target, 1, ${SHOWN}) AS target FROM ban
       WHERE ${CANNOT_BE_READ} ORDER BY id`,
    )
    .all() as { id: number; jail: string; target: string }[];
  return rows.map(({ id, jail, target }) => ({ id, name: `ban ${id} (${jail} ${target})` }));
}

/**
 * Takes the rows that cannot be read out of the bans; returns their names. They are kept, column by
 * column as JSON, in a table that nothing else reads, the newest LEDGER_ROWS_ASIDE_MAX of them.
 */
export function setAsideBadRows(db: Database): string[] {
  const bad = badRows(db);
  if (bad.length === 0) return [];
  db.transaction(() => {
    db.exec(
      `CREATE TABLE IF NOT EXISTS ${ASIDE} (id INTEGER PRIMARY KEY, content TEXT NOT NULL) STRICT`,
    );
    const read = db.prepare('SELECT * FROM ban WHERE id = ?').safeIntegers();
    const keep = db.prepare(`INSERT INTO ${ASIDE} (content) VALUES (?)`);
    const drop = db.prepare('DELETE FROM ban WHERE id = ?');
    for (const { id } of bad) {
      keep.run(
        JSON.stringify(read.get(id), (_, value) =>
          typeof value === 'bigint' ? String(value) : value,
        ),
      );
      drop.run(id);
    }
    db.prepare(`DELETE FROM ${ASIDE} WHERE id <= (SELECT max(id) FROM ${ASIDE}) - ?`).run(
      LEDGER_ROWS_ASIDE_MAX,
    );
  }).immediate();
  return bad.map(({ name }) => name);
}

/** How many rows were set aside and are kept. */
function rowsAside(db: Database): number {
  if (db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(ASIDE) === undefined) return 0;
  return db.prepare(`SELECT count(*) FROM ${ASIDE}`).pluck().get() as number;
}

/** Asks for the columns of the small tables, as a start does; throws what SQLite says. */
export function probeTables(db: Database): void {
  for (const sql of [
    'SELECT source, cursor, time FROM position',
    'SELECT id, jail, target, time FROM pardon LIMIT 1',
  ])
    db.prepare(sql).all();
}

/** Findings about the ledger: its integrity, size and secrecy. */
export function checkLedger(db: Database, path: string): Finding[] {
  const findings: Finding[] = [];
  try {
    const check = db.pragma('quick_check(1)', { simple: true }) as string;
    if (check !== 'ok')
      return [
        {
          level: 'error',
          id: 'ledger.corrupt',
          message: `the ledger ${path} is damaged: ${check.replaceAll(/\s+/g, ' ')}`,
          fix: 'systemctl restart banjour: it sets the file aside and goes on from the kernel',
        },
      ];
    const bad = badRows(db);
    if (bad.length > 0)
      findings.push({
        level: 'error',
        id: 'ledger.rows',
        message: `the ledger ${path} has ${counted(bad.length, 'ban')} that cannot be read, first ${bad[0]?.name}`,
        fix: 'systemctl restart banjour: it leaves them out and goes on',
      });
    const aside = rowsAside(db);
    if (aside > 0)
      findings.push({
        level: 'note',
        id: 'ledger.rows-aside',
        message: `${counted(aside, 'ban')} that could not be read ${aside === 1 ? 'is' : 'are'} kept in the table unreadable of ${path}`,
      });
    probeTables(db);
    const bans = db.prepare('SELECT count(*) FROM ban').pluck().get() as number;
    const pages = db.pragma('page_count', { simple: true }) as number;
    const pageBytes = db.pragma('page_size', { simple: true }) as number;
    const size = `${((pages * pageBytes) / 1024 / 1024).toFixed(1)} MiB`;
    const message = `the ledger ${path} is sound: ${counted(bans, 'ban')}, ${size}, schema ${SCHEMA_VERSION}`;
    if (bad.length === 0) findings.push({ level: 'ok', id: 'ledger.sound', message });
    if (path !== ':memory:' && (statSync(path).mode & 0o077) !== 0)
      findings.push({
        level: 'warning',
        id: 'ledger.permission',
        message: `the ledger ${path} can be read by others; it names users and hosts`,
        fix: `chmod 600 ${path}`,
      });
  } catch (error) {
    findings.push({
      level: 'error',
      id: 'ledger.unreadable',
      message: `the ledger ${path} cannot be read: ${messageOf(error)}`,
      fix: 'systemctl restart banjour: it sets a damaged file aside and goes on from the kernel',
    });
  }
  return findings;
}
