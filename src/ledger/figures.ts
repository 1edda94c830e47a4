/**
 * The figures of a report, counted by SQL over what the ledger keeps. Bans are those that were
 * decided in the time, by jails and operators, whatever became of them later; imported ones, those
 * that the kernel refused and those that an ignorecommand forbade are none, and an extension is a
 * ban made longer. What other hosts decided is counted apart.
 */
import type { Database } from 'better-sqlite3';
import { baseAddress, formatPrefix, type Prefix, parsePrefix, prefixOf } from '../core/address.js';
import type { AlarmView, FigureCounts, Figures, HourlyKind, JailFigures } from '../core/figures.js';
import { FIGURES_ROWS_MAX } from '../core/service-limits.js';
import { type EpochMicros, earlierOf, isoTime, laterOf, plus } from '../core/time.js';
import { HOURLY_SECONDS } from '../core/timeouts.js';
import { Alarms, hourOf, timeOfHour } from './hourly.js';
import { mistakesOf } from './mistakes.js';

/** A ban that counts; a new one; one of another host, which the schema has as an import. */
const STOOD = `state <> 'refused' AND coalesce(ended_reason, '') <> 'ignored'`;
const MADE = `origin <> 'import' AND ${STOOD}`;
const NEW = `${MADE} AND replaces IS NULL`;
const SHARED = `source IS NOT NULL AND ${STOOD}`;
const IN_TIME = 'time >= @since AND time < @until';

/** Whole hours, as times and as hours. */
interface Span {
  readonly since: EpochMicros;
  readonly until: EpochMicros;
  readonly first: number;
  readonly end: number;
}

/** The figures from the hour of `since` to the end of the hour of `until`. */
export function figuresOf(db: Database, since: EpochMicros, until: EpochMicros): Figures {
  const first = hourOf(since);
  const end = Math.max(first + 1, hourOf((until - 1) as EpochMicros) + 1);
  const span: Span = { since: timeOfHour(first), until: timeOfHour(end), first, end };
  const jails = jailsOf(db, span);
  const sum = (of: (jail: JailFigures) => number) => jails.reduce((so, one) => so + of(one), 0);
  const ask = asker(db, span);
  const mistakes = mistakesOf(db, span.since, span.until, NEW);
  const hasAttempts = ask.one(`SELECT 1 FROM attempt WHERE kind = 'failure' AND ${IN_TIME}`) === 1;
  const countedSince = countedFrom(db, span);
  return {
    since: isoTime(span.since),
    until: isoTime(span.until),
    countedSince: isoTime(countedSince),
    totals: {
      attempts: sum(({ attempts }) => attempts),
      logins: sum(({ logins }) => logins),
      ignored: sum(({ ignored }) => ignored),
      bans: sum(({ bans }) => bans),
      extended: sum(({ extended }) => extended),
      lifted: sum(({ lifted }) => lifted),
      refused: sum(({ refused }) => refused),
      packets: sum(({ packets }) => packets),
      targets: ask.one(`SELECT count(DISTINCT target) FROM ban WHERE ${NEW} AND ${IN_TIME}`),
      byOrigin: {
        journal: 0,
        operator: 0,
        ...ask.pairs(`SELECT origin, count(*) FROM ban WHERE ${NEW} AND ${IN_TIME} GROUP BY 1`),
      },
      mistakes: mistakes.counts,
      alarms: {
        takeover: 0,
        'under-attack': 0,
        ...ask.pairs(`SELECT kind, count(*) FROM alarm WHERE ${IN_TIME} GROUP BY 1`),
      } as Record<AlarmView['kind'], number>,
      shared: sharedTotals(ask),
      ended: ask.pairs(
        `SELECT ended_reason, count(*) FROM ban WHERE ${MADE} AND ended_reason IS NOT NULL
         AND ended_time >= @since AND ended_time < @until GROUP BY 1`,
      ),
    },
    hours: hoursOf(db, span),
    jails,
    users: usersOf(db, span, hasAttempts),
    usersFrom: hasAttempts ? 'attempts' : 'bans',
    networks: networksOf(db, span),
    shared: sharedOf(db, span),
    mistakes: mistakes.newest,
    alarms: new Alarms(db).find(span.since, span.until),
    health: healthOf(db, span, countedSince),
    missing: [
      ...(countedSince > span.since
        ? [
            `attempts, packets and the agent's health are counted since ${isoTime(countedSince)}: what came before is missing in them`,
          ]
        : []),
      ...forgottenBans(db, span),
      ...(hasAttempts
        ? []
        : [
            'the ledger keeps no attempts (the jail login is off, or there were none): users and networks are those of the bans, and of likely mistakes only bans that an operator lifted are known',
          ]),
    ],
  };
}

interface Asker {
  one(sql: string): number;
  rows<T>(sql: string): T[];
  pairs(sql: string): Record<string, number>;
}

/** Questions about the time. */
function asker(db: Database, span: Span): Asker {
  const named = { since: span.since, until: span.until, first: span.first, end: span.end };
  const needed = (sql: string) =>
    Object.fromEntries(Object.entries(named).filter(([name]) => sql.includes(`@${name}`)));
  return {
    one: (sql) => (db.prepare(sql).pluck().get(needed(sql)) as number | undefined) ?? 0,
    rows: <T>(sql: string) => db.prepare(sql).all(needed(sql)) as T[],
    pairs: (sql) =>
      Object.fromEntries(db.prepare(sql).raw().all(needed(sql)) as [string, number][]),
  };
}

function hoursOf(db: Database, span: Span): Figures['hours'] {
  const ask = asker(db, span);
  const attempts = ask.pairs(
    `SELECT hour, sum(count) FROM hourly WHERE kind = 'attempt' AND hour >= @first AND hour < @end GROUP BY 1`,
  );
  const bans = ask.pairs(
    `SELECT time / 3600000000, count(*) FROM ban WHERE ${NEW} AND ${IN_TIME} GROUP BY 1`,
  );
  return Array.from({ length: span.end - span.first }, (_, i) => ({
    time: isoTime(timeOfHour(span.first + i)),
    attempts: attempts[span.first + i] ?? 0,
    bans: bans[span.first + i] ?? 0,
  }));
}

function jailsOf(db: Database, span: Span): JailFigures[] {
  const ask = asker(db, span);
  const jails = new Map<string, { -readonly [K in keyof JailFigures]: JailFigures[K] }>();
  const of = (jail: string) => {
    const known = jails.get(jail) ?? {
      jail,
      attempts: 0,
      logins: 0,
      ignored: 0,
      bans: 0,
      extended: 0,
      lifted: 0,
      refused: 0,
      packets: 0,
    };
    jails.set(jail, known);
    return known;
  };
  const columns = {
    attempt: 'attempts',
    login: 'logins',
    ignored: 'ignored',
    packets: 'packets',
  } as const;
  for (const { jail, kind, count } of ask.rows<{
    jail: string;
    kind: HourlyKind;
    count: number;
  }>(
    `SELECT jail, kind, sum(count) AS count FROM hourly WHERE kind IN ('attempt', 'login', 'ignored', 'packets')
     AND hour >= @first AND hour < @end GROUP BY 1, 2`,
  ))
    of(jail)[columns[kind as keyof typeof columns]] += count;
  const bans = ask.rows<{ jail: string; bans: number; extended: number; refused: number }>(
    `SELECT jail, count(*) FILTER (WHERE ${NEW}) AS bans,
     count(*) FILTER (WHERE ${MADE} AND replaces IS NOT NULL) AS extended,
     count(*) FILTER (WHERE state = 'refused') AS refused FROM ban WHERE ${IN_TIME} GROUP BY 1`,
  );
  for (const { jail, ...counts } of bans) Object.assign(of(jail), counts);
  const lifted = ask.pairs(
    `SELECT jail, count(*) FROM ban WHERE ended_reason = 'operator' AND ended_time >= @since AND ended_time < @until GROUP BY 1`,
  );
  for (const [jail, count] of Object.entries(lifted)) of(jail).lifted = count;
  return [...jails.values()]
    .filter(({ jail: _, ...counts }) => Object.values(counts).some((count) => count > 0))
    .sort(mostOf(({ jail }) => jail));
}

/** The users tried most; of them alone it is counted from where. */
function usersOf(db: Database, span: Span, fromAttempts: boolean): Figures['users'] {
  const ask = asker(db, span);
  const named = `user IS NOT NULL AND user <> '' AND ${IN_TIME}`;
  const [table, count, which, address] = fromAttempts
    ? ['attempt', 'count', "kind = 'failure'", 'address']
    : ['ban', 'failures', NEW, 'target'];
  const top = ask.rows<{ user: string; attempts: number }>(
    `SELECT user, sum(${count}) AS attempts FROM ${table} WHERE ${which} AND ${named}
     GROUP BY 1 ORDER BY attempts DESC, user LIMIT ${FIGURES_ROWS_MAX}`,
  );
  const places = top.map(() => '?').join(', ');
  const ofTop = (sql: string) =>
    Object.fromEntries(
      db
        .prepare(`${sql} AND user IN (${places}) AND time >= ? AND time < ? GROUP BY 1`)
        .raw()
        .all(...top.map(({ user }) => user), span.since, span.until) as [string, number][],
    );
  const addresses = ofTop(`SELECT user, count(DISTINCT ${address}) FROM ${table} WHERE ${which}`);
  const bans = ofTop(`SELECT user, count(*) FROM ban WHERE ${NEW}`);
  return top.map((row) => ({
    ...row,
    addresses: addresses[row.user] ?? 0,
    bans: bans[row.user] ?? 0,
  }));
}

/** The network that an address or prefix is shown in. */
function networkOf(target: Prefix): string {
  const most = target.family === 4 ? 24 : 48;
  return formatPrefix(target.length <= most ? target : prefixOf(baseAddress(target), most));
}

/** The same in SQL; single IPv4 addresses, which most are, without a call. */
function networkIn(column: string): string {
  const isPlain = `instr(${column}, ':') = 0 AND instr(${column}, '/') = 0`;
  return `CASE WHEN ${isPlain} THEN rtrim(${column}, '0123456789') || '0/24' ELSE network_of(${column}) END`;
}

/** Attempts and addresses are those of the bans where no attempt from the network is kept. */
function networksOf(db: Database, span: Span): Figures['networks'] {
  db.function('network_of', { deterministic: true }, (text) => {
    const target = parsePrefix(String(text));
    return target === undefined ? String(text) : networkOf(target);
  });
  return asker(db, span).rows(
    `SELECT network, coalesce(sum(tried), sum(failed)) AS attempts,
     coalesce(sum(hosts), sum(targets)) AS addresses, coalesce(sum(bans), 0) AS bans FROM (
       SELECT ${networkIn('address')} AS network, sum(attempts) AS tried, count(*) AS hosts,
       NULL AS failed, NULL AS targets, NULL AS bans FROM
         (SELECT address, sum(count) AS attempts FROM attempt
          WHERE kind = 'failure' AND ${IN_TIME} GROUP BY 1) GROUP BY 1
       UNION ALL
       SELECT ${networkIn('target')}, NULL, NULL, sum(failures), count(*), sum(bans) FROM
         (SELECT target, sum(failures) AS failures, count(*) AS bans FROM ban
          WHERE ${NEW} AND ${IN_TIME} GROUP BY 1) GROUP BY 1
     ) GROUP BY 1 ORDER BY bans DESC, attempts DESC, network LIMIT ${FIGURES_ROWS_MAX}`,
  );
}

/** New bans of other hosts, and whom they shut out. */
function sharedTotals(ask: Asker): Figures['totals']['shared'] {
  const made = `FROM ban WHERE ${SHARED} AND replaces IS NULL AND ${IN_TIME}`;
  return {
    bans: ask.one(`SELECT count(*) ${made}`),
    targets: ask.one(`SELECT count(DISTINCT target) ${made}`),
  };
}

/** What other hosts decided; a row that only ended in the time counts as that. */
function sharedOf(db: Database, span: Span): Figures['shared'] {
  return asker(db, span).rows(
    `SELECT coalesce(host, '') AS host, source,
     count(*) FILTER (WHERE replaces IS NULL AND ${IN_TIME}) AS bans,
     count(*) FILTER (WHERE replaces IS NOT NULL AND ${IN_TIME}) AS changed,
     count(*) FILTER (WHERE ended_reason = 'reload'
       AND ended_time >= @since AND ended_time < @until) AS lifted
     FROM ban WHERE ${SHARED} AND (${IN_TIME} OR (ended_time >= @since AND ended_time < @until))
     GROUP BY 1, 2 HAVING bans + changed + lifted > 0
     ORDER BY bans DESC, host, source LIMIT ${FIGURES_ROWS_MAX}`,
  );
}

/** Most bans first, then most attempts, then by name. */
function mostOf<T extends FigureCounts>(nameOf: (one: T) => string) {
  return (a: T, b: T) =>
    b.bans - a.bans || b.attempts - a.attempts || (nameOf(a) < nameOf(b) ? -1 : 1);
}

/** From when on the hourly counters hold everything: the first that there is. */
function countedFrom(db: Database, { since, until }: Span): EpochMicros {
  const first = db.prepare('SELECT min(hour) FROM hourly').pluck().get() as number | null;
  if (first === null) return until;
  return earlierOf(until, laterOf(since, timeOfHour(first)));
}

function healthOf(db: Database, span: Span, countedSince: EpochMicros): Figures['health'] {
  const ask = asker(db, span);
  const within = 'hour >= @first AND hour < @end';
  const sum = (kind: HourlyKind) =>
    ask.one(`SELECT sum(count) FROM hourly WHERE kind = '${kind}' AND ${within}`);
  return {
    hoursAwake: ask.one(
      `SELECT count(DISTINCT hour) FROM hourly WHERE kind = 'awake' AND ${within}`,
    ),
    hoursCounted: Math.max(0, span.end - hourOf(countedSince)),
    lagSecondsMax: ask.one(`SELECT max(count) FROM hourly WHERE kind = 'lag' AND ${within}`),
    drifts: sum('drift'),
    healed: sum('healed'),
    gaps: sum('gap'),
    deaf: ask.rows(
      `SELECT jail, count(*) AS hours FROM hourly WHERE kind = 'deaf' AND ${within} GROUP BY 1 ORDER BY hours DESC, jail`,
    ),
    refusals: ask.rows(
      `SELECT coalesce(refusal, '') AS reason, count(*) AS count FROM ban WHERE state = 'refused' AND ${IN_TIME}
       GROUP BY 1 ORDER BY count DESC, reason LIMIT ${FIGURES_ROWS_MAX}`,
    ),
  };
}

/** Bans are forgotten dbpurgeage after their end: a ledger that has done so says from when on. */
function forgottenBans(db: Database, { since }: Span): string[] {
  const { kept, oldest } = db
    .prepare('SELECT count(*) AS kept, min(time) AS oldest FROM ban')
    .get() as { kept: number; oldest: EpochMicros | null };
  const given = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'ban'").pluck().get() as
    | number
    | undefined;
  if ((given ?? 0) <= kept || (oldest !== null && oldest <= since)) return [];
  const from = oldest === null ? 'all of them' : `those before ${isoTime(oldest)}`;
  return [
    `bans that are over are forgotten after dbpurgeage, ${from}: raise it in banjour.local for longer reports`,
  ];
}

/** How far back figures can reach. */
export function oldestFigures(now: EpochMicros): EpochMicros {
  return plus(now, -HOURLY_SECONDS);
}
