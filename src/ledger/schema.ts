import type { Database } from 'better-sqlite3';

/** `Banj`: marks the file as ours (`PRAGMA application_id`, shown by file(1)). */
export const APPLICATION_ID = 0x42616e6a;

/** A ban that has not ended; the wording must be the same wherever a partial index is to serve. */
export const OPEN = `state IN ('wanted', 'in-force')`;

/**
 * One step per version, each run once and in order; never changed after a release. Times are microseconds since 1970.
 * `first` is the target's first address in 16 bytes, IPv4 as an IPv4-mapped one, so that ranges can be looked up.
 */
const MIGRATIONS: readonly string[] = [
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
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the schema to the newest version; each step is one transaction. Returns the version that was found. */
export function migrate(db: Database, migrations: readonly string[] = MIGRATIONS): number {
  const found = db.pragma('user_version', { simple: true }) as number;
  for (let version = found; version < migrations.length; version++)
    db.transaction(() => {
      db.exec(migrations[version] ?? '');
      db.pragma(`application_id = ${APPLICATION_ID}`);
      db.pragma(`user_version = ${version + 1}`);
    }).exclusive();
  return found;
}
