/** Failed and successful logins of the past, kept for the jail that weighs evidence. */
import type { Database } from 'better-sqlite3';
import { type Address, parseAddress } from '../core/address.js';
import type { FailureCause, WeighedAttempt } from '../core/decision.js';
import { ATTEMPTS_KEPT_MAX } from '../core/limits.js';
import { cursor, type JailName } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import { guarded } from './errors.js';

/** As arrays: a start reads half a million of them, and an object of each costs twice as much. */
type AttemptRow = readonly [
  id: number,
  jail: JailName,
  kind: 'failure' | 'success',
  address: string,
  user: string | null,
  count: number,
  time: EpochMicros,
  cause: FailureCause | null,
  digest: string | null,
  /** What its digest said: the sum of `SPRAY`, `ONE_OF_MANY` and `SAME_GUESS`, or 0. */
  spray: number,
  eachService: 0 | 1,
];

const NO_CURSOR = cursor('');

const SPRAY = 1;
const ONE_OF_MANY = 2;
const SAME_GUESS = 4;

/** The values of a row, in the order of `insertAttempt`. */
export function attemptValues(attempt: WeighedAttempt): (string | number | null)[] {
  const { jail, kind, address, user, count, time, cause, digest } = attempt;
  const said =
    (attempt.isSpray === true ? SPRAY : 0) +
    (attempt.isOneOfMany === true ? ONE_OF_MANY : 0) +
    (attempt.isSameGuess === true ? SAME_GUESS : 0);
  const flags = [said, attempt.isOfAnyService === true ? 0 : 1];
  const known = [cause ?? null, digest ?? null, ...flags];
  return [jail, kind, address.text, user ?? null, count, time, ...known];
}

/** Field by field: a spread of each that may be absent takes longer than reading the row. */
function attemptOf(row: AttemptRow, address: Address): WeighedAttempt {
  const [, jail, kind, , user, count, time, cause, digest, spray, eachService] = row;
  const attempt: { -readonly [key in keyof WeighedAttempt]: WeighedAttempt[key] } = {
    kind,
    jail,
    address,
    count,
    time,
    cursor: NO_CURSOR,
    regex: 0,
  };
  if (user !== null) attempt.user = user;
  if (cause !== null) attempt.cause = cause;
  if (digest !== null) attempt.digest = digest;
  if ((spray & SPRAY) !== 0) attempt.isSpray = true;
  if ((spray & ONE_OF_MANY) !== 0) attempt.isOneOfMany = true;
  if ((spray & SAME_GUESS) !== 0) attempt.isSameGuess = true;
  if (kind === 'success' && eachService === 0) attempt.isOfAnyService = true;
  return attempt;
}

/** Rows that are read at once. */
const PAGE_ROWS = 10_000;

/**
 * Failed and successful logins of the past, from which the evidence is made again after a restart.
 */
export class Attempts {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** True when there are none. */
  isEmpty(): boolean {
    return guarded(() => this.#db.prepare('SELECT 1 FROM attempt LIMIT 1').get()) === undefined;
  }

  /** Attempts since a time, in the order in which they were judged. Their cursors are not kept. */
  *since(time: EpochMicros): IterableIterator<WeighedAttempt> {
    const page = this.#db
      .prepare(
        `SELECT id, jail, kind, address, user, count, time, cause, digest, spray, each_service FROM attempt WHERE id > ? AND time >= ? ORDER BY id LIMIT ${PAGE_ROWS}`,
      )
      .raw();
    // Guesses of one attacker follow one another.
    let address: Address | undefined;
    for (let after = 0; ; ) {
      const rows = guarded(() => page.all(after, time)) as AttemptRow[];
      for (const row of rows) {
        if (address?.text !== row[3]) address = parseAddress(row[3]);
        if (address !== undefined) yield attemptOf(row, address);
      }
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last[0];
    }
  }

  /** Forgets digests of passwords before a time: no restart asks for them any more. */
  forgetDigests(before: EpochMicros): void {
    guarded(() =>
      this.#db
        .prepare('UPDATE attempt SET digest = NULL WHERE digest IS NOT NULL AND time < ?')
        .run(before),
    );
  }

  /**
   * Forgets attempts before a time, and the oldest beyond the bound. Failures and logins have a
   * half of it each, and what the other leaves: strangers make failures, and must not make a
   * restart forget who logs in.
   */
  prune(before: EpochMicros, most = ATTEMPTS_KEPT_MAX): void {
    guarded(() => {
      this.#db.prepare('DELETE FROM attempt WHERE time < ?').run(before);
      const span = this.#db.prepare('SELECT max(id) - min(id) + 1 FROM attempt').pluck().get();
      if (Number(span) <= most) return;
      const failures = this.#count('failure');
      const excess = failures + this.#count('success') - most;
      const ofFailures = Math.min(excess, failures - Math.floor(most / 2));
      this.#dropOldest('failure', ofFailures);
      this.#dropOldest('success', excess - Math.max(0, ofFailures));
    });
  }

  #count(kind: WeighedAttempt['kind']): number {
    return Number(
      this.#db.prepare('SELECT count(*) FROM attempt WHERE kind = ?').pluck().get(kind),
    );
  }

  #dropOldest(kind: WeighedAttempt['kind'], many: number): void {
    if (many <= 0) return;
    this.#db
      .prepare(
        'DELETE FROM attempt WHERE id IN (SELECT id FROM attempt WHERE kind = ? ORDER BY id LIMIT ?)',
      )
      .run(kind, many);
  }
}
