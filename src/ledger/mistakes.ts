/** Bans that were probably wrong: of those who log in, and those that an operator lifted. */
import type { Database } from 'better-sqlite3';
import { type Prefix, parseAddress, prefixOf } from '../core/address.js';
import type { MistakeFigures } from '../core/figures.js';
import { FIGURES_ROWS_MAX } from '../core/service-limits.js';
import { type EpochMicros, isoTime, plus } from '../core/time.js';
import { targetOf, targetText } from './rows.js';

/** Who logs in within so long after a ban came back, seconds. */
const RETURN_SECONDS = 86_400;

interface BanRow {
  readonly id: number;
  readonly jail: string;
  readonly target: string;
  readonly time: EpochMicros;
  readonly until: EpochMicros | null;
  readonly user: string | null;
  readonly origin: string;
  readonly ended_time: EpochMicros | null;
  readonly ended_reason: string | null;
  readonly ended_by: string | null;
}

interface Login {
  readonly user: string;
  readonly time: EpochMicros;
}

/** Logins that the ledger keeps, asked for by what they came from. */
class Logins {
  readonly #hosts = new Map<string, Login[]>();
  /** By prefixes of the lengths that were asked for. */
  readonly #wider = new Map<string, Map<string, Login[]>>();

  constructor(db: Database) {
    const rows = db
      .prepare("SELECT address, user, time FROM attempt WHERE kind = 'success' ORDER BY time, id")
      .iterate() as IterableIterator<{ address: string; user: string | null; time: EpochMicros }>;
    for (const { address, user, time } of rows)
      listOf(this.#hosts, address).push({ user: user ?? '', time });
  }

  /** Logins from within a target of the ledger, oldest first. */
  of(text: string): readonly Login[] {
    if (!text.includes('/')) return this.#hosts.get(text) ?? [];
    const target = targetOf(text);
    const kind = `${target.family} ${target.length}`;
    let prefixes = this.#wider.get(kind);
    if (prefixes === undefined) {
      prefixes = this.#within(target);
      this.#wider.set(kind, prefixes);
    }
    return prefixes.get(text) ?? [];
  }

  #within({ family, length }: Prefix): Map<string, Login[]> {
    const prefixes = new Map<string, Login[]>();
    for (const [text, logins] of this.#hosts) {
      const address = parseAddress(text);
      if (address?.family !== family) continue;
      const list = listOf(prefixes, targetText(prefixOf(address, length)));
      for (const login of logins) list.push(login);
    }
    for (const list of prefixes.values()) list.sort((a, b) => a.time - b.time);
    return prefixes;
  }
}

function listOf(lists: Map<string, Login[]>, key: string): Login[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

/**
 * The likely mistakes among the bans of a time, each ban once: what an operator lifted counts as
 * that. `which` bans count, in SQL.
 */
export function mistakesOf(
  db: Database,
  since: EpochMicros,
  until: EpochMicros,
  which: string,
): {
  readonly counts: Readonly<Record<MistakeFigures['kind'], number>>;
  readonly newest: readonly MistakeFigures[];
} {
  const logins = new Logins(db);
  const counts = { known: 0, lifted: 0, returned: 0 };
  const newest: MistakeFigures[] = [];
  const rows = db
    .prepare(
      `SELECT id, jail, target, time, until, user, origin, ended_time, ended_reason, ended_by FROM ban
       WHERE ${which} AND time >= ? AND time < ? ORDER BY id DESC`,
    )
    .iterate(since, until) as IterableIterator<BanRow>;
  for (const row of rows) {
    const mistake = mistakeOf(row, logins);
    if (mistake === undefined) continue;
    counts[mistake.kind]++;
    if (newest.length < FIGURES_ROWS_MAX) newest.push(mistake);
  }
  return { counts, newest };
}

function mistakeOf(row: BanRow, logins: Logins): MistakeFigures | undefined {
  const { id, jail, target, time, user, origin } = row;
  const told = (kind: MistakeFigures['kind'], when: EpochMicros, who: string | null) => ({
    kind,
    id,
    jail,
    target,
    time: isoTime(time),
    ...(user === null ? {} : { user }),
    ...(who === null || who === '' ? {} : { who }),
    when: isoTime(when),
  });
  if (row.ended_reason === 'operator' && row.ended_time !== null)
    return told('lifted', row.ended_time, row.ended_by);
  // A person who bans by hand knows whom.
  if (origin !== 'journal') return undefined;
  const own = logins.of(target);
  const before = own.findLast((login) => login.time <= time);
  if (before !== undefined) return told('known', before.time, before.user);
  const over = row.ended_time ?? row.until;
  const end = over === null ? Number.POSITIVE_INFINITY : plus(over, RETURN_SECONDS);
  const after = own.find((login) => login.time > time && login.time <= end);
  return after && told('returned', after.time, after.user);
}
