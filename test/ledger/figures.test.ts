import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import type { Prefix } from '../../src/core/address.js';
import type { WeighedAttempt } from '../../src/core/decision.js';
import type { Figures } from '../../src/core/figures.js';
import { cursor } from '../../src/core/names.js';
import { FIGURES_ROWS_MAX } from '../../src/core/service-limits.js';
import { SHARED_JAIL } from '../../src/core/share.js';
import type { EpochMicros } from '../../src/core/time.js';
import { HourlyTally, hourOf } from '../../src/ledger/hourly.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedgerForReading } from '../../src/ledger/open.js';
import { MIGRATIONS, migrate } from '../../src/ledger/schema.js';
import { at, attempt, ban, directory, JAIL, OTHER, opened, SOURCE, T0 } from './support.js';

const HOUR = 3_600;
const position = { cursor: cursor('p'), time: at(9) };

function write(ledger: Ledger, attempts: readonly WeighedAttempt[]): void {
  const tally = new HourlyTally();
  for (const { kind, jail, count, time } of attempts)
    tally.add(kind === 'failure' ? 'attempt' : 'login', jail, count, time, at(1e6));
  ledger.commit({ decisions: [], attempts, hourly: tally.take(), source: SOURCE, position });
}

/** Bans one address, to be `how`. */
function made(ledger: Ledger, target: string, second: number, changes = {}): number {
  const decision = ban(target, { time: at(second), until: at(second + HOUR), ...changes });
  return ledger.commit({ decisions: [decision] }).bans[0]?.id as number;
}

describe('figures equal a recount', () => {
  const path = `${directory()}/ledger.sqlite3`;
  let figures: Figures;
  let db: Database.Database;
  /** What the rows say to somebody who counts them one by one. */
  let rows: { [column: string]: string | number | null }[];
  const since = T0;
  const until = at(48 * HOUR);

  beforeAll(() => {
    const { ledger } = opened(path);
    let seed = 7;
    const next = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return Math.floor(seed / 7) % below;
    };
    const attempts = Array.from({ length: 4000 }, () =>
      attempt(`198.51.${next(3)}.${next(250)}`, next(60 * HOUR) - 6 * HOUR, {
        jail: next(3) === 0 ? OTHER : JAIL,
        count: 1 + next(3),
        user: `user${next(40)}`,
        ...(next(9) === 0 ? { kind: 'success' as const } : {}),
      }),
    );
    write(ledger, attempts);
    for (let i = 0; i < 600; i++) {
      const second = next(60 * HOUR) - 6 * HOUR;
      const id = made(
        ledger,
        `198.51.${next(3)}.${next(250)}${next(20) === 0 ? '/24' : ''}`,
        second,
        {
          jail: next(2) === 0 ? OTHER : JAIL,
          ...(next(10) === 0 ? { origin: 'operator' } : {}),
          user: `user${next(40)}`,
        },
      );
      const fate = next(12);
      if (fate === 0) ledger.settle([id], { refused: `full ${next(2)}` }, at(second));
      else if (fate === 1) ledger.settle([id], 'ignored', at(second));
      else ledger.settle([id], 'in-force', at(second));
      if (fate === 2) {
        const { target, jail } = ledger.history.get(id) as NonNullable<
          ReturnType<typeof ledger.history.get>
        >;
        const time = at(second + 60);
        ledger.commit({
          decisions: [{ kind: 'unban', jail, target, time, reason: 'operator', by: 'root' }],
        });
      }
      if (next(5) === 0) ledger.expire(at(second + 2 * HOUR));
    }
    for (let i = 0; i < 200; i++) {
      const target = `203.0.113.${next(250)}`;
      const host = `mx${next(4)}`;
      const second = next(60 * HOUR) - 6 * HOUR;
      const source = next(3) === 0 ? 'crowdsec' : 'banjour';
      const more = { jail: SHARED_JAIL, origin: 'shared', source, host };
      const id = made(ledger, target, second, next(9) === 0 ? { ...more, host: undefined } : more);
      ledger.settle([id], next(9) === 0 ? { refused: 'full' } : 'in-force', at(second));
      const reason = ['operator', 'reload', undefined][next(3)] as
        | 'operator'
        | 'reload'
        | undefined;
      const prefix = (ledger.history.get(id) as { target: Prefix }).target;
      const time = at(second + 60);
      if (reason !== undefined)
        ledger.commit({
          decisions: [{ kind: 'unban', jail: SHARED_JAIL, target: prefix, time, reason }],
        });
    }
    const past = ban('203.0.113.1', { time: at(10), until: at(20), origin: 'import' });
    ledger.import({ active: [], history: [past] }, at(30));
    ledger.commit({
      decisions: [],
      alarms: [1, 2, 3].map((second) => ({
        kind: second === 3 ? 'takeover' : 'under-attack',
        jail: JAIL,
        user: 'anna',
        address: '192.0.2.1',
        count: second,
        time: at(second),
      })),
    });
    figures = ledger.database.figures(since, until);
    db = new Database(path, { readonly: true });
    rows = db.prepare('SELECT * FROM ban').all() as typeof rows;
  });
  afterAll(() => void db.close());

  const num = (value: unknown) => Number(value);
  // Whole hours: T0 lies within one.
  const from = Math.floor(since / 3.6e9) * 3.6e9;
  const end = Math.ceil(until / 3.6e9) * 3.6e9;
  const inTime = (time: unknown) => num(time) >= from && num(time) < end;
  const counts = (row: (typeof rows)[number]) =>
    row['origin'] !== 'import' &&
    row['state'] !== 'refused' &&
    row['ended_reason'] !== 'ignored' &&
    inTime(row['time']);
  const isNew = (row: (typeof rows)[number]) => counts(row) && row['replaces'] === null;

  test('of what other hosts decided, by host and source', () => {
    const stood = rows.filter(
      (row) =>
        row['source'] !== null && row['state'] !== 'refused' && row['ended_reason'] !== 'ignored',
    );
    const news = stood.filter((row) => row['replaces'] === null && inTime(row['time']));
    expect(news.length).toBeGreaterThan(50);
    expect(figures.totals.shared).toEqual({
      bans: news.length,
      targets: new Set(news.map((row) => row['target'])).size,
    });
    expect(figures.shared.length).toBe(10);
    for (const { host, source, bans, changed, lifted } of figures.shared) {
      const own = stood.filter((row) => (row['host'] ?? '') === host && row['source'] === source);
      expect([bans, changed, lifted]).toEqual([
        own.filter((row) => row['replaces'] === null && inTime(row['time'])).length,
        own.filter((row) => row['replaces'] !== null && inTime(row['time'])).length,
        own.filter((row) => row['ended_reason'] === 'reload' && inTime(row['ended_time'])).length,
      ]);
    }
    expect(figures.shared.reduce((sum, { bans }) => sum + bans, 0)).toBe(news.length);
    expect(figures.shared.some(({ changed }) => changed > 0)).toBe(true);
    expect(figures.shared.some(({ lifted }) => lifted > 0)).toBe(true);
    // They are none of this host's own.
    expect(figures.jails.find(({ jail }) => jail === SHARED_JAIL)?.bans ?? 0).toBe(0);
  });

  test('of bans, by hour, jail, origin and fate', () => {
    const news = rows.filter(isNew);
    expect(news.length).toBeGreaterThan(200);
    expect(figures.totals).toMatchObject({
      bans: news.length,
      targets: new Set(news.map((row) => row['target'])).size,
      extended: rows.filter((row) => counts(row) && row['replaces'] !== null).length,
      refused: rows.filter((row) => row['state'] === 'refused' && inTime(row['time'])).length,
      lifted: rows.filter((row) => row['ended_reason'] === 'operator' && inTime(row['ended_time']))
        .length,
      byOrigin: {
        journal: news.filter((row) => row['origin'] === 'journal').length,
        operator: news.filter((row) => row['origin'] === 'operator').length,
      },
    });
    expect(figures.hours).toHaveLength(49);
    for (const { time, bans } of figures.hours)
      expect(bans).toBe(
        news.filter(
          (row) => hourOf(num(row['time']) as EpochMicros) * 3_600_000 === Date.parse(time),
        ).length,
      );
    for (const { jail, bans } of figures.jails)
      expect(bans).toBe(news.filter((row) => row['jail'] === jail).length);
    const refusals = figures.health.refusals.map(({ reason, count }) => [reason, count]);
    for (const [reason, count] of refusals)
      expect(rows.filter((row) => row['refusal'] === reason && inTime(row['time']))).toHaveLength(
        num(count),
      );
  });

  test('of attempts, by hour, user and network', () => {
    type Row = { user: string; address: string; count: number; time: number; kind: string };
    const all = db.prepare('SELECT * FROM attempt').all() as Row[];
    const own = all.filter(({ kind, time }) => kind === 'failure' && inTime(time));
    const sum = (list: readonly Row[]) => list.reduce((so, { count }) => so + count, 0);
    expect(figures.totals.attempts).toBe(sum(own));
    expect(figures.hours.reduce((so, { attempts }) => so + attempts, 0)).toBe(sum(own));
    const users = [...new Set(own.map(({ user }) => user))]
      .map((user) => {
        const mine = own.filter((row) => row.user === user);
        return [user, sum(mine), new Set(mine.map(({ address: who }) => who)).size];
      })
      .sort((a, b) => num(b[1]) - num(a[1]) || num(b[2]) - num(a[2]));
    expect(figures.usersFrom).toBe('attempts');
    expect(figures.users).toHaveLength(FIGURES_ROWS_MAX);
    expect(figures.users.map(({ attempts }) => attempts)).toEqual(
      users.slice(0, FIGURES_ROWS_MAX).map(([, count]) => count),
    );
    for (const { user, attempts, addresses } of figures.users)
      expect(users).toContainEqual([user, attempts, addresses]);
    for (const { network, attempts, addresses } of figures.networks) {
      const start = network.replace(/\.0\/24$/, '.');
      const mine = own.filter(({ address: who }) => who.startsWith(start));
      expect([attempts, addresses]).toEqual([
        sum(mine),
        new Set(mine.map((row) => row.address)).size,
      ]);
    }
  });

  test('of alarms, by kind', () => {
    expect(figures.totals.alarms).toEqual({ takeover: 1, 'under-attack': 2 });
    expect(figures.alarms.map(({ count }) => count)).toEqual([3, 2, 1]);
  });

  test('of likely mistakes', () => {
    type Login = { address: string; time: number };
    const logins = db.prepare("SELECT * FROM attempt WHERE kind = 'success'").all() as Login[];
    const expected = { known: 0, lifted: 0, returned: 0 };
    for (const row of rows.filter(isNew)) {
      const target = String(row['target']);
      const own = logins.filter(({ address: who }) =>
        target.endsWith('/24') ? who.startsWith(target.replace(/0\/24$/, '')) : who === target,
      );
      const over = num(row['ended_time'] ?? row['until']);
      if (row['ended_reason'] === 'operator') expected.lifted++;
      else if (row['origin'] !== 'journal') continue;
      else if (own.some(({ time }) => time <= num(row['time']))) expected.known++;
      else if (own.some(({ time }) => time <= over + 86_400e6)) expected.returned++;
    }
    expect(figures.totals.mistakes).toEqual(expected);
    expect(Object.values(expected).every((count) => count > 0)).toBe(true);
  });

  test('read only, beside whoever writes', () => {
    const ledger = openLedgerForReading(path);
    expect(ledger.database.figures(since, until)).toEqual(figures);
    ledger.close();
  });
});

describe('figures say what they lack', () => {
  test('a ledger of an older version has its bans, and nothing that was not counted then', () => {
    const path = `${directory()}/ledger.sqlite3`;
    const db = new Database(path);
    // As it was before anything was counted by the hour.
    const first = MIGRATIONS.findIndex((step) => step.includes('TABLE hourly'));
    migrate(db, MIGRATIONS.slice(0, first));
    db.exec(
      `INSERT INTO ban (jail, target, first, length, time, until, failures, evidence, origin, previous_bans, state)
       VALUES ('sshd', '192.0.2.1', x'00', 32, ${at(5)}, NULL, 3, '[]', 'journal', 0, 'in-force')`,
    );
    db.close();
    const old = openLedgerForReading(path);
    const figures = old.database.figures(T0, at(HOUR));
    old.close();
    expect(figures.totals).toMatchObject({ bans: 1, attempts: 0 });
    expect(figures.missing.join(' ')).toMatch(/counted since .*keeps no attempts/);
  });

  test('that the oldest bans are forgotten', () => {
    const { ledger } = opened();
    for (let i = 1; i <= 3; i++) made(ledger, `192.0.2.${i}`, i * HOUR);
    ledger.expire(at(2 * HOUR + 1));
    expect(ledger.database.figures(T0, at(9)).missing.join(' ')).not.toContain('dbpurgeage');
    ledger.history.prune(at(2 * HOUR + 2), 1);
    expect(ledger.database.figures(T0, at(9)).missing.join(' ')).toContain('dbpurgeage');
    expect(ledger.database.figures(at(3 * HOUR), at(4 * HOUR)).missing.join(' ')).not.toContain(
      'dbpurgeage',
    );
  });

  test('users are those of the bans where no attempts are kept', () => {
    const { ledger } = opened();
    made(ledger, '192.0.2.1', 5, { user: 'anna' });
    made(ledger, '192.0.2.2', 6, { user: 'anna' });
    const { users, usersFrom, networks } = ledger.database.figures(T0, at(HOUR));
    expect(usersFrom).toBe('bans');
    expect(users).toEqual([{ user: 'anna', attempts: 6, addresses: 2, bans: 2 }]);
    expect(networks).toEqual([{ network: '192.0.2.0/24', attempts: 6, addresses: 2, bans: 2 }]);
  });
});

test('lists have an end', () => {
  const { ledger } = opened();
  const alarms = Array.from({ length: FIGURES_ROWS_MAX + 1 }, (_, i) => ({
    kind: 'takeover' as const,
    jail: JAIL,
    user: `u${i}`,
    address: '192.0.2.1',
    count: 6,
    time: at(i),
  }));
  ledger.commit({ decisions: [], alarms: alarms.slice(0, FIGURES_ROWS_MAX) });
  expect(ledger.database.figures(T0, at(HOUR)).alarms).toHaveLength(FIGURES_ROWS_MAX);
  ledger.commit({ decisions: [], alarms: alarms.slice(FIGURES_ROWS_MAX) });
  const { alarms: shown, totals } = ledger.database.figures(T0, at(HOUR));
  expect([shown.length, shown[0]?.user]).toEqual([FIGURES_ROWS_MAX, `u${FIGURES_ROWS_MAX}`]);
  expect(totals.alarms.takeover).toBe(FIGURES_ROWS_MAX + 1);
});
