/**
 * What a start puts right in a ledger that opens: rows that it cannot have written are set aside
 * and named, triggers and indexes of others are taken out, and all that it writes is tried once.
 * Else each later write would fail, and every ban with it.
 */
import Database from 'better-sqlite3';
import { LEDGER_ID_MAX, LEDGER_ROWS_ASIDE_MAX } from '../core/service-limits.js';
import { isTarget } from './rows.js';
import { type BanInsert, migrate, statementsOf } from './schema.js';

/** The table of what was set aside. */
const ASIDE = 'unreadable';

/** Characters of a damaged name that are shown. */
const SHOWN = 80;
const shown = (column: string) => `substr(${column}, 1, ${SHOWN})`;

const outside = (column: string, from = 0, to = Number.MAX_SAFE_INTEGER) =>
  `coalesce(${column}, ${from}) NOT BETWEEN ${from} AND ${to}`;
const ANY_ID = outside('id', 1, LEDGER_ID_MAX);
const ANY_TIME = outside('time');
/** Of `hourly`: beyond it an hour's time is no safe integer. */
const LAST_HOUR = Math.floor(Number.MAX_SAFE_INTEGER / 3_600_000_000);

/**
 * The ledger writes lists without a blank before them, so that each need be read as JSON once only;
 * most bans have none of the last two.
 */
const noList = (column: string) =>
  `NOT (coalesce(json_valid(${column}), 0) AND substr(${column}, 1, 1) = '[')`;
const NO_LIST = [
  noList('evidence'),
  ...['weights', 'counts'].map((column) => `(${column} IS NOT NULL AND ${noList(column)})`),
];

/** The tables: which of their rows the ledger cannot have written, and how such a row is named. */
const TABLES: Readonly<Record<string, { readonly wrong: string[]; readonly name: string }>> = {
  ban: {
    wrong: [
      ...NO_LIST,
      ANY_ID,
      ...['time', 'until', 'failures', 'previous_bans', 'ended_time'].map((one) => outside(one)),
      'NOT is_target(target)',
    ],
    name: `'ban ' || id || ' (' || ${shown('jail')} || ' ' || ${shown('target')} || ')'`,
  },
  position: {
    wrong: ["cursor = ''", ANY_TIME],
    name: `'position of ' || ${shown('source')}`,
  },
  pardon: {
    wrong: [ANY_ID, ANY_TIME, 'NOT is_target(target)'],
    name: `'unban ' || id || ' (' || ${shown('target')} || ')'`,
  },
  attempt: {
    wrong: [ANY_ID, ANY_TIME, outside('count', 1)],
    name: `'attempt ' || id || ' (' || ${shown('jail')} || ' ' || ${shown('address')} || ')'`,
  },
  alarm: {
    wrong: [ANY_ID, ANY_TIME, outside('count')],
    name: `'alarm ' || id || ' (' || ${shown('user')} || ')'`,
  },
  hourly: {
    wrong: [outside('hour', 0, LAST_HOUR), outside('count')],
    name: `'hour ' || hour || ' (' || trim(${shown('jail')} || ' ' || ${shown('kind')}) || ')'`,
  },
  stopped: {
    wrong: [outside('packets')],
    name: `'packets of ' || ${shown('jail')}`,
  },
};
const NAMES = Object.keys(TABLES);

/** A trigger or index. */
interface Part {
  readonly type: string;
  readonly name: string;
  readonly tbl_name: string;
  readonly sql: string | null;
}

/** Triggers and indexes of the ledger's tables. */
function partsOf(db: Database.Database): Part[] {
  return db
    .prepare(
      `SELECT type, name, tbl_name, sql FROM sqlite_schema
       WHERE type IN ('trigger', 'index') AND lower(tbl_name) IN (${NAMES.map(() => '?').join(', ')})`,
    )
    .all(...NAMES) as Part[];
}

let own: ReadonlyMap<string, Part> | undefined;

/** What this version makes itself. */
function ownParts(): ReadonlyMap<string, Part> {
  if (own === undefined) {
    const db = new Database(':memory:');
    migrate(db);
    own = new Map(partsOf(db).map((part) => [part.name, part]));
    db.close();
  }
  return own;
}

/** Parts of other programs: a trigger may refuse or undo a write, an index find it not unique. */
function strangersIn(parts: readonly Part[]): Part[] {
  const words = (sql?: string | null) => sql?.replaceAll(/\s+/g, ' ');
  return parts.filter(({ name, sql }) => {
    const mine = ownParts().get(name);
    return mine === undefined || words(mine.sql) !== words(sql);
  });
}

function missingIn(parts: readonly Part[]): Part[] {
  const found = new Set(parts.map(({ name }) => name));
  return [...ownParts().values()].filter(({ name }) => !found.has(name));
}

const partName = ({ type, name, tbl_name: table }: Part) =>
  `${type} ${name.slice(0, SHOWN)} of ${table}`;

/** The rows of a table that the ledger cannot have written, those that are over too, as SQL. */
function badRows(db: Database.Database, table: string): { readonly name: string; from: string } {
  db.function('is_target', { deterministic: true }, (text) => (isTarget(String(text)) ? 1 : 0));
  const { wrong, name } = TABLES[table] as (typeof TABLES)[string];
  return { name, from: `FROM ${table} WHERE ${wrong.join(' OR ')}` };
}

/** Their names. */
function badNames(db: Database.Database, table: string): string[] {
  const { name, from } = badRows(db, table);
  return db.prepare(`SELECT ${name} ${from}`).pluck().all() as string[];
}

/** What stands in them, the newest LEDGER_ROWS_ASIDE_MAX, the oldest first. */
function badContents(db: Database.Database, table: string): string[] {
  const { from } = badRows(db, table);
  const newest = `SELECT * ${from} ORDER BY 1 DESC LIMIT ?`;
  const rows = db.prepare(newest).safeIntegers().all(LEDGER_ROWS_ASIDE_MAX) as object[];
  return rows.reverse().map(contentOf);
}

function contentOf(what: object): string {
  return JSON.stringify(what, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}

/** Tables whose next id is no number that the ledger could have come to: no row could be added. */
function spentCounters(db: Database.Database): string[] {
  return db
    .prepare(
      `SELECT name FROM sqlite_sequence WHERE name IN (${NAMES.map(() => '?').join(', ')}) AND seq > ?`,
    )
    .pluck()
    .all(...NAMES, LEDGER_ID_MAX) as string[];
}

/** The names of all that is not as the ledger writes it, e.g. `ban 17 (sshd 192.0.2.1)`. */
export function strangeParts(db: Database.Database): string[] {
  const parts = partsOf(db);
  return [
    ...NAMES.flatMap((table) => badNames(db, table)),
    ...strangersIn(parts).map(partName),
    ...missingIn(parts).map((part) => `no ${partName(part)}`),
    ...spentCounters(db).map((table) => `counter of ${table}`),
  ];
}

/**
 * Takes out all that is not as the ledger writes it; returns its names. Rows, column by column, and
 * the text of triggers and indexes are kept as JSON in a table that nothing else reads, the newest
 * LEDGER_ROWS_ASIDE_MAX of them.
 * @throws what SQLite says of a file that cannot be mended so
 */
export function mendLedger(db: Database.Database): string[] {
  const names = strangeParts(db);
  if (names.length === 0) return [];
  db.transaction(() => {
    db.exec(
      `CREATE TABLE IF NOT EXISTS ${ASIDE} (id INTEGER PRIMARY KEY, content TEXT NOT NULL) STRICT`,
    );
    const keep = db.prepare(`INSERT INTO ${ASIDE} (content) VALUES (?)`);
    // Triggers first: they would hear of the rows that go.
    for (const part of strangersIn(partsOf(db))) {
      keep.run(contentOf(part));
      db.exec(`DROP ${part.type} "${part.name.replaceAll('"', '""')}"`);
    }
    // Bans last: the newest of what is aside are kept.
    for (const table of [...NAMES].reverse()) {
      for (const content of badContents(db, table)) keep.run(content);
      db.exec(`DELETE ${badRows(db, table).from}`);
    }
    for (const table of spentCounters(db))
      db.prepare(
        `UPDATE sqlite_sequence SET seq = (SELECT coalesce(max(id), 0) FROM ${table}) WHERE name = ?`,
      ).run(table);
    for (const { sql } of missingIn(partsOf(db))) db.exec(sql ?? '');
    db.prepare(`DELETE FROM ${ASIDE} WHERE id <= (SELECT max(id) FROM ${ASIDE}) - ?`).run(
      LEDGER_ROWS_ASIDE_MAX,
    );
  }).immediate();
  return names;
}

/** How much was set aside and is kept. */
export function rowsAside(db: Database.Database): number {
  if (db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(ASIDE) === undefined) return 0;
  return db.prepare(`SELECT count(*) FROM ${ASIDE}`).pluck().get() as number;
}

/** A ban of a jail without a name, which none has. */
const TRIAL: BanInsert = {
  ...{ jail: '', target: '0.0.0.0', first: Buffer.alloc(16), length: 32, time: 0, until: 0 },
  ...{ failures: 0, evidence: '[]', user: null, host: null, origin: 'journal', rule: null },
  ...{ leniency: null, by: null, source: null, scenario: null, weights: null, points: null },
  ...{ counts: null, needed: null, previousBans: 0, replaces: null },
};

/**
 * Writes, changes and deletes one row of each kind, and takes it back.
 * @throws what SQLite says where one of them cannot be: so would each write of the agent
 */
export function tryWrites(db: Database.Database): void {
  const sql = statementsOf(db);
  const drop = (table: string, id: number | bigint) =>
    db.prepare(`DELETE FROM ${table} WHERE id = ?`).run(id);
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const origin of ['journal', 'operator', 'import']) {
      const { lastInsertRowid: id } = sql.insert.run({ ...TRIAL, origin });
      sql.inForce.run(id);
      sql.refuse.run('', 0, id);
      sql.expire.get(id);
      for (const reason of ['operator', 'reload', 'replaced', 'ignored'])
        sql.end.run(0, reason, null, id);
      drop('ban', id);
    }
    for (const kind of ['failure', 'success'])
      drop(
        'attempt',
        sql.insertAttempt.run('', kind, '', null, 1, 0, null, null, 0, 1).lastInsertRowid,
      );
    for (const kind of ['takeover', 'under-attack'])
      drop('alarm', sql.insertAlarm.run(kind, '', '', '', 1, 0).lastInsertRowid);
    drop('pardon', sql.pardon.run(null, '', 0).lastInsertRowid);
    // Twice, since the second time it is another statement.
    for (let time = 0; time < 2; time++) {
      sql.setPosition.run('', '-', time);
      sql.addHourly.run(0, '', '', 1);
      sql.raiseHourly.run(0, '', '', time);
      sql.setStopped.run('', time);
    }
    db.exec(`DELETE FROM position WHERE source = ''; DELETE FROM stopped WHERE jail = '';
      DELETE FROM hourly WHERE hour = 0 AND jail = ''`);
  } finally {
    // SQLite has ended it itself after some errors.
    if (db.inTransaction) db.exec('ROLLBACK');
  }
}
