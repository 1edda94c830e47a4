/** Past bans: questions about them, counts, and when they are forgotten. */
import type { Database, Statement } from 'better-sqlite3';
import {
  baseAddress,
  type Family,
  formatPrefix,
  type Prefix,
  parsePrefix,
  prefixOf,
} from '../core/address.js';
import type { BanRecord, Leniency, SettledUpTo } from '../core/decision.js';
import type { Element } from '../core/firewall.js';
import type { Cursor, JailName } from '../core/names.js';
import { HISTORY_ANSWER_ROWS_MAX, HISTORY_BANS_MAX } from '../core/service-limits.js';
import { type EpochMicros, plus } from '../core/time.js';
import { guarded } from './errors.js';
import { floorsOfBans, floorsOfTarget } from './floors.js';
import {
  BAN_COLUMNS,
  type BanRow,
  type ElementRow,
  firstOf,
  rangeOf,
  recordOf,
  targetAsWritten,
} from './rows.js';
import { OPEN } from './schema.js';

/** Which bans to show; all given conditions must hold. */
export interface BanQuery {
  /** Bans that share an address with it: of it, of wider prefixes around it, of hosts within it. */
  readonly target?: Prefix;
  readonly jail?: JailName;
  /** Decided at or after this time. */
  readonly since?: EpochMicros;
  /** Ids below this one: the next page. */
  readonly before?: number;
  /** Ids above this one: the next page, oldest first. */
  readonly after?: number;
  /** In the order of ids instead of newest first. */
  readonly oldestFirst?: boolean;
  /** At most so many. */
  readonly limit?: number;
}

/** Of a ban of the past what jails that count bans ask for; a start has 200,000 of them. */
export interface PastBan extends Pick<BanRecord, 'id' | 'jail' | 'target' | 'time' | 'leniency'> {
  /** The newest of its entries, where it names any. */
  readonly evidence: readonly Cursor[];
}

type PastBanRow = readonly [
  id: number,
  jail: JailName,
  target: string,
  time: EpochMicros,
  leniency: Leniency | null,
  newest: Cursor | null,
];

/** What `status` shows of one jail. */
export interface BanCounts {
  /** Wanted or in force now. */
  readonly currentlyBanned: number;
  /** Bans as far as the ledger remembers, extensions not counted. */
  readonly totalBanned: number;
}

/** Pages that one turn of tidying gives back to the file system. */
const VACUUM_PAGES = 1_000;

/** Answers about the past, and the end of the past. */
export class History {
  readonly #db: Database;
  /** Statements of `openAround` by the number of their prefixes. */
  readonly #around = new Map<number, Statement>();
  #newest: Statement | undefined;
  #newestPardon: Statement | undefined;
  #floors: ((target: Prefix) => SettledUpTo[]) | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Bans that match, newest first unless the query says otherwise. */
  find(query: BanQuery = {}): BanRecord[] {
    const limit = Math.min(query.limit ?? HISTORY_ANSWER_ROWS_MAX, HISTORY_ANSWER_ROWS_MAX);
    const where: string[] = ['id < ? AND id > ?'];
    const values: unknown[] = [query.before ?? Number.MAX_SAFE_INTEGER, query.after ?? 0];
    if (query.jail !== undefined) {
      where.push('jail = ?');
      values.push(query.jail);
    }
    if (query.since !== undefined) {
      where.push('time >= ?');
      values.push(query.since);
    }
    if (query.target !== undefined) {
      const { first, last } = rangeOf(query.target);
      const around = [query.target, ...wider(query.target)];
      where.push("(instr(target, ':') > 0) = ?");
      values.push(query.target.family === 6 ? 1 : 0);
      where.push(`id IN (SELECT id FROM ban WHERE first BETWEEN ? AND ? AND length >= ?
        UNION ALL SELECT id FROM ban WHERE (first, length) IN (VALUES ${around.map(() => '(?, ?)').join(', ')}))`);
      values.push(
        first,
        last,
        query.target.length,
        ...around.flatMap((prefix) => [firstOf(prefix), prefix.length]),
      );
    }
    const sql = `SELECT ${BAN_COLUMNS} FROM ban WHERE ${where.join(' AND ')} ORDER BY id ${query.oldestFirst ? 'ASC' : 'DESC'} LIMIT ?`;
    return (guarded(() => this.#db.prepare(sql).all(...values, limit)) as BanRow[]).map(recordOf);
  }

  /**
   * The highest id that was ever given, 0 before the first ban: it stays when that ban is
   * forgotten, and is lower than one that somebody remembers only in another ledger
   * (sqlite.org/autoinc.html).
   */
  newestId(): number {
    const sql = "SELECT seq FROM sqlite_sequence WHERE name = 'ban'";
    return (guarded(() => this.#db.prepare(sql).pluck().get()) as number | undefined) ?? 0;
  }

  /** One ban by its id. */
  get(id: number): BanRecord | undefined {
    const row = guarded(() =>
      this.#db.prepare(`SELECT ${BAN_COLUMNS} FROM ban WHERE id = ?`).get(id),
    );
    return row === undefined ? undefined : recordOf(row as BanRow);
  }

  /** Open bans of prefixes that are wider than this one and hold it. */
  openAround(target: Prefix): BanRow[] {
    const around = wider(target);
    if (around.length === 0) return [];
    const values = around.flatMap((prefix) => [firstOf(prefix), prefix.length]);
    return guarded(() => this.#aroundOf(around.length).all(...values)) as BanRow[];
  }

  #aroundOf(prefixes: number): Statement {
    const known = this.#around.get(prefixes);
    if (known !== undefined) return known;
    const places = Array<string>(prefixes).fill('(?, ?)').join(', ');
    const sql = `SELECT ${BAN_COLUMNS} FROM ban WHERE (first, length) IN (VALUES ${places}) AND ${OPEN} ORDER BY id`;
    const statement = this.#db.prepare(sql);
    this.#around.set(prefixes, statement);
    return statement;
  }

  /**
   * New bans of the journal (no extensions) since a time, oldest first: what jails that count bans
   * are warmed up with.
   */
  newBans(since: EpochMicros): PastBan[] {
    const sql = `SELECT id, jail, target, time, leniency, json_extract(evidence, '$[#-1]') FROM ban
      WHERE time >= ? AND origin = 'journal' AND replaces IS NULL
      AND ended_reason IS NOT 'ignored' ORDER BY id`;
    const rows = guarded(() => this.#db.prepare(sql).raw().all(since)) as PastBanRow[];
    return rows.map(([id, jail, target, time, leniency, newest]) => {
      const ban = { id, jail, target: targetAsWritten(target), time };
      const evidence = newest === null ? [] : [newest];
      return leniency === null ? { ...ban, evidence } : { ...ban, evidence, leniency };
    });
  }

  /** Numbers per jail. */
  counts(): Map<JailName, BanCounts> {
    const sql = `SELECT jail, count(*) FILTER (WHERE ${OPEN}) AS current,
      count(*) FILTER (WHERE state <> 'refused' AND coalesce(ended_reason, '') NOT IN ('replaced', 'ignored')) AS total FROM ban GROUP BY jail`;
    const rows = guarded(() => this.#db.prepare(sql).all()) as {
      jail: JailName;
      current: number;
      total: number;
    }[];
    return new Map(
      rows.map((row) => [row.jail, { currentlyBanned: row.current, totalBanned: row.total }]),
    );
  }

  /** Bans wanted or in force, by jail and family; read from an index, 100,000 take about 20 ms. */
  activeBans(): { readonly jail: JailName; readonly family: Family; readonly count: number }[] {
    const sql = `SELECT jail, CASE WHEN instr(target, ':') > 0 THEN 6 ELSE 4 END AS family, count(*) AS count
      FROM ban WHERE ${OPEN} GROUP BY 1, 2`;
    return guarded(() => this.#db.prepare(sql).all()) as {
      jail: JailName;
      family: Family;
      count: number;
    }[];
  }

  /**
   * Of the temporary bans to be in the kernel those whose end is the farthest, and behind them, as
   * far as there is room, those for good; at most `most`.
   */
  lastToEnd(now: EpochMicros, most: number): Element[] {
    const of = `SELECT jail, target, until FROM ban WHERE ${OPEN} AND until`;
    const temporary = `${of} IS NOT NULL AND until > ? ORDER BY until DESC LIMIT ?`;
    const rows = guarded(() => this.#db.prepare(temporary).raw().all(now, most)) as ElementRow[];
    if (rows.length < most) {
      const lasting = this.#db.prepare(`${of} IS NULL LIMIT ?`).raw();
      rows.push(...(guarded(() => lasting.all(most - rows.length)) as ElementRow[]));
    }
    return rows.map(([jail, target, until]) => ({ jail, target: targetAsWritten(target), until }));
  }

  /** When the newest ban of exactly this target, if an operator lifted it, would have ended. */
  liftedUntil(jail: JailName, target: Prefix): EpochMicros | undefined {
    this.#newest ??= this.#db
      .prepare(
        'SELECT until, ended_reason FROM ban WHERE first = ? AND length = ? AND jail = ? ORDER BY id DESC LIMIT 1',
      )
      .raw();
    const row = guarded(() => this.#newest?.get(firstOf(target), target.length, jail));
    const [until, reason] = (row ?? []) as [until?: EpochMicros | null, reason?: string];
    return reason === 'operator' ? (until ?? undefined) : undefined;
  }

  /** A word for the newest of the operators' unbans: another one when there is a newer. */
  newestPardon(): string {
    this.#newestPardon ??= this.#db
      .prepare("SELECT id || ' ' || time FROM pardon ORDER BY id DESC LIMIT 1")
      .pluck();
    return (guarded(() => this.#newestPardon?.get()) as string | undefined) ?? '';
  }

  /**
   * What operators lifted in a jail of bans that would not have ended yet: of the ban and what the
   * operator named, the narrower one, with the ban and its end.
   */
  lifted(jail: JailName, now: EpochMicros): { target: Prefix; ban: Prefix; until: EpochMicros }[] {
    const named = guarded(() =>
      this.#db
        .prepare('SELECT time, target FROM pardon WHERE jail IS NULL OR jail = ? ORDER BY id')
        .raw()
        .all(jail),
    ) as [time: EpochMicros, target: string][];
    // The bans that an unban ends have its time.
    const bans = this.#db
      .prepare(
        `SELECT target, until FROM ban WHERE ended_time = ? AND jail = ? AND ended_reason = 'operator' AND until > ?`,
      )
      .raw();
    const byTime = new Map<EpochMicros, Set<string>>();
    for (const [time, target] of named)
      byTime.set(time, (byTime.get(time) ?? new Set()).add(target));
    return [...byTime].flatMap(([time, targets]) => {
      const ended = guarded(() => bans.all(time, jail, now)) as [string, EpochMicros][];
      return narrower(targets, new Map(ended));
    });
  }

  /** Number of bans of one jail that are wanted or in force. */
  openBansOf(jail: JailName): number {
    const sql = `SELECT count(*) FROM ban WHERE jail = ? AND ${OPEN}`;
    return guarded(() => this.#db.prepare(sql).pluck().get(jail)) as number;
  }

  /** Open bans of other hosts in a jail, by host and who decided there, most first. */
  sharedBans(
    jail: JailName,
    most: number,
  ): { readonly host: string; readonly origin: string; readonly bans: number }[] {
    const sql = `SELECT coalesce(host, '') AS host, source AS origin, count(*) AS bans FROM ban
      WHERE jail = ? AND ${OPEN} AND source IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC LIMIT ?`;
    return guarded(() => this.#db.prepare(sql).all(jail, most)) as {
      host: string;
      origin: string;
      bans: number;
    }[];
  }

  /** Number of bans that are wanted or in force. */
  openBans(): number {
    const sql = `SELECT count(*) FROM ban WHERE ${OPEN}`;
    return guarded(() => this.#db.prepare(sql).pluck().get()) as number;
  }

  /**
   * Jails that have bans wanted or in force, found by one step in the index each: 200,000 bans are
   * not looked through.
   */
  openJails(): JailName[] {
    const sql = `WITH RECURSIVE known (jail) AS (
        SELECT min(jail) FROM ban WHERE ${OPEN}
        UNION ALL
        SELECT (SELECT min(jail) FROM ban WHERE ${OPEN} AND jail > known.jail) FROM known
          WHERE known.jail IS NOT NULL
      ) SELECT jail FROM known WHERE jail IS NOT NULL`;
    return guarded(() => this.#db.prepare(sql).pluck().all()) as JailName[];
  }

  /** See `Ledger.floors`. One target may come several times: the latest holds. */
  *floors(since: EpochMicros): IterableIterator<SettledUpTo> {
    yield* this.pardons(since);
    yield* floorsOfBans(this.#db, since);
  }

  /** The floors of exactly this target, the latest of each jail. */
  floorsOf(target: Prefix): SettledUpTo[] {
    this.#floors ??= floorsOfTarget(this.#db);
    return this.#floors(target);
  }

  /** The floors that operators' unbans set, in the order of their times. */
  pardons(since: EpochMicros): SettledUpTo[] {
    const rows = guarded(() =>
      this.#db
        .prepare('SELECT jail, target, time FROM pardon WHERE time >= ? ORDER BY time')
        .all(since),
    ) as { jail: JailName | null; target: string; time: EpochMicros }[];
    return rows.flatMap(({ jail, target: text, time }) => {
      const target = parsePrefix(text);
      if (target === undefined) return [];
      return [{ ...(jail !== null && { jail }), target, upTo: time, exact: false }];
    });
  }

  /**
   * Forgets bans that ended (or were refused) longer ago than `keepSeconds` (dbpurgeage) and the
   * oldest beyond the bound, and gives their space back. Open bans are never forgotten. Returns how
   * many went.
   */
  prune(now: EpochMicros, keepSeconds: number, bansMax = HISTORY_BANS_MAX): number {
    return guarded(() => {
      const before = plus(now, -keepSeconds);
      const gone = this.#db.transaction(() => {
        const old = this.#db
          .prepare('DELETE FROM ban WHERE ended_time IS NOT NULL AND ended_time < ?')
          .run(before);
        const excess = this.#db
          .prepare(
            `DELETE FROM ban WHERE id IN (SELECT id FROM ban WHERE ended_time IS NOT NULL ORDER BY ended_time DESC LIMIT -1 OFFSET ?)`,
          )
          .run(bansMax);
        this.#db.prepare('DELETE FROM pardon WHERE time < ?').run(before);
        return old.changes + excess.changes;
      })();
      if (gone > 0) this.#db.pragma(`incremental_vacuum(${VACUUM_PAGES})`);
      return gone;
    });
  }
}

/** Of each ban and each named prefix that share an address, the narrower of the two. */
function narrower(named: ReadonlySet<string>, bans: ReadonlyMap<string, EpochMicros>) {
  const found: { target: Prefix; ban: Prefix; until: EpochMicros }[] = [];
  if (bans.size === 0) return found;
  // Writing out every prefix around each of 10,000 addresses takes seconds.
  const lengthsOf = (texts: Iterable<string>) =>
    new Set([...texts].flatMap((text) => parsePrefix(text)?.length ?? []));
  const banned = lengthsOf(bans.keys());
  for (const text of named) {
    const target = parsePrefix(text);
    if (target === undefined) continue;
    for (const ban of [target, ...wider(target, banned)]) {
      const until = bans.get(formatPrefix(ban));
      if (until !== undefined) found.push({ target, ban, until });
    }
  }
  const lifted = lengthsOf(named);
  for (const [text, until] of bans) {
    const ban = parsePrefix(text);
    if (ban !== undefined && wider(ban, lifted).some((around) => named.has(formatPrefix(around))))
      found.push({ target: ban, ban, until });
  }
  return found;
}

/** The prefixes around this one, of all lengths or these, without itself. */
function wider(target: Prefix, lengths: Iterable<number> = Array(target.length).keys()): Prefix[] {
  const address = baseAddress(target);
  const around = [...lengths].filter((length) => length < target.length);
  return around.map((length) => prefixOf(address, length));
}
