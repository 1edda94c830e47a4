/**
 * Failures that a service reports the moment they happen, and the lines that it logs of the same
 * ones, at once or when their connection ends. Each failure counts once: by whichever comes first.
 * Of one session as many count as its reports say or as its lines say, whichever is more, in any
 * order, also when some of either are lost.
 *
 * A line may name no session (PAM's). Then it is that of a report of the same address and user. A
 * report may name none either, and Postfix names its connections in its own way: then any line of
 * the same address and user is that of the report.
 */
import type { FilterEvent, WeighedAttempt } from '../core/decision.js';
import { EVENT_COUNT_MAX } from '../core/limits.js';
import {
  REPORTED_ADDRESSES_MAX,
  REPORTED_LINES_MAX,
  REPORTED_SESSIONS_MAX,
} from '../core/service-limits.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import { REPORTED_SECONDS, TALLY_TELLINGS_SECONDS } from '../core/timeouts.js';

/** A reported failure that no line told yet. */
interface Report {
  readonly user: string;
  readonly time: EpochMicros;
  /** What the ledger must remember of it. A line tells it first: what no line tells is no news. */
  attempts: readonly WeighedAttempt[];
}

interface Session {
  readonly open: Report[];
  /** Failures that lines told and no report yet. */
  ahead: number;
}

/** A line whose failures no report told yet. */
interface Line {
  readonly user: string;
  readonly time: EpochMicros;
  /** Absent: it names none. */
  readonly session: string | undefined;
  left: number;
}

interface Account {
  readonly sessions: Map<string, Session>;
  readonly lines: Line[];
  lastSeen: EpochMicros;
}

/** What is left of a line, and what the ledger has to write with its position. */
export interface Unreported {
  /** Undefined when every failure of it was reported before. */
  readonly event: FilterEvent | undefined;
  readonly attempts: readonly WeighedAttempt[];
}

const NOTHING: readonly never[] = [];
/** The session of reports that name none. */
const NAMELESS = '';

/** The failures of all jails that were reported, by address. */
export class ReportedFailures {
  /** In the order in which they were last heard of. */
  readonly #accounts = new Map<string, Account>();
  /** Nothing is kept before anybody reports: then every line counts as it is. */
  #isUsed = false;

  /** Addresses that are remembered. */
  get size(): number {
    return this.#accounts.size;
  }

  /** False as long as every line counts as it is. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /** Somebody is there who reports: from now on lines are remembered. */
  expect(): void {
    this.#isUsed = true;
  }

  /** True when the failure counts now: no line told it before. */
  report(event: FilterEvent): boolean {
    this.#isUsed = true;
    const account = this.#open(event);
    const name = event.session ?? NAMELESS;
    const session = sessionOf(account, name);
    const user = nameOf(event);
    const line = account.lines.find((one) =>
      session.ahead > 0
        ? one.session === name
        : (one.session === undefined || name === NAMELESS) && isSame(one, user, event.time),
    );
    const ahead = line?.session === undefined ? session : sessionOf(account, line.session);
    const isTold = line !== undefined || session.ahead > 0;
    if (ahead.ahead > 0) ahead.ahead--;
    if (line !== undefined) {
      line.left--;
      if (line.left === 0) account.lines.splice(account.lines.indexOf(line), 1);
    }
    if (isTold) return false;
    session.open.push({ user, time: event.time, attempts: NOTHING });
    if (session.open.length > EVENT_COUNT_MAX) session.open.shift();
    return true;
  }

  /** Keeps what the ledger must remember of a report that counted, until a line tells it too. */
  weighed(event: FilterEvent, attempts: readonly WeighedAttempt[]): void {
    const account = this.#accounts.get(keyOf(event));
    const report = account?.sessions.get(event.session ?? NAMELESS)?.open.at(-1);
    if (report !== undefined) report.attempts = attempts;
  }

  /** What of a line's failures no report told before. */
  line(event: FilterEvent): Unreported {
    if (!this.#isUsed || event.kind !== 'failure') return { event, attempts: NOTHING };
    const account = this.#open(event);
    const told = takeTold(account, event);
    const left = event.count - told.length;
    const { session, time } = event;
    if (left > 0) {
      account.lines.push({ user: nameOf(event), time, session, left });
      if (account.lines.length > REPORTED_LINES_MAX) account.lines.shift();
      if (session !== undefined) sessionOf(account, session).ahead += left;
    }
    const rest = left === event.count ? event : { ...event, count: left };
    return {
      event: left === 0 ? undefined : rest,
      attempts: told.flatMap(({ attempts }) => attempts),
    };
  }

  /** The account of an address, now the one heard of last; the longest silent go. */
  #open(event: FilterEvent): Account {
    const key = keyOf(event);
    const known = this.#accounts.get(key);
    const account = known ?? { sessions: new Map(), lines: [], lastSeen: event.time };
    account.lastSeen = event.time;
    this.#accounts.delete(key);
    this.#accounts.set(key, account);
    for (const [oldest, { lastSeen }] of this.#accounts) {
      const isOld = event.time - lastSeen > REPORTED_SECONDS * MICROS_PER_SECOND;
      if (!isOld && this.#accounts.size <= REPORTED_ADDRESSES_MAX) break;
      this.#accounts.delete(oldest);
    }
    return account;
  }
}

/** Takes the reports that a line tells: those of its session, then those that name none. */
function takeTold({ sessions }: Account, event: FilterEvent): Report[] {
  if (event.session === undefined) return takeLoose(sessions.values(), event);
  const own = sessions.get(event.session);
  const told = own === undefined ? [] : takeOf(own, event);
  const nameless = sessions.get(NAMELESS);
  if (nameless === undefined || told.length >= event.count) return told;
  return [...told, ...takeLoose([nameless], event, event.count - told.length)];
}

/** Takes the reports that a line of their session tells: those of its user first. */
function takeOf({ open }: Session, event: FilterEvent): Report[] {
  const user = nameOf(event);
  const told = [
    ...open.filter((report) => report.user === user),
    ...open.filter((report) => report.user !== user),
  ].slice(0, event.count);
  for (const report of told) open.splice(open.indexOf(report), 1);
  return told;
}

/** Takes the reports that a line may tell by its user and time. */
function takeLoose(
  sessions: Iterable<Session>,
  event: FilterEvent,
  most: number = event.count,
): Report[] {
  const user = nameOf(event);
  const told: Report[] = [];
  for (const { open } of sessions)
    for (const report of [...open]) {
      if (told.length >= most) return told;
      if (!isSame(report, user, event.time)) continue;
      told.push(report);
      open.splice(open.indexOf(report), 1);
    }
  return told;
}

function isSame(one: Report | Line, user: string, time: EpochMicros): boolean {
  // Not every line names the user.
  const isUser = one.user === user || one.user === '' || user === '';
  return isUser && Math.abs(time - one.time) <= TALLY_TELLINGS_SECONDS * MICROS_PER_SECOND;
}

/** A session of an address; the oldest is forgotten when there are too many. */
function sessionOf({ sessions }: Account, name: string): Session {
  const known = sessions.get(name);
  if (known !== undefined) return known;
  const session: Session = { open: [], ahead: 0 };
  sessions.set(name, session);
  const [oldest] = sessions.keys();
  if (sessions.size > REPORTED_SESSIONS_MAX && oldest !== undefined) sessions.delete(oldest);
  return session;
}

function keyOf({ jail, address }: FilterEvent): string {
  return `${jail} ${address.text}`;
}

/** Names are logged as the client wrote them or as the server changed them. */
function nameOf({ user = '' }: FilterEvent): string {
  const name = user.toLowerCase();
  const at = name.indexOf('@');
  return at < 0 ? name : name.slice(0, at);
}
