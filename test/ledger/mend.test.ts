/** What no write of the agent gets past, in a file that SQLite itself finds in order. */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { cursor } from '../../src/core/names.js';
import { LEDGER_ID_MAX } from '../../src/core/service-limits.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger, openLedgerForReading } from '../../src/ledger/open.js';
import { at, attempt, ban, directory, inForce, JAIL, opened, prefix, SOURCE } from './support.js';

const HOUR = Math.floor(at(0) / 3_600_000_000);
const ALARM = { kind: 'takeover', jail: JAIL, user: 'anna', address: '10.0.0.1' } as const;

function spoil(path: string, sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

/** Everything that an agent writes, once. */
function writeAll(ledger: Ledger): void {
  const { bans } = ledger.commit({
    decisions: [ban('192.0.2.1'), ban('192.0.2.2')],
    attempts: [attempt('192.0.2.1', 1)],
    hourly: [{ hour: HOUR, jail: JAIL, kind: 'attempt', count: 2 }],
    alarms: [{ ...ALARM, count: 1, time: at(0) }],
    source: SOURCE,
    position: { cursor: cursor('s=1;i=9'), time: at(9) },
  });
  ledger.settle(
    bans.map(({ id }) => id),
    'in-force',
    at(1),
  );
  const target = prefix('192.0.2.1');
  ledger.commit({ decisions: [{ kind: 'unban', target, time: at(2), reason: 'operator' }] });
  ledger.database.count([], new Map([[JAIL, { packets: 7 }]]), at(3));
  expect(ledger.expire(at(4_000)).length).toBeGreaterThan(0);
  ledger.history.prune(at(100_000_000), 1);
  ledger.attempts.prune(at(100_000_000));
  expect(ledger.position(SOURCE)?.cursor).toBe('s=1;i=9');
  expect(ledger.database.unsaved).toBeUndefined();
}

describe('what SQLite lets stand and no write gets past is found before the first write', () => {
  /** A ledger with a row in each table. */
  function fullFile(): string {
    const path = join(directory(), 'ledger.sqlite3');
    const { ledger } = openLedger(path, at(0));
    ledger.commit({
      decisions: Array.from({ length: 500 }, (_, i) => ban(`10.0.${i >> 8}.${i & 255}`)),
    });
    ledger.commit({
      attempts: [attempt('10.0.0.1', 1)],
      hourly: [{ hour: HOUR, jail: JAIL, kind: 'attempt', count: 2 }],
      alarms: [{ ...ALARM, count: 1, time: at(0) }],
      source: SOURCE,
      position: { cursor: cursor('s=1;i=1'), time: at(1) },
      decisions: [{ kind: 'unban', target: prefix('10.9.9.9'), time: at(2), reason: 'operator' }],
    });
    ledger.database.count([], new Map([[JAIL, { packets: 7 }]]), at(3));
    ledger.close();
    return path;
  }

  const LARGE = '9223372036854775807';
  test.each([
    ['UPDATE hourly SET count = LARGE WHERE jail <> ?', /^hour \d+ \(sshd attempt\)$/],
    ['UPDATE hourly SET count = -1 WHERE jail <> ?', /^hour \d+ \(sshd attempt\)$/],
    [
      'UPDATE hourly SET hour = LARGE WHERE jail <> ?',
      /^hour 9223372036854775807 \(sshd attempt\)$/,
    ],
    ['UPDATE attempt SET count = -5', /^attempt 1 \(sshd 10\.0\.0\.1\)$/],
    ['UPDATE attempt SET count = 0', /^attempt 1 \(/],
    ['UPDATE attempt SET count = 9000000000000000000', /^attempt 1 \(/],
    ['UPDATE attempt SET time = 9200000000000000000', /^attempt 1 \(/],
    ['UPDATE attempt SET id = LARGE', /^attempt 9223372036854775807 \(/],
    ["UPDATE position SET cursor = ''", /^position of local$/],
    ['UPDATE position SET time = -1', /^position of local$/],
    ['UPDATE stopped SET packets = LARGE', /^packets of sshd$/],
    ['UPDATE alarm SET count = LARGE', /^alarm 1 \(anna\)$/],
    ['UPDATE alarm SET time = -1', /^alarm 1 \(anna\)$/],
    ["UPDATE pardon SET target = 'everybody'", /^unban 1 \(everybody\)$/],
    ['UPDATE pardon SET id = LARGE', /^unban 9223372036854775807 \(10\.9\.9\.9\)$/],
    ['UPDATE ban SET failures = -1 WHERE id = 7', /^ban 7 \(sshd 10\.0\.0\.6\)$/],
    ["UPDATE ban SET evidence = 'x' WHERE id = 7", /^ban 7 \(sshd 10\.0\.0\.6\)$/],
    ["UPDATE ban SET evidence = '{}' WHERE id = 7", /^ban 7 \(sshd 10\.0\.0\.6\)$/],
    ["UPDATE ban SET evidence = ' []' WHERE id = 7", /^ban 7 \(sshd 10\.0\.0\.6\)$/],
    ["UPDATE ban SET weights = '5' WHERE id = 7", /^ban 7 \(sshd 10\.0\.0\.6\)$/],
    ["UPDATE ban SET weights = '[1' WHERE id = 7", /^ban 7 \(sshd 10\.0\.0\.6\)$/],
    ["UPDATE ban SET counts = 'null' WHERE id = 7", /^ban 7 \(sshd 10\.0\.0\.6\)$/],
    ["UPDATE ban SET target = '10.0.0.06' WHERE id = 7", /^ban 7 \(sshd /],
    ["UPDATE ban SET target = '10.0.0.256' WHERE id = 7", /^ban 7 \(sshd /],
    ["UPDATE ban SET target = '10.0.0' WHERE id = 7", /^ban 7 \(sshd /],
    ["UPDATE ban SET target = '10.0.0.6.1' WHERE id = 7", /^ban 7 \(sshd /],
    ["UPDATE ban SET target = '10.0.0.6/32' WHERE id = 7", /^ban 7 \(sshd /],
    ["UPDATE ban SET target = '10.0.0.6/24' WHERE id = 7", /^ban 7 \(sshd /],
    ["UPDATE ban SET target = '2001:DB8::1' WHERE id = 7", /^ban 7 \(sshd /],
    ["UPDATE ban SET target = '::ffff:10.0.0.6' WHERE id = 7", /^ban 7 \(sshd /],
    ["UPDATE ban SET target = '' WHERE id = 7", /^ban 7 \(sshd /],
    ['UPDATE ban SET id = LARGE WHERE id = 7', /^ban 9223372036854775807 \(sshd 10\.0\.0\.6\)$/],
    ["UPDATE sqlite_sequence SET seq = LARGE WHERE name = 'ban'", /^counter of ban$/],
    [
      "CREATE TRIGGER t BEFORE INSERT ON ban BEGIN SELECT RAISE(ABORT, 'no'); END",
      /^trigger t of ban$/,
    ],
    [
      "CREATE TRIGGER t AFTER UPDATE ON hourly WHEN new.jail = 'sshd' BEGIN SELECT RAISE(FAIL, 'no'); END",
      /^trigger t of hourly$/,
    ],
    ['CREATE TRIGGER t AFTER INSERT ON ban BEGIN DELETE FROM ban; END', /^trigger t of ban$/],
    ['CREATE UNIQUE INDEX mine ON position (source)', /^index mine of position$/],
    ['CREATE INDEX mine ON ban (json(host))', /^index mine of ban$/],
    ['DROP INDEX ban_open', /^no index ban_open of ban$/],
    [
      'DROP INDEX ban_open; CREATE UNIQUE INDEX ban_open ON ban (jail, target)',
      /^index ban_open of ban$/,
    ],
  ])('%s', (sql, name) => {
    const path = fullFile();
    spoil(path, sql.replaceAll('LARGE', LARGE).replaceAll('jail <> ?', "jail <> ''"));
    const reader = openLedgerForReading(path);
    expect(reader.check()).toContainEqual(
      expect.objectContaining({ id: 'ledger.rows', message: expect.stringContaining('first ') }),
    );
    reader.close();
    const { ledger, fresh, skipped, setAside } = opened(path);
    expect([fresh, setAside]).toEqual([true, undefined]);
    expect(skipped).toEqual([expect.stringMatching(name)]);
    expect(inForce(ledger).length).toBeGreaterThanOrEqual(499);
    writeAll(ledger);
    expect(ledger.check().map(({ id }) => id)).toContain('ledger.sound');
    ledger.close();
    expect(opened(path).skipped).toEqual([]);
  });

  test.each([
    'DROP TABLE hourly; CREATE VIEW hourly AS SELECT 0 AS hour',
    "DELETE FROM alarm; ALTER TABLE alarm ADD COLUMN more TEXT NOT NULL DEFAULT 'y' CHECK (more = 'x')",
    'DROP TABLE stopped; CREATE TABLE stopped (jail TEXT PRIMARY KEY, packets INTEGER CHECK (packets < 0))',
    "DROP TABLE attempt; CREATE TABLE attempt AS SELECT 1 AS id, 'x' AS jail",
  ])('a table that takes no row: %s', (sql) => {
    const path = fullFile();
    spoil(path, sql);
    const { ledger, setAside } = opened(path);
    expect(setAside?.kind).toBe('corrupt');
    writeAll(ledger);
  });

  test('a table of somebody else that refers to bans keeps none of them', () => {
    const path = fullFile();
    spoil(path, 'CREATE TABLE notes (ban REFERENCES ban); INSERT INTO notes VALUES (1)');
    const { ledger, skipped } = opened(path);
    expect(skipped).toEqual([]);
    writeAll(ledger);
  });

  test('a view, a table or an index of a table of somebody else stays', () => {
    const path = fullFile();
    spoil(
      path,
      'CREATE VIEW mine AS SELECT * FROM ban; CREATE TABLE notes (x); CREATE INDEX n ON notes (x)',
    );
    const { ledger, fresh, skipped, setAside } = opened(path);
    expect([fresh, skipped, setAside]).toEqual([false, [], undefined]);
    writeAll(ledger);
  });

  test('an id at the bound is read, one past it set aside', () => {
    const path = fullFile();
    spoil(path, `UPDATE ban SET id = ${LEDGER_ID_MAX} WHERE id = 1`);
    const first = openLedger(path, at(0));
    expect(first.skipped).toEqual([]);
    first.ledger.close();
    spoil(path, `UPDATE ban SET id = id + 1 WHERE id = ${LEDGER_ID_MAX}`);
    const { ledger, skipped } = opened(path);
    expect(skipped).toEqual([`ban ${LEDGER_ID_MAX + 1} (sshd 10.0.0.0)`]);
    writeAll(ledger);
  });

  test('the trial leaves nothing behind', () => {
    const path = fullFile();
    const content = () => {
      const db = new Database(path, { readonly: true });
      const tables = ['ban', 'position', 'attempt', 'hourly', 'stopped', 'alarm', 'pardon'];
      const rows = [...tables, 'sqlite_sequence'].map((one) =>
        db.prepare(`SELECT * FROM ${one}`).all(),
      );
      db.close();
      return rows;
    };
    const before = content();
    opened(path).ledger.close();
    expect(content()).toEqual(before);
  });
});
