/** What reports are made of beside the bans: counters by the hour, and alarms. */
import type { Database } from 'better-sqlite3';
import type { AlarmView, HourlyCount, HourlyKind } from '../core/figures.js';
import type { JailName } from '../core/names.js';
import { ALARMS_KEPT_MAX, FIGURES_ROWS_MAX, HOURLY_ROWS_MAX } from '../core/service-limits.js';
import { type EpochMicros, isoTime, plus } from '../core/time.js';
import { HOURLY_SECONDS } from '../core/timeouts.js';
import { guarded } from './errors.js';
import type { Statements } from './schema.js';

const MICROS_PER_HOUR = 3_600_000_000;
/** Kinds of which an hour holds the highest number instead of the sum. */
const PEAKS: ReadonlySet<HourlyKind> = new Set(['lag', 'deaf']);

/** The hour of a time, counted from 1970. */
export function hourOf(time: EpochMicros): number {
  return Math.floor(time / MICROS_PER_HOUR);
}

/** When an hour begins. */
export function timeOfHour(hour: number): EpochMicros {
  return (hour * MICROS_PER_HOUR) as EpochMicros;
}

/** An alarm, to be written. */
export interface AlarmInsert {
  readonly kind: AlarmView['kind'];
  readonly jail: JailName;
  readonly user: string;
  readonly address: string;
  readonly count: number;
  readonly time: EpochMicros;
}

/** Counts until the counters are written. */
export class HourlyTally {
  #counts = new Map<string, { hour: number; jail: string; kind: HourlyKind; count: number }>();

  /**
   * Counts something at a time that an entry states: what lies after `now` counts as now, and what
   * is older than the ledger keeps is passed over.
   */
  add(kind: HourlyKind, jail: string, count: number, time: EpochMicros, now: EpochMicros): void {
    if (time < now - HOURLY_SECONDS * 1_000_000) return;
    const hour = hourOf(Math.min(time, now) as EpochMicros);
    const key = `${hour} ${kind} ${jail}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { hour, jail, kind, count });
    else if (PEAKS.has(kind)) known.count = Math.max(known.count, count);
    else known.count += count;
  }

  /** What was counted since the last call. */
  take(): HourlyCount[] {
    const counts = [...this.#counts.values()];
    this.#counts = new Map();
    return counts;
  }
}

/** Writes counters and alarms; to be called within a transaction. */
export function writeHourly(
  sql: Statements,
  hourly: readonly HourlyCount[],
  alarms: readonly AlarmInsert[],
): void {
  for (const { hour, jail, kind, count } of hourly)
    (PEAKS.has(kind) ? sql.raiseHourly : sql.addHourly).run(hour, jail, kind, count);
  for (const { kind, jail, user, address, count, time } of alarms)
    sql.insertAlarm.run(kind, jail, user, address, count, time);
  if (alarms.length > 0) sql.trimAlarms.run(ALARMS_KEPT_MAX);
}

/**
 * What the kernel stopped since it was last seen; writes what it has counted now. A counter that
 * became less was made anew. Seen for the first time, they say nothing: they may be years old. To
 * be called within a transaction.
 */
export function writeStopped(
  sql: Statements,
  counters: ReadonlyMap<JailName, { readonly packets: number }>,
): ReadonlyMap<JailName, number> {
  const risen = new Map<JailName, number>();
  const isFirst = sql.anyStopped.get() === undefined;
  for (const [jail, { packets }] of counters) {
    const before = (sql.stopped.get(jail) as number | undefined) ?? 0;
    if (packets === before && !isFirst) continue;
    if (!isFirst) risen.set(jail, packets > before ? packets - before : packets);
    sql.setStopped.run(jail, packets);
  }
  return risen;
}

/** The newest alarms, the newest first. */
export class Alarms {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Alarms from `since` on and before `until`. */
  find(since: EpochMicros, until: EpochMicros, limit = FIGURES_ROWS_MAX): AlarmView[] {
    const sql = `SELECT kind, jail, user, address, count, time FROM alarm
      WHERE time >= ? AND time < ? ORDER BY time DESC, id DESC LIMIT ?`;
    const rows = guarded(() => this.#db.prepare(sql).all(since, until, limit)) as (Omit<
      AlarmView,
      'time'
    > & { readonly time: EpochMicros })[];
    return rows.map((row) => ({ ...row, time: isoTime(row.time) }));
  }

  /** Forgets alarms and counters that are older than the ledger keeps, and the oldest beyond. */
  prune(now: EpochMicros, rowsMax = HOURLY_ROWS_MAX): void {
    const before = plus(now, -HOURLY_SECONDS);
    guarded(() => {
      this.#db.prepare('DELETE FROM alarm WHERE time < ?').run(before);
      this.#db.prepare('DELETE FROM hourly WHERE hour < ?').run(hourOf(before));
      this.#db
        .prepare(
          'DELETE FROM hourly WHERE hour <= (SELECT hour FROM hourly ORDER BY hour DESC LIMIT 1 OFFSET ?)',
        )
        .run(rowsMax);
    });
  }
}
