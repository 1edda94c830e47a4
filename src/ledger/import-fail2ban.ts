/**
 * Reads fail2ban's own database (`fail2ban.sqlite3`, schema 4 of fail2ban 0.11 to 1.1): table
 * `bips` has the latest ban of each address and jail, with its rank; table `bans` has those of the
 * last `dbpurgeage`. The file is only read.
 */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { parsePrefix } from '../core/address.js';
import type { BanDecision } from '../core/decision.js';
import { EXIT, messageOf, OperatorError } from '../core/errors.js';
import { USER_CHARS_MAX } from '../core/limits.js';
import { jailName } from '../core/names.js';
import { HISTORY_BANS_MAX, IMPORT_SKIPPED_MAX } from '../core/service-limits.js';
import { type EpochMicros, MICROS_PER_SECOND, plus } from '../core/time.js';
import { BAN_SECONDS_MAX } from '../core/timeouts.js';

/** What was found in the file. */
export interface Fail2banBans {
  /** In force now. */
  readonly active: readonly BanDecision[];
  /** Over. */
  readonly history: readonly BanDecision[];
  /** Bans that cannot be taken over, with the reason, each once; at most `IMPORT_SKIPPED_MAX`. */
  readonly skipped: readonly {
    readonly jail: string;
    readonly id: string;
    readonly reason: string;
  }[];
  readonly skippedCount: number;
}

const ROUNDING_MICROS = MICROS_PER_SECOND / 2;
const SCHEMAS = [4];

interface Row {
  readonly jail: unknown;
  readonly ip: unknown;
  readonly timeofban: unknown;
  readonly bantime: unknown;
  readonly bancount: unknown;
  readonly data: unknown;
}

/**
 * Reads bans that are active at `now` and past ones.
 * @throws OperatorError when the file is missing, unreadable, or not a fail2ban database of a known
 * version
 */
export function readFail2ban(path: string, now: EpochMicros): Fail2banBans {
  if (!existsSync(path))
    throw new OperatorError(`there is no fail2ban database at ${path}`, {
      hint: 'fail2ban keeps it in /var/lib/fail2ban/fail2ban.sqlite3 unless dbfile says otherwise',
      exitCode: EXIT.noInput,
    });
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true, timeout: 5_000 });
    const version = db.prepare('SELECT version FROM fail2banDb').pluck().get();
    if (!SCHEMAS.includes(version as number))
      throw new OperatorError(
        `${path} has schema ${String(version)}; this version reads ${SCHEMAS.join(', ')}`,
        {
          hint: 'start fail2ban 1.0 or 1.1 once: it brings its database up to date',
          exitCode: EXIT.dataError,
        },
      );
    return collect(db, now);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(`${path} cannot be read as a fail2ban database: ${messageOf(error)}`, {
      hint: `check it: sqlite3 ${path} 'SELECT version FROM fail2banDb'`,
      exitCode: EXIT.dataError,
      cause: error,
    });
  } finally {
    db?.close();
  }
}

function collect(db: Database.Database, now: EpochMicros): Fail2banBans {
  const columns = 'jail, ip, timeofban, bantime, bancount, data';
  const active = new Map<string, BanDecision>();
  const history: BanDecision[] = [];
  const skipped: Fail2banBans['skipped'][number][] = [];
  const skippedIds = new Set<string>();
  const take = (row: Row, use: (ban: BanDecision) => void) => {
    const ban = banOf(row, now);
    if (typeof ban !== 'string') {
      use(ban);
      return;
    }
    const [jail, id] = [String(row.jail), String(row.ip)];
    if (skippedIds.has(`${jail} ${id}`)) return;
    skippedIds.add(`${jail} ${id}`);
    if (skipped.length < IMPORT_SKIPPED_MAX) skipped.push({ jail, id, reason: ban });
  };
  for (const row of db.prepare(`SELECT ${columns} FROM bips`).iterate() as IterableIterator<Row>)
    take(row, (ban) => {
      if (ban.until === null || ban.until > now) active.set(identity(ban), ban);
    });
  const past = `SELECT ${columns} FROM bans ORDER BY timeofban DESC LIMIT ${HISTORY_BANS_MAX}`;
  for (const row of db.prepare(past).iterate() as IterableIterator<Row>)
    take(row, (ban) => {
      if (!active.has(identity(ban))) history.push(ban);
    });
  return {
    active: [...active.values()],
    history: history.reverse(),
    skipped,
    skippedCount: skippedIds.size,
  };
}

function identity({ jail, target, time }: BanDecision): string {
  return `${jail} ${target.base}/${target.length} ${time}`;
}

/** The decision of a row, or why it cannot be one. */
function banOf(row: Row, now: EpochMicros): BanDecision | string {
  const jail = typeof row.jail === 'string' ? jailName(row.jail) : undefined;
  if (jail === undefined) return 'the name of the jail is not one that Banjour takes';
  const target = typeof row.ip === 'string' ? parsePrefix(row.ip) : undefined;
  if (target === undefined) return 'it is not an address';
  if (!Number.isSafeInteger(row.timeofban) || (row.timeofban as number) < 0)
    return 'the time of the ban is not a time';
  const noted = (row.timeofban as number) * MICROS_PER_SECOND;
  // fail2ban rounds the time of a ban to the next second, which a ban of this very moment may lie
  // before.
  if (!Number.isSafeInteger(noted) || noted > now + ROUNDING_MICROS)
    return 'the time of the ban lies in the future';
  const time = Math.min(noted, now) as EpochMicros;
  const bantime = row.bantime as number;
  if (typeof bantime !== 'number' || (bantime < 0 && bantime !== -1))
    return 'the length of the ban is not known';
  const count = Number.isSafeInteger(row.bancount) ? Math.max(1, row.bancount as number) : 1;
  return {
    kind: 'ban',
    jail,
    target,
    time,
    until: bantime === -1 ? null : plus(time, Math.min(bantime, BAN_SECONDS_MAX)),
    evidence: [],
    origin: 'import',
    previousBans: count - 1,
    ...dataOf(row.data),
  };
}

/** Failures and user of the column `data`, a JSON object that fail2ban's Python wrote. */
function dataOf(data: unknown): { failures: number; user?: string } {
  let failures = 0;
  let user: string | undefined;
  try {
    const parsed: unknown = JSON.parse(
      Buffer.isBuffer(data) ? data.toString('utf8') : String(data),
    );
    if (typeof parsed === 'object' && parsed !== null) {
      const fields = parsed as Record<string, unknown>;
      if (Number.isSafeInteger(fields['failures']))
        failures = Math.max(0, fields['failures'] as number);
      if (typeof fields['user'] === 'string') user = fields['user'].slice(0, USER_CHARS_MAX);
    }
  } catch {
    // The numbers of a ban are in columns of their own; its notes may be missing.
  }
  return { failures, ...(user !== undefined && { user }) };
}
