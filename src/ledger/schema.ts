/** The ledger's tables, the steps from one version to the next, and the statements. */
import type { Database, Statement } from 'better-sqlite3';
import { MICROS_PER_SECOND } from '../core/time.js';
import { NFT_LATE_MS, NFT_TIMEOUT_SECONDS_MAX } from '../core/timeouts.js';
import { BAN_COLUMNS } from './rows.js';

/** `Banj`: marks the file as ours (`PRAGMA application_id`, shown by file(1)). */
export const APPLICATION_ID = 0x42616e6a;

/** A ban that has not ended; the wording must be the same wherever a partial index is to serve. */
export const OPEN = `state IN ('wanted', 'in-force')`;

/**
 * How far the end that the kernel tells of a ban may lie before the ledger's and behind it: it has
 * whole seconds, a hundred thousand of them are read in one, and it counts from when it carries a
 * transaction out.
 */
const END_TOLERANCE_MICROS = 5 * MICROS_PER_SECOND;
const END_LATE_MICROS = NFT_LATE_MS * 1000 + END_TOLERANCE_MICROS;
/** A ban that lasts longer has the longest timeout in the kernel, from some time on. */
const REACH_MICROS = NFT_TIMEOUT_SECONDS_MAX * MICROS_PER_SECOND - END_TOLERANCE_MICROS;

/**
 * One step per version, each run once and in order; never changed after a release. Times are
 * microseconds since 1970. `first` is the target's first address in 16 bytes, IPv4 as an
 * IPv4-mapped one, so that ranges can be looked up.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE position (
    source TEXT PRIMARY KEY,
    cursor TEXT NOT NULL,
    time INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE ban (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    jail TEXT NOT NULL,
    target TEXT NOT NULL,
    first BLOB NOT NULL,
    length INTEGER NOT NULL,
    time INTEGER NOT NULL,
    until INTEGER,
    failures INTEGER NOT NULL,
    evidence TEXT NOT NULL,
    user TEXT,
    origin TEXT NOT NULL CHECK (origin IN ('journal', 'operator', 'import')),
    previous_bans INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('wanted', 'in-force', 'refused', 'ended')),
    refusal TEXT,
    ended_time INTEGER,
    ended_reason TEXT CHECK (ended_reason IN ('expired', 'operator', 'reload', 'replaced', 'lapsed', 'ignored')),
    replaces INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX ban_open ON ban (jail, target) WHERE ${OPEN};
  CREATE INDEX ban_until ON ban (until) WHERE ${OPEN} AND until IS NOT NULL;
  CREATE INDEX ban_target ON ban (first, length, jail);
  CREATE INDEX ban_time ON ban (time);
  CREATE INDEX ban_ended ON ban (ended_time) WHERE ended_time IS NOT NULL;
  CREATE INDEX ban_jail ON ban (jail, id);

  CREATE TABLE pardon (
    id INTEGER PRIMARY KEY,
    jail TEXT,
    target TEXT NOT NULL,
    time INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX pardon_time ON pardon (time);
  `,
  // The host that reported, of bans from other hosts' journals.
  'ALTER TABLE ban ADD COLUMN host TEXT;',
  // What jails weigh; from it the evidence is made again after a restart.
  `
  CREATE TABLE attempt (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    jail TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('failure', 'success')),
    address TEXT NOT NULL,
    user TEXT,
    count INTEGER NOT NULL,
    time INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX attempt_time ON attempt (time);
  ALTER TABLE ban ADD COLUMN rule TEXT;
  `,
  // Who lifted a ban, of those that an operator lifted.
  'ALTER TABLE ban ADD COLUMN ended_by TEXT;',
  // What filters know of a failure. Digests are forgotten after a day.
  `
  ALTER TABLE attempt ADD COLUMN cause TEXT;
  ALTER TABLE attempt ADD COLUMN digest TEXT;
  ALTER TABLE attempt ADD COLUMN spray INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX attempt_digest ON attempt (time) WHERE digest IS NOT NULL;
  `,
  // Why a ban was short, or counts for less.
  'ALTER TABLE ban ADD COLUMN leniency TEXT;',
  // What reports are made of: counters by the hour, alarms, and the kernel's counters as they were
  // last seen. The row `begun` says from when on they count.
  `
  CREATE TABLE hourly (
    hour INTEGER NOT NULL,
    jail TEXT NOT NULL,
    kind TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, jail, kind)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE alarm (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('takeover', 'under-attack')),
    jail TEXT NOT NULL,
    user TEXT NOT NULL,
    address TEXT NOT NULL,
    count INTEGER NOT NULL,
    time INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX alarm_time ON alarm (time);
  CREATE TABLE stopped (
    jail TEXT PRIMARY KEY,
    packets INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO hourly VALUES (CAST(strftime('%s', 'now') AS INTEGER) / 3600, '', 'begun', 1);
  `,
  // The person behind a ban by hand.
  'ALTER TABLE ban ADD COLUMN banned_by TEXT;',
  // Bans of other hosts: who decided, and why. `origin` has a check that knows no `shared`, and to
  // change it would mean to write the table anew: they are `import` with a source.
  `
  ALTER TABLE ban ADD COLUMN source TEXT;
  ALTER TABLE ban ADD COLUMN scenario TEXT;
  `,
  // What the entries of a ban by evidence weighed, one number each, and all that was weighed.
  `
  ALTER TABLE ban ADD COLUMN weights TEXT;
  ALTER TABLE ban ADD COLUMN points REAL;
  `,
  // Logins were written once for all services. From now on they are written for each.
  'ALTER TABLE attempt ADD COLUMN each_service INTEGER NOT NULL DEFAULT 0;',
  // How many failures the entries of a ban told of, one number each, and how many it took.
  `
  ALTER TABLE ban ADD COLUMN counts TEXT;
  ALTER TABLE ban ADD COLUMN needed REAL;
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings the schema to the newest version; each step is one transaction. Returns the version that
 * was found. The version is asked again inside each transaction: whoever else opens the file may
 * have taken the step since.
 */
export function migrate(db: Database, migrations: readonly string[] = MIGRATIONS): number {
  const versionNow = () => db.pragma('user_version', { simple: true }) as number;
  const step = db.transaction(() => {
    const version = versionNow();
    if (version >= migrations.length) return;
    db.exec(migrations[version] ?? '');
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${version + 1}`);
  });
  const found = versionNow();
  while (versionNow() < migrations.length) step.exclusive();
  // The ledger has none; a table of somebody else that refers to bans would keep them for ever.
  db.pragma('foreign_keys = OFF');
  return found;
}

/** Parameters of the statement that inserts a ban. */
export interface BanInsert {
  readonly jail: string;
  readonly target: string;
  readonly first: Buffer;
  readonly length: number;
  readonly time: number;
  readonly until: number | null;
  readonly failures: number;
  readonly evidence: string;
  readonly user: string | null;
  readonly host: string | null;
  readonly origin: string;
  readonly rule: string | null;
  readonly leniency: string | null;
  readonly by: string | null;
  readonly source: string | null;
  readonly scenario: string | null;
  readonly weights: string | null;
  readonly points: number | null;
  readonly counts: string | null;
  readonly needed: number | null;
  readonly previousBans: number;
  readonly replaces: number | null;
}

/**
 * How often a target was banned. Bans that were extended go on in their extension; those that an
 * operator lifted were wrong, those that were ignored never were. An imported ban brings the rank
 * that fail2ban had given it, though the bans before it were not imported. Those of other hosts are
 * theirs to count.
 */
const PREVIOUS = `SELECT max(count(*), count(*) FILTER (WHERE origin <> 'import')
  + coalesce(max(previous_bans + 1) FILTER (WHERE origin = 'import'), 0)) FROM ban
  WHERE source IS NULL AND state <> 'refused' AND (ended_reason IS NULL OR ended_reason NOT IN ('replaced', 'operator', 'ignored'))
  AND first = ? AND length = ?`;

/** Bans of one page of `openAfter`. */
const PAGE_ROWS = 1_000;

type Prepare = (sql: string) => Statement<unknown[], unknown>;

/** Statements of what reports are made of. */
function reportStatements(prepare: Prepare) {
  return {
    addHourly: prepare(
      `INSERT INTO hourly (hour, jail, kind, count) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET count = count + excluded.count`,
    ),
    raiseHourly: prepare(
      `INSERT INTO hourly (hour, jail, kind, count) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET count = max(count, excluded.count)`,
    ),
    insertAlarm: prepare(
      'INSERT INTO alarm (kind, jail, user, address, count, time) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    trimAlarms: prepare('DELETE FROM alarm WHERE id <= (SELECT max(id) FROM alarm) - ?'),
    stopped: prepare('SELECT packets FROM stopped WHERE jail = ?').pluck(),
    anyStopped: prepare('SELECT 1 FROM stopped LIMIT 1'),
    setStopped: prepare(
      'INSERT INTO stopped VALUES (?, ?) ON CONFLICT DO UPDATE SET packets = excluded.packets',
    ),
  };
}

/** Statements by which bans end. */
function endStatements(prepare: Prepare) {
  return {
    end: prepare(
      `UPDATE ban SET state = 'ended', ended_time = ?, ended_reason = ?, ended_by = ? WHERE id = ?`,
    ),
    due: prepare(
      `SELECT id FROM ban WHERE ${OPEN} AND until IS NOT NULL AND until <= ? AND (? = 0 OR state = 'in-force')
       ORDER BY until LIMIT ?`,
    ).pluck(),
    // One ban at a time: for a subquery SQLite sets up a table, which costs more than ten bans.
    expire: prepare(
      `UPDATE ban SET state = 'ended', ended_time = until,
       ended_reason = CASE state WHEN 'wanted' THEN 'lapsed' ELSE 'expired' END WHERE id = ?
       RETURNING ${BAN_COLUMNS}`,
    ),
  };
}

export type Statements = ReturnType<typeof statementsOf>;

/** Every statement of the hot paths, prepared once. */
export function statementsOf(db: Database) {
  const prepare: Prepare = (sql) => db.prepare<unknown[], unknown>(sql);
  return {
    ...reportStatements(prepare),
    ...endStatements(prepare),
    position: prepare('SELECT cursor, time FROM position WHERE source = ?'),
    setPosition: prepare(
      'INSERT INTO position VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET cursor = excluded.cursor, time = excluded.time',
    ),
    insert: prepare(
      `INSERT INTO ban (jail, target, first, length, time, until, failures, evidence, user, host, origin, rule, leniency, banned_by, source, scenario, weights, points, counts, needed, previous_bans, state, replaces)
       VALUES (@jail, @target, @first, @length, @time, @until, @failures, @evidence, @user, @host, @origin, @rule, @leniency, @by, @source, @scenario, @weights, @points, @counts, @needed, @previousBans, 'wanted', @replaces)`,
    ),
    insertAttempt: prepare(
      'INSERT INTO attempt (jail, kind, address, user, count, time, cause, digest, spray, each_service) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    open: prepare(`SELECT ${BAN_COLUMNS} FROM ban WHERE jail = ? AND target = ? AND ${OPEN}`),
    openOfTarget: prepare(
      `SELECT ${BAN_COLUMNS} FROM ban WHERE first = ? AND length = ? AND ${OPEN}`,
    ),
    openWithin: prepare(
      `SELECT ${BAN_COLUMNS} FROM ban WHERE first BETWEEN ? AND ? AND length >= ? AND ${OPEN} ORDER BY id`,
    ),
    openAfter: prepare(
      `SELECT ${BAN_COLUMNS} FROM ban NOT INDEXED WHERE id > @after AND ${OPEN} AND (until IS NULL OR until > @now)
       AND (@jail IS NULL OR jail = @jail) ORDER BY id LIMIT ${PAGE_ROWS}`,
    ),
    elementsAfter: prepare(
      `SELECT jail, target, until FROM ban WHERE (jail, target) > (?, ?) AND ${OPEN} AND (until IS NULL OR until > ?)
       ORDER BY jail, target LIMIT ${PAGE_ROWS}`,
    ).raw(),
    wanted: prepare(
      `SELECT ${BAN_COLUMNS} FROM ban WHERE ${OPEN} AND state = 'wanted' ORDER BY id`,
    ),
    nextEnd: prepare(`SELECT min(until) FROM ban WHERE ${OPEN} AND until IS NOT NULL`).pluck(),
    inForce: prepare(`UPDATE ban SET state = 'in-force' WHERE id = ? AND state = 'wanted'`),
    refuse: prepare(
      `UPDATE ban SET state = 'refused', refusal = ?, ended_time = ?, ended_reason = NULL WHERE id = ? AND ${OPEN}`,
    ),
    ignore: prepare(
      `UPDATE ban SET state = 'ended', ended_time = ?, ended_reason = 'ignored' WHERE id = ? AND state = 'wanted'`,
    ),
    reopen: prepare(
      `UPDATE ban SET state = 'in-force', ended_time = NULL, ended_reason = NULL, ended_by = NULL
       WHERE id = (SELECT replaces FROM ban WHERE id = ?) AND ended_reason = 'replaced' AND (until IS NULL OR until > ?)`,
    ),
    forgetOldest: prepare(
      `DELETE FROM ban WHERE ended_time <= (SELECT ended_time FROM ban WHERE ended_time IS NOT NULL ORDER BY ended_time
       LIMIT 1 OFFSET (SELECT count(*) / 2 FROM ban WHERE ended_time IS NOT NULL))`,
    ),
    ended: prepare(
      `SELECT 1 FROM ban WHERE first = @first AND length = @length AND jail = @jail AND state = 'ended'
       AND (until IS @until OR @until - until BETWEEN -${END_TOLERANCE_MICROS} AND ${END_LATE_MICROS}
            OR @until BETWEEN time + ${REACH_MICROS} AND until)`,
    ),
    known: prepare('SELECT 1 FROM ban WHERE first = ? AND length = ? AND jail = ? AND time = ?'),
    previous: prepare(`${PREVIOUS} AND jail = ?`).pluck(),
    previousAll: prepare(PREVIOUS).pluck(),
    pardon: prepare('INSERT INTO pardon (jail, target, time) VALUES (?, ?, ?)'),
    trimPardons: prepare('DELETE FROM pardon WHERE id <= (SELECT max(id) FROM pardon) - ?'),
  };
}
