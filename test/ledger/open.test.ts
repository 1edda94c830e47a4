import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { OperatorError } from '../../src/core/errors.js';
import { cursor } from '../../src/core/names.js';
import { LEDGER_ROWS_ASIDE_MAX, LEDGER_WAL_BYTES_MAX } from '../../src/core/service-limits.js';
import { openLedger, openLedgerForReading } from '../../src/ledger/open.js';
import { migrate, SCHEMA_VERSION } from '../../src/ledger/schema.js';
import { at, ban, directory, inForce, opened } from './support.js';

/** A ledger with 500 bans, closed. */
function filledFile(): string {
  const path = join(directory(), 'ledger.sqlite3');
  const { ledger } = openLedger(path, at(0));
  ledger.commit({
    decisions: Array.from({ length: 500 }, (_, i) => ban(`10.0.${i >> 8}.${i & 255}`)),
  });
  ledger.close();
  return path;
}

function spoil(path: string, sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.close();
}

function asideIn(path: string): string[] {
  const db = new Database(path, { readonly: true });
  const kept = db.prepare('SELECT content FROM unreadable ORDER BY id').pluck().all() as string[];
  db.close();
  return kept;
}

/** Opens what was spoiled; expects a preserved copy and a ledger that works. */
function expectSetAside(path: string, kind: 'corrupt' | 'foreign' | 'newer', size: number): void {
  const { ledger, fresh, setAside } = opened(path, at(0));
  expect(fresh).toBe(true);
  expect(setAside?.kind).toBe(kind);
  expect(setAside?.reason).toContain(path);
  expect(setAside?.path).toMatch(new RegExp(`ledger.sqlite3.${kind}-\\d{8}T\\d{6}Z$`));
  expect(statSync(setAside?.path ?? '').size).toBe(size);
  expect(inForce(ledger)).toEqual([]);
  ledger.commit({ decisions: [ban('192.0.2.1')] });
  expect(inForce(ledger)).toHaveLength(1);
}

describe('a file that cannot be the ledger is kept, and a fresh one begun', () => {
  test('one that is no database', () => {
    const path = join(directory(), 'ledger.sqlite3');
    writeFileSync(path, 'garbage '.repeat(1_000));
    expectSetAside(path, 'corrupt', 8_000);
  });

  test.each([100, 4_096, 5_000, 20_000])('one that was cut off after %i bytes', (bytes) => {
    const path = filledFile();
    truncateSync(path, bytes);
    expectSetAside(path, 'corrupt', bytes);
  });

  test.each([0, 20, 4_200, 12_288, 40_000])('one with garbage written over it at %i', (offset) => {
    const path = filledFile();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, offset, offset + 4_096);
    writeFileSync(path, bytes);
    expectSetAside(path, 'corrupt', bytes.length);
  });

  test("another program's database", () => {
    const path = join(directory(), 'ledger.sqlite3');
    const db = new Database(path);
    db.exec('CREATE TABLE fail2banDb (version INTEGER)');
    db.close();
    expectSetAside(path, 'foreign', statSync(path).size);
  });

  test('one of a newer version', () => {
    const path = filledFile();
    const db = new Database(path);
    db.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    db.close();
    expectSetAside(path, 'newer', statSync(path).size);
  });

  test('twice in the same second: both copies are kept', () => {
    const path = filledFile();
    const kept = [1, 2].map((n) => {
      writeFileSync(path, 'garbage '.repeat(n * 1_000));
      const { ledger, setAside } = openLedger(path, at(0));
      ledger.close();
      return setAside?.path;
    });
    expect(kept.map((file) => statSync(file ?? '').size)).toEqual([8_000, 16_000]);
  });

  test('with its write-ahead log', () => {
    const path = filledFile();
    writeFileSync(path, 'garbage '.repeat(1_000));
    writeFileSync(`${path}-wal`, 'wal');
    const { ledger, setAside } = opened(path);
    expect(readFileSync(`${setAside?.path}-wal`, 'utf8')).toBe('wal');
    ledger.close();
  });
});

describe('a file that SQLite opens and that is not our ledger any more is kept too', () => {
  test.each([
    'PRAGMA user_version = 0',
    'PRAGMA user_version = 1',
    'DROP TABLE position',
    'DROP TABLE ban',
    'DROP TABLE pardon',
    'ALTER TABLE ban DROP COLUMN host',
    'ALTER TABLE position RENAME COLUMN cursor TO place',
    'ALTER TABLE pardon RENAME COLUMN target TO aim',
  ])('%s', (sql) => {
    const path = filledFile();
    spoil(path, sql);
    const { ledger, fresh, setAside } = opened(path);
    expect([fresh, setAside?.kind]).toEqual([true, 'corrupt']);
    expect(existsSync(setAside?.path ?? '')).toBe(true);
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    expect(inForce(ledger)).toHaveLength(1);
  });
});

describe('one bad row is set aside and named, and the rest goes on', () => {
  test.each([
    ["target = 'not-an-address'", 'not-an-address'],
    ["target = '10.0.0.999'", '10.0.0.999'],
    ["target = '2001:DB8::1'", '2001:DB8::1'],
    ["target = '10.0.0.1/24'", '10.0.0.1/24'],
    ["evidence = '[\"cut'", '10.0.0.0'],
    ["evidence = '7'", '10.0.0.0'],
    ["weights = '[1'", '10.0.0.0'],
    ["weights = '7'", '10.0.0.0'],
    ["counts = '[1'", '10.0.0.0'],
    ["counts = '7'", '10.0.0.0'],
    ['until = 9007199254740992', '10.0.0.0'],
  ])('%s', (change, name) => {
    const path = filledFile();
    spoil(path, `UPDATE ban SET ${change} WHERE id = 1`);
    const reader = openLedgerForReading(path);
    const findings = reader.check().map(({ id }) => id);
    reader.close();
    expect(findings).toContain('ledger.rows');
    expect(findings).not.toContain('ledger.sound');
    const { ledger, fresh, skipped, setAside } = opened(path);
    expect(setAside).toBeUndefined();
    expect(fresh).toBe(true);
    expect(skipped).toEqual([expect.stringContaining(`ban 1 (sshd ${name}`)]);
    expect(inForce(ledger)).toHaveLength(499);
    expect(ledger.check().map(({ id }) => id)).toEqual(['ledger.rows-aside', 'ledger.sound']);
    ledger.close();
    const [kept] = asideIn(path);
    expect(JSON.parse(kept ?? '')).toMatchObject({ id: '1', jail: 'sshd', failures: '3' });
    expect(kept).toContain(change.split(/ = '?/)[1]?.replace(/'$/, '').replaceAll('"', '\\"'));
  });

  test('a ban that is over, too: its history would be asked for', () => {
    const path = filledFile();
    spoil(
      path,
      "UPDATE ban SET state = 'ended', ended_time = time, ended_reason = 'operator', target = '10.0.0.999' WHERE id = 1",
    );
    const { ledger, skipped } = opened(path);
    expect(skipped).toEqual(['ban 1 (sshd 10.0.0.999)']);
    expect(ledger.history.find({ limit: 1_000 }).length).toBe(499);
  });

  test.each([0, 1])('as many rows are kept as the bound says, the newest: %s more', (more) => {
    const path = filledFile();
    const count = LEDGER_ROWS_ASIDE_MAX + more;
    spoil(
      path,
      `DELETE FROM ban WHERE id > 1;
       WITH RECURSIVE n(i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
       INSERT INTO ban SELECT i, jail, target, first, length, time, until, failures, '7', user, origin, previous_bans, 'ended', refusal, time, 'operator', NULL, host, rule, ended_by, leniency, banned_by, source, scenario, weights, points, counts, needed FROM ban, n;
       UPDATE ban SET evidence = '7'`,
    );
    opened(path).ledger.close();
    const kept = asideIn(path).map((text) => Number(JSON.parse(text).id));
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([LEDGER_ROWS_ASIDE_MAX, 1 + more, count]);
  });

  test('a number at the bound is read', () => {
    const path = filledFile();
    spoil(path, 'UPDATE ban SET until = 9007199254740991 WHERE id = 1');
    const { ledger, fresh, skipped } = opened(path);
    expect([fresh, skipped]).toEqual([false, []]);
    expect(inForce(ledger)).toHaveLength(500);
  });
});

test.each(['deleted', 'replaced'])(
  'a folder that is %s under the ledger: nothing is lost, and the file comes back',
  async (how) => {
    const folder = join(directory(), 'state');
    mkdirSync(folder);
    const path = join(folder, 'ledger.sqlite3');
    const { ledger } = opened(path);
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    ledger.database.noticeLoss();
    expect(ledger.database.unsaved).toBeUndefined();
    rmSync(folder, { recursive: true });
    if (how === 'replaced') mkdirSync(folder);
    ledger.commit({ decisions: [ban('192.0.2.2')] });
    ledger.database.noticeLoss();
    expect(ledger.database.unsaved).toContain('is gone');
    ledger.commit({ decisions: [ban('192.0.2.3')] });
    if (how === 'deleted') {
      await expect(ledger.database.save()).rejects.toThrow(/cannot be used/);
      mkdirSync(folder);
    }
    await ledger.database.save();
    expect(ledger.database.unsaved).toBeUndefined();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    ledger.close();
    expect(inForce(opened(path).ledger)).toHaveLength(3);
  },
);

describe('an empty file', () => {
  test('is a fresh ledger, and nothing is set aside', () => {
    const path = join(directory(), 'ledger.sqlite3');
    writeFileSync(path, '');
    const { fresh, setAside } = opened(path);
    expect([fresh, setAside]).toEqual([true, undefined]);
  });
});

describe('the only writer', () => {
  test('a second agent is refused, and told what to do', () => {
    const path = join(directory(), 'ledger.sqlite3');
    const { ledger } = openLedger(path, at(0));
    const second = () => openLedger(path, at(0));
    expect(second).toThrow(OperatorError);
    expect(second).toThrow(/another agent is using the ledger/);
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    ledger.close();
    expect(inForce(opened(path).ledger)).toHaveLength(1);
  });

  test('a spoiled lock file stops nobody', () => {
    const path = join(directory(), 'ledger.sqlite3');
    writeFileSync(`${path}.lock`, 'garbage '.repeat(1_000));
    expect(opened(path).fresh).toBe(true);
  });

  test('readers are not shut out, and cannot write', () => {
    const path = join(directory(), 'ledger.sqlite3');
    const { ledger } = opened(path);
    ledger.commit({ decisions: [ban('192.0.2.1')] });
    const reader = openLedgerForReading(path);
    expect(inForce(reader)).toHaveLength(1);
    expect(() => reader.commit({ decisions: [ban('192.0.2.2')] })).toThrow(/readonly/);
    reader.close();
  });

  test('a reader of nothing is told so', () => {
    expect(() => openLedgerForReading(join(directory(), 'none'))).toThrow(/there is no ledger/);
  });
});

describe('places', () => {
  test('a missing directory is named, with the command that makes it', () => {
    const path = join(directory(), 'missing', 'ledger.sqlite3');
    expect(() => openLedger(path, at(0))).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('install -d') }),
    );
  });

  test('a directory in the place of the file is an error, not a loss', () => {
    const path = join(directory(), 'ledger.sqlite3');
    mkdirSync(path);
    expect(() => openLedger(path, at(0))).toThrow(/it is not a file/);
    expect(existsSync(path)).toBe(true);
  });

  test('nobody else may read the ledger; doctor warns when somebody can', () => {
    const path = join(directory(), 'ledger.sqlite3');
    const { ledger } = opened(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o644);
    expect(ledger.check()).toEqual([
      expect.objectContaining({ level: 'ok' }),
      expect.objectContaining({ id: 'ledger.permission', fix: `chmod 600 ${path}` }),
    ]);
  });
});

describe('migrations', () => {
  test('are run once each, in order, and a failing one changes nothing', () => {
    const path = join(directory(), 'db');
    const db = new Database(path);
    expect(migrate(db, ['CREATE TABLE a (x)'])).toBe(0);
    expect(migrate(db, ['CREATE TABLE a (x)', 'CREATE TABLE b (x)'])).toBe(1);
    expect(() => migrate(db, ['', '', 'CREATE TABLE c (x); CREATE TABLE a (x)'])).toThrow(
      /already exists/,
    );
    expect(db.prepare('SELECT name FROM sqlite_schema ORDER BY name').pluck().all()).toEqual([
      'a',
      'b',
    ]);
    expect(db.pragma('user_version', { simple: true })).toBe(2);
    db.close();
  });

  test('that another process ran a moment ago are not run again', () => {
    const path = join(directory(), 'db');
    const steps = ['CREATE TABLE a (x)', 'ALTER TABLE a ADD COLUMN y'];
    const [slow, quick] = [new Database(path), new Database(path)];
    const pragma = slow.pragma.bind(slow);
    let overtaken = false;
    slow.pragma = (...words) => {
      const answer = pragma(...words);
      if (!overtaken) migrate(quick, steps);
      overtaken = true;
      return answer;
    };
    expect(migrate(slow, steps)).toBe(0);
    expect(quick.pragma('user_version', { simple: true })).toBe(2);
    slow.close();
    quick.close();
  });

  test('a copy of a ledger opens like the ledger', () => {
    const path = filledFile();
    copyFileSync(path, `${path}.copy`);
    expect(inForce(opened(`${path}.copy`).ledger)).toHaveLength(500);
  });
});

test('a write-ahead log that a burst has made large is small again after the next writes', () => {
  const path = join(directory(), 'ledger.sqlite3');
  const { ledger } = opened(path, at(0));
  const size = () => statSync(`${path}-wal`).size;
  const evidence = Array.from({ length: 10 }, (_, i) => cursor(`s=${'x'.repeat(500)};i=${i}`));
  const decisions = Array.from({ length: 5_000 }, (_, i) =>
    ban(`10.0.${i >> 8}.${i & 255}`, { evidence }),
  );
  ledger.commit({ decisions });
  expect(size()).toBeGreaterThan(LEDGER_WAL_BYTES_MAX);
  ledger.database.checkpoint();
  // The first write after a checkpoint begins the log anew and cuts it.
  for (let i = 0; i < 3; i++) ledger.commit({ decisions: [ban(`192.0.2.${i}`)] });
  expect(size()).toBeLessThanOrEqual(LEDGER_WAL_BYTES_MAX);
});
