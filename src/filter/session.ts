/**
 * Connections that say whose they are in one line and what they did in another (`<F-MLFID>`). A bounded table that
 * forgets by journal time, and fail2ban's rules for merging a line into what is known of its connection
 * (filter.py, _mergeFailure, fail2ban 1.1).
 */
import {
  SESSION_IDLE_SECONDS,
  SESSION_KEY_CHARS_MAX,
  SESSION_USERS_MAX,
  SESSIONS_MAX,
  USER_CHARS_MAX,
} from '../core/limits.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import { type Facts, type Marks, mergeFacts, NO_FACTS } from './groups.js';

interface Session {
  lastSeen: EpochMicros;
  facts: Facts;
  readonly users: Set<string>;
  /** The last line said "no failure by itself" or "authenticated". */
  calm: boolean;
  /** A failure waits for its address. */
  pending: boolean;
  /** Lines that were reported with a failure, and lines that wait to be. */
  lines: number;
  calmLines: number;
}

/** What became of a line after its connection was consulted. */
export interface Merged {
  readonly facts: Facts;
  /** True when the line does not count by itself. */
  readonly calm: boolean;
  /** Lines that the failure is made of. */
  readonly lines: number;
  /** Every user the connection tried, at most `SESSION_USERS_MAX`. */
  readonly users: readonly string[];
  /** Says that the failure has to wait for its address. */
  wait(): void;
}

/** The open connections of one jail. */
export class SessionTable {
  readonly #sessions = new Map<string, Session>();

  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Merges a line into its connection. `key` is the text of F-MLFID, `boot` the boot that the entry is of: process
   * numbers repeat after a restart. `long` says that the line is so long that nothing kept may hold on to it.
   */
  merge(key: string, boot: string, marks: Marks, time: EpochMicros, long = false): Merged {
    this.#expire(time);
    const id = `${boot}\n${key}`;
    const remember = id.length <= SESSION_KEY_CHARS_MAX;
    const known = remember ? this.#sessions.get(id) : undefined;
    let { gained } = marks;
    const { forget } = marks;
    let calm = gained || marks.nofail;
    const session: Session = known ?? {
      lastSeen: time,
      facts: NO_FACTS,
      users: new Set(),
      calm: false,
      pending: false,
      lines: 0,
      calmLines: 0,
    };
    if (known !== undefined || !forget) addUser(session, marks.facts.user, long);
    if (gained) session.pending = false;
    if (!session.calm && !session.pending) session.lines = 0;
    session.calm = false;
    session.facts = mergeFacts(long ? detached(marks.facts) : marks.facts, session.facts);
    session.lastSeen = time;
    if (remember) this.#put(id, session, forget);
    // A second user, or a failure that now gets its address: the line counts, whatever it says of itself.
    if (session.pending || session.users.size > 1) {
      session.pending = false;
      calm = false;
      gained = false;
    }
    if (!calm) {
      session.lines += session.calmLines + 1;
      session.calmLines = 0;
    } else if (!forget) session.calmLines++;
    session.calm = calm;
    return {
      facts: session.facts,
      calm,
      lines: session.lines,
      users: [...session.users],
      wait: () => {
        session.pending = true;
      },
    };
  }

  /** What is known of a connection, without touching it. */
  factsOf(key: string, boot: string): Facts | undefined {
    return this.#sessions.get(`${boot}\n${key}`)?.facts;
  }

  #put(id: string, session: Session, forget: boolean): void {
    this.#sessions.delete(id);
    if (forget) return;
    this.#sessions.set(id, session);
    if (this.#sessions.size <= SESSIONS_MAX) return;
    const oldest = this.#sessions.keys().next().value;
    if (oldest !== undefined) this.#sessions.delete(oldest);
  }

  /** The table is in order of last lines, so only its head can be idle for too long. */
  #expire(now: EpochMicros): void {
    for (const [id, session] of this.#sessions) {
      if (now - session.lastSeen <= SESSION_IDLE_SECONDS * MICROS_PER_SECOND) return;
      this.#sessions.delete(id);
    }
  }
}

function addUser(session: Session, user: string | undefined, long: boolean): void {
  if (user === undefined || user === '' || session.users.size >= SESSION_USERS_MAX || session.users.has(user)) return;
  session.users.add(kept(user, long));
}

/** Facts that do not keep their line in memory. */
function detached(facts: Facts): Facts {
  const { fid, ip4, ip6, dns, user, count } = facts;
  const copy = (value: string | undefined) => (value === undefined ? undefined : kept(value, true));
  return { fid: copy(fid), ip4: copy(ip4), ip6: copy(ip6), dns: copy(dns), user: copy(user), count: copy(count) };
}

/** No address and no user that is kept is longer than a user. V8 keeps the whole line for a slice of 13 or more. */
function kept(value: string, long: boolean): string {
  if (!long) return value;
  return Buffer.from(value.slice(0, USER_CHARS_MAX), 'utf16le').toString('utf16le');
}
