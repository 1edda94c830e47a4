/** Failed and successful logins of the past, kept for the jail that weighs evidence. */
import type { Database } from 'better-sqlite3';
import { parseAddress } from '../core/address.js';
import type { FilterEvent } from '../core/decision.js';
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

  /** Attempts since a time, in the order in which they were judged. Their cursors are not kept. */
  *since(time: EpochMicros): IterableIterator<FilterEvent> {
    const page = this.#db.prepare(
      `SELECT id, jail, kind, address, user, count, time FROM attempt WHERE id > ? AND time >= ? ORDER BY id LIMIT ${PAGE_ROWS}`,
    );
    for (let after = 0; ; ) {
      const rows = guarded(() => page.all(after, time)) as (AttemptRow & { readonly id: number })[];
      for (const { jail, kind, address: text, user, count, time: at } of rows) {
        const address = parseAddress(text);
        if (address === undefined) continue;
        yield {
          kind,
          jail,
          address,
          ...(user === null ? {} : { user }),
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
