/** Failed and successful logins of the past, kept for the jail that weighs evidence. */
import type { Database } from 'better-sqlite3';
import { parseAddress } from '../core/address.js';
import type { FailureCause, WeighedAttempt } from '../core/decision.js';
import { ATTEMPTS_KEPT_MAX } from '../core/limits.js';
import { cursor, type JailName } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';
import { guarded } from './errors.js';

interface AttemptRow {
  readonly jail: JailName;
  readonly kind: 'failure' | 'success';
  readonly address: string;
  readonly user: string | null;
  readonly count: number;
  readonly time: EpochMicros;
  readonly cause: FailureCause | null;
  readonly digest: string | null;
  readonly spray: 0 | 1;
  readonly each_service: 0 | 1;
}

/** The values of a row, in the order of `insertAttempt`. */
export function attemptValues(attempt: WeighedAttempt): (string | number | null)[] {
  const { jail, kind, address, user, count, time, cause, digest, isSpray, isOfAnyService } =
    attempt;
  const flags = [isSpray === true ? 1 : 0, isOfAnyService === true ? 0 : 1];
  const known = [cause ?? null, digest ?? null, ...flags];
  return [jail, kind, address.text, user ?? null, count, time, ...known];
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
    const page = this.#db.prepare(
      `SELECT id, jail, kind, address, user, count, time, cause, digest, spray, each_service FROM attempt WHERE id > ? AND time >= ? ORDER BY id LIMIT ${PAGE_ROWS}`,
    );
    for (let after = 0; ; ) {
      const rows = guarded(() => page.all(after, time)) as (AttemptRow & { readonly id: number })[];
      for (const row of rows) {
        const { jail, kind, address: text, user, count, time: at, cause, digest, spray } = row;
        const isOfAnyService = kind === 'success' && row.each_service === 0;
        const address = parseAddress(text);
        if (address === undefined) continue;
        yield {
          kind,
          jail,
          address,
          ...(user === null ? {} : { user }),
          ...(cause === null ? {} : { cause }),
          ...(digest === null ? {} : { digest }),
          ...(spray === 1 && { isSpray: true }),
          ...(isOfAnyService && { isOfAnyService }),
          count,
          time: at,
          cursor: cursor(''),
          regex: 0,
        };
      }
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.id;
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

  /** Forgets attempts before a time, and the oldest beyond the bound. */
  prune(before: EpochMicros, most = ATTEMPTS_KEPT_MAX): void {
    guarded(() => {
      this.#db.prepare('DELETE FROM attempt WHERE time < ?').run(before);
      this.#db
        .prepare('DELETE FROM attempt WHERE id <= (SELECT max(id) FROM attempt) - ?')
        .run(most);
    });
  }
}
