import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { mustJailName } from '../../src/core/names.js';
import { IMPORT_SKIPPED_MAX } from '../../src/core/service-limits.js';
import { plus } from '../../src/core/time.js';
import { BAN_SECONDS_MAX } from '../../src/core/timeouts.js';
import { readFail2ban } from '../../src/ledger/import-fail2ban.js';
import { at, directory, inForce, JAIL, opened, prefix, T0 } from './support.js';

const NOW = T0 / 1_000_000;

type Row = readonly [
  jail: unknown,
  ip: unknown,
  timeofban: unknown,
  bantime: unknown,
  bancount?: unknown,
  data?: unknown,
];

/** A database with the tables and columns of schema 4. */
function fail2ban(bips: readonly Row[], bans: readonly Row[] = [], version = 4): string {
  const path = join(directory(), 'fail2ban.sqlite3');
  const db = new Database(path);
  db.exec('CREATE TABLE fail2banDb (version INTEGER)');
  db.prepare('INSERT INTO fail2banDb VALUES (?)').run(version);
  for (const [table, rows] of [
    ['bips', bips],
    ['bans', bans],
  ] as const) {
    db.exec(
      `CREATE TABLE ${table} (jail TEXT, ip TEXT, timeofban INTEGER, bantime INTEGER, bancount INTEGER, data JSON)`,
    );
    const insert = db.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?)`);
    for (const [jail, ip, time, length, count = 1, data = '{"failures": 5}'] of rows)
      insert.run(jail, ip, time, length, count, data);
  }
  db.close();
  return path;
}

describe("fail2ban's database", () => {
  test('gives the bans that are in force, with their ends and ranks', () => {
    const path = fail2ban([
      ['sshd', '192.0.2.1', NOW - 100, 600, 3],
      ['sshd', '192.0.2.2', NOW - 100, -1],
      ['sshd', '2001:db8::1', NOW - 600, 601],
      ['sshd', '192.0.2.3', NOW - 600, 600],
      ['sshd', '192.0.2.4', NOW - 1, BAN_SECONDS_MAX + 1],
    ]);
    const { active, history, skippedCount } = readFail2ban(path, at(0));
    expect(
      active.map(({ target, until, previousBans, failures }) => [
        target.base,
        until,
        previousBans,
        failures,
      ]),
    ).toEqual([
      ['192.0.2.1', at(500), 2, 5],
      ['192.0.2.2', null, 0, 5],
      ['2001:db8::1', at(1), 0, 5],
      ['192.0.2.4', at(BAN_SECONDS_MAX - 1), 0, 5],
    ]);
    expect([history, skippedCount]).toEqual([[], 0]);
  });

  test('gives the past, oldest first, without what is in force', () => {
    const rows: Row[] = [
      ['sshd', '192.0.2.1', NOW - 9_000, 600],
      ['sshd', '192.0.2.1', NOW - 100, 600],
      ['sshd', '192.0.2.1', NOW - 10_000, 600],
    ];
    const { history } = readFail2ban(fail2ban([rows[1] as Row], rows), at(0));
    expect(history.map(({ time }) => time)).toEqual([at(-10_000), at(-9_000)]);
  });

  test.each([
    [['sshd', 'user@example', NOW, 600], 'it is not an address'],
    [['a/b', '192.0.2.1', NOW, 600], 'the name of the jail is not one that Banjour takes'],
    [['sshd', '192.0.2.1', 'now', 600], 'the time of the ban is not a time'],
    [['sshd', '192.0.2.1', NOW + 1, 600], 'the time of the ban lies in the future'],
    [['sshd', '192.0.2.1', NOW, -2], 'the length of the ban is not known'],
  ] satisfies [Row, string][])('passes over %j: %s', (row, reason) => {
    const { active, skipped, skippedCount } = readFail2ban(fail2ban([row], [row]), at(0));
    expect(active).toEqual([]);
    expect(skipped).toEqual([{ jail: String(row[0]), id: String(row[1]), reason }]);
    expect(skippedCount).toBe(1);
  });

  test('a ban of this moment, whose time fail2ban rounded up, is taken over as of now', () => {
    const before = plus(at(0), -0.4);
    const { active, skipped } = readFail2ban(fail2ban([['sshd', '192.0.2.1', NOW, 600]]), before);
    expect(skipped).toEqual([]);
    expect(active[0]?.time).toBe(before);
  });

  test('its notes may be spoiled, the ban counts', () => {
    const { active } = readFail2ban(
      fail2ban([['sshd', '192.0.2.1', NOW, 600, 1, '{"failures": "x']]),
      at(0),
    );
    expect(active[0]?.failures).toBe(0);
  });

  test('an unknown version, a missing file and a wrong file are refused with a hint', () => {
    expect(() => readFail2ban(fail2ban([], [], 3), at(0))).toThrow(/has schema 3/);
    expect(() => readFail2ban('/nonexistent', at(0))).toThrow(/there is no fail2ban database/);
    const path = join(directory(), 'wrong');
    writeFileSync(path, 'garbage '.repeat(100));
    expect(() => readFail2ban(path, at(0))).toThrow(/cannot be read as a fail2ban database/);
  });
});

describe('the ledger takes it over', () => {
  const rows: Row[] = [
    ['sshd', '192.0.2.1', NOW - 9_000, 600],
    ['sshd', '192.0.2.1', NOW - 100, 600, 5],
  ];

  test('active bans are wanted, past ones ended, ranks kept', () => {
    const { ledger } = opened();
    const wanted = ledger.import(readFail2ban(fail2ban([rows[1] as Row], rows), at(0)), at(0));
    expect(wanted.map(({ state, until }) => [state, until])).toEqual([['wanted', at(500)]]);
    expect(inForce(ledger)).toEqual([`sshd 192.0.2.1/32 ${at(500)}`]);
    expect(ledger.previousBans(JAIL, prefix('192.0.2.1'))).toBe(5);
    expect(ledger.previousBans(mustJailName('other'), prefix('192.0.2.1'))).toBe(0);
    expect(ledger.history.find().map(({ state }) => state)).toEqual(['wanted', 'ended']);
  });

  test('once: a second import changes nothing', () => {
    const { ledger } = opened();
    const found = readFail2ban(fail2ban([rows[1] as Row], rows), at(0));
    ledger.import(found, at(0));
    expect(ledger.import(found, at(0))).toEqual([]);
    expect(ledger.history.find()).toHaveLength(2);
  });
});

test.each([0, 1])(
  'of as many bans as are named and %i more that cannot be taken over, the rest is counted',
  (more) => {
    const rows = Array.from(
      { length: IMPORT_SKIPPED_MAX + more },
      (_, i): Row => ['sshd', `nobody${i}`, NOW, 600],
    );
    const { skipped, skippedCount } = readFail2ban(fail2ban(rows), at(0));
    expect([skipped.length, skippedCount]).toEqual([IMPORT_SKIPPED_MAX, IMPORT_SKIPPED_MAX + more]);
  },
);
