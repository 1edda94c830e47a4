/**
 * Who failed in a network or for a user, read from the attempts that the ledger keeps for the
 * evidence. The model itself keeps no addresses, only how many there were.
 */
import type { Database } from 'better-sqlite3';
import { contains, formatPrefix, parseAddress, parsePrefix, prefixOf } from '../core/address.js';
import { foldedUser, localPart, localParts } from '../core/names.js';
import { EXPLAIN_CREDIT_MAX, EXPLAIN_OFFENDERS_MAX } from '../core/service-limits.js';
import type { EpochMicros } from '../core/time.js';

/** One question; it can be sent to a thread. */
export interface OffenderQuestion {
  /** Jails whose attempts count, each with the length by which it counts IPv6 addresses. */
  readonly jails: Readonly<Record<string, number>>;
  /** Those within a network, or those for a user. */
  readonly of: { readonly network: string } | { readonly user: string };
  /** Both ends are included. */
  readonly since: EpochMicros;
  /** Of a user that nobody logs in as: `since` is this. */
  readonly sinceOfStranger?: EpochMicros;
  readonly until: EpochMicros;
  /** Of a user: who failed in a network from which the user logged in since then is no offender. */
  readonly creditSince: EpochMicros;
  /** Lengths of such networks, by family. */
  readonly creditLengths: Readonly<Record<4 | 6, number>>;
}

/** An address, or an IPv6 prefix, that failed. */
export interface OffenderRow {
  readonly target: string;
  readonly attempts: number;
  /** How many names it tried, and two of them; strangers' texts. */
  readonly names: number;
  readonly users: readonly string[];
  readonly first: EpochMicros;
  readonly last: EpochMicros;
}

/** A network from which the user logged in. */
export interface CreditRow {
  readonly network: string;
  /** From where in it the last login came, at the service of which jail, and when. */
  readonly address: string;
  readonly service: string;
  readonly last: EpochMicros;
}

export interface OffenderAnswer {
  /** How many there are; at most `EXPLAIN_OFFENDERS_MAX` are named, those that failed last. */
  readonly found: number;
  readonly offenders: readonly OffenderRow[];
  /** Of a user: the networks with the newest logins, at most `EXPLAIN_CREDIT_MAX` of so many. */
  readonly networks: number;
  readonly credit: readonly CreditRow[];
}

/** The part of a name before its domain, or all of it; folded. */
const nameWithoutDomain = (name: string) => localPart(name) ?? foldedUser(name);

/** Two names that may stand for one user: one of them may lack the domain. */
export function mayBeOne(one: string, other: string): boolean {
  const [a, b] = [foldedUser(one), foldedUser(other)];
  return a === b || localPart(a) === b || a === localPart(b);
}

/**
 * Which user each of the names with the same part before the domain stands for, as
 * `UserNames.of` says it.
 */
function usersLike(
  db: Database,
  user: string,
  { creditSince, creditLengths }: OffenderQuestion,
): (name: string) => string {
  const local = nameWithoutDomain(user);
  db.function('local_part', { deterministic: true }, (text) => nameWithoutDomain(String(text)));
  const names = db
    .prepare(
      `SELECT DISTINCT user, address FROM attempt
       WHERE kind = 'success' AND time >= ? AND user IS NOT NULL AND local_part(user) = ?`,
    )
    .all(creditSince, local) as { readonly user: string; readonly address: string }[];
  const logins = new Map<string, Set<string>>();
  for (const { user: name, address: text } of names) {
    const address = parseAddress(text);
    if (address === undefined) continue;
    const networks = logins.get(foldedUser(name)) ?? new Set();
    logins.set(foldedUser(name), networks);
    networks.add(formatPrefix(prefixOf(address, creditLengths[address.family])));
  }
  const [full, ...others] = [...logins.keys()].filter((name) => name !== local);
  const own = logins.get(local);
  const isOne = full !== undefined && others.length === 0 && haveOneOf(own, logins.get(full));
  const short = isOne ? full : local;
  return (name) => {
    const key = foldedUser(name);
    if (key === local) return short;
    if (logins.has(key) || own === undefined) return key;
    return [...localParts(key)].includes(local) ? short : key;
  };
}

/** True when both have a network, or the first has none at all. */
function haveOneOf(own: ReadonlySet<string> | undefined, others: ReadonlySet<string> = new Set()) {
  return own === undefined || [...own].some((network) => others.has(network));
}

/** Reads the answer out of the ledger. Looks at every attempt of the time: not for hot paths. */
export function offendersOf(db: Database, question: OffenderQuestion): OffenderAnswer {
  const { of, until } = question;
  const asked = 'user' in of ? of.user : '';
  const userOf = asked === '' ? foldedUser : usersLike(db, asked, question);
  db.function('user_of', { deterministic: true }, (text) => userOf(String(text)));
  const networks = asked === '' ? [] : creditOf(db, userOf(asked), question);
  const isStranger = asked !== '' && networks.length === 0;
  const since = (isStranger ? question.sinceOfStranger : undefined) ?? question.since;
  const targetOf = targetsOf(question, new Set(networks.map(({ network }) => network)));
  db.function('target_of', { deterministic: true }, (address, jail) =>
    targetOf(String(address), String(jail)),
  );
  const [which, ...values] = 'user' in of ? ['user_of(user) = ?', userOf(asked)] : inside(of);
  const rows = db
    .prepare(
      `SELECT target, sum(count) AS attempts, count(DISTINCT user) AS names, min(user) AS one,
       max(user) AS other, min(time) AS first, max(time) AS last, count(*) OVER () AS found
       FROM (SELECT target_of(address, jail) AS target, count, user, time FROM attempt
         WHERE kind = 'failure' AND time >= ? AND time <= ? AND ${which})
       WHERE target IS NOT NULL GROUP BY target
       ORDER BY last DESC, target LIMIT ${EXPLAIN_OFFENDERS_MAX}`,
    )
    .all(since, until, ...values) as (Omit<OffenderRow, 'users'> & {
    readonly one: string | null;
    readonly other: string | null;
    readonly found: number;
  })[];
  return {
    found: rows[0]?.found ?? 0,
    offenders: rows.map(({ one, other, found: _, ...row }) => ({
      ...row,
      users: [...new Set([one, other].filter((name) => name !== null))],
    })),
    networks: networks.length,
    credit: networks.slice(0, EXPLAIN_CREDIT_MAX),
  };
}

/** By what an address is counted; null for one that does not count here. */
function targetsOf({ jails, of, creditLengths }: OffenderQuestion, own: ReadonlySet<string>) {
  const network = 'network' in of ? parsePrefix(of.network) : undefined;
  return (text: string, jail: string): string | null => {
    const address = parseAddress(text);
    const length = jails[jail];
    if (address === undefined || length === undefined) return null;
    if (network !== undefined && !contains(network, address)) return null;
    if (own.has(formatPrefix(prefixOf(address, creditLengths[address.family])))) return null;
    return address.family === 4 ? text : formatPrefix(prefixOf(address, length));
  };
}

/** What SQL can tell by itself of a network: of IPv4 the whole numbers that it begins with. */
function inside({ network }: { readonly network: string }): [sql: string, ...values: string[]] {
  const prefix = parsePrefix(network);
  if (prefix?.family !== 4) return ["instr(address, ':') > 0"];
  const numbers = prefix.base.split('.').slice(0, Math.floor(prefix.length / 8));
  if (numbers.length === 0) return ["instr(address, ':') = 0"];
  if (numbers.length === 4) return ['address = ?', numbers.join('.')];
  // `/` is the character that follows `.`: the range has every text with that beginning.
  return ['address >= ? AND address < ?', `${numbers.join('.')}.`, `${numbers.join('.')}/`];
}

/** The networks from which a user, by the key, logged in, that of the newest login first. */
function creditOf(
  db: Database,
  user: string,
  { jails, creditSince, creditLengths, until }: OffenderQuestion,
): CreditRow[] {
  const rows = db
    .prepare(
      `SELECT address, jail AS service, max(time) AS last FROM attempt
       WHERE kind = 'success' AND time >= ? AND time <= ? AND user_of(user) = ?
       GROUP BY address, jail ORDER BY last DESC, address`,
    )
    .all(creditSince, until, user) as Omit<CreditRow, 'network'>[];
  const networks = new Map<string, CreditRow>();
  for (const row of rows) {
    const address = parseAddress(row.address);
    if (address === undefined || jails[row.service] === undefined) continue;
    const network = formatPrefix(prefixOf(address, creditLengths[address.family]));
    if (!networks.has(network)) networks.set(network, { network, ...row });
  }
  return [...networks.values()];
}
