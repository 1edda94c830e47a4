/**
 * Connections that say whose they are in one line and what they did in another (`<F-MLFID>`). A
 * bounded table that forgets by journal time, and fail2ban's rules for merging a line into what is
 * known of its connection (filter.py, _mergeFailure, fail2ban 1.1).
 */
import {
  SESSION_KEY_CHARS_MAX,
  SESSION_USERS_MAX,
  SESSIONS_MAX,
  USER_CHARS_MAX,
} from '../core/limits.js';
import { copyOf } from '../core/text.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import { SESSION_IDLE_SECONDS } from '../core/timeouts.js';
import { append, type Indexed, type Linked, SessionIndex, unlink } from './bounded-index.js';
import { type Marks, type MatchFacts, mergeFacts, NO_FACTS } from './match-groups.js';

const NO_USERS: readonly string[] = [];

/** What is known of a connection after its last line. */
export interface Session {
  facts: MatchFacts;
  /** Every user the connection tried, at most `SESSION_USERS_MAX`. */
  users: readonly string[];
  /** The last line does not count by itself: "no failure" or "authenticated". */
  calm: boolean;
  /** A failure waits for its address. */
  pending: boolean;
  /** Lines that the failure is made of, and lines that wait to be. */
  lines: number;
  calmLines: number;
}

/** A connection in the order of last lines. */
interface Entry extends Session, Indexed<Entry>, Linked<Entry> {
  lastSeen: EpochMicros;
}

/** The open connections of one jail. */
export class SessionTable {
  readonly #index = new SessionIndex<Entry>();
  /** Its `newer` is the oldest entry, its `older` the newest. */
  readonly #ends: Entry = newEntry('', '', 0 as EpochMicros);

  get size(): number {
    return this.#index.size;
  }

  /**
   * Merges a line into its connection. `key` is the text of F-MLFID, `boot` the boot that the entry
   * is of: process numbers repeat after a restart. `long` says that the line is so long that
   * nothing kept may hold on to it. Set `pending` of the result when the failure has to wait for
   * its address.
   */
  merge(key: string, boot: string, marks: Marks, time: EpochMicros, long = false): Session {
    this.#expire(time);
    const known = this.#index.find(key, boot);
    const entry = known ?? newEntry(long ? copyOf(key) : key, boot, time);
    const { forget, gained } = marks;
    if (known !== undefined && marks.nofail && isOfAnother(marks.facts, known.facts))
      return {
        facts: marks.facts,
        users: NO_USERS,
        calm: true,
        pending: false,
        lines: 1,
        calmLines: 0,
      };
    const remember = known !== undefined || !forget;
    if (remember) addUser(entry, marks.facts.user, long);
    const wasPending = entry.pending;
    if (gained) entry.pending = false;
    if (!entry.calm && !entry.pending) entry.lines = 0;
    // A number of attempts and a password are their line's, or that of a failure which waits.
    const before = wasPending ? entry.facts : ofConnection(entry.facts);
    entry.facts = mergeFacts(long ? detached(marks.facts) : marks.facts, before);
    entry.lastSeen = time;
    if (forget) {
      if (known !== undefined) this.#remove(entry);
    } else if (boot.length + 1 + key.length <= SESSION_KEY_CHARS_MAX) {
      unlink(entry);
      this.#append(entry, known === undefined);
    }
    entry.calm = gained || marks.nofail || marks.excused;
    // A second user, or a failure that now gets its address: the line counts, whatever it says of
    // itself.
    if (marks.excused) entry.pending = false;
    else if (entry.pending || entry.users.length > 1) {
      entry.pending = false;
      entry.calm = false;
    }
    if (!entry.calm) {
      entry.lines += entry.calmLines + 1;
      entry.calmLines = 0;
    } else if (!forget) entry.calmLines++;
    return entry;
  }

  /** What is known of a connection, without touching it. */
  factsOf(key: string, boot: string): MatchFacts | undefined {
    return this.#index.find(key, boot)?.facts;
  }

  #append(entry: Entry, isNew: boolean): void {
    const ends = this.#ends;
    append(ends, entry);
    if (!isNew) return;
    this.#index.add(entry);
    if (this.#index.size > SESSIONS_MAX) this.#remove(ends.newer);
  }

  #remove(entry: Entry): void {
    unlink(entry);
    this.#index.remove(entry);
  }

  /** Only the oldest can be idle for too long. */
  #expire(now: EpochMicros): void {
    const ends = this.#ends;
    while (
      ends.newer !== ends &&
      now - ends.newer.lastSeen > SESSION_IDLE_SECONDS * MICROS_PER_SECOND
    )
      this.#remove(ends.newer);
  }
}

function newEntry(key: string, boot: string, lastSeen: EpochMicros): Entry {
  const entry: Omit<Entry, 'older' | 'newer'> & Partial<Entry> = {
    key,
    boot,
    hash: 0,
    chain: undefined,
    lastSeen,
    facts: NO_FACTS,
    users: NO_USERS,
    calm: false,
    pending: false,
    lines: 0,
    calmLines: 0,
  };
  entry.older = entry as Entry;
  entry.newer = entry as Entry;
  return entry as Entry;
}

/** What holds for the whole connection. Written out: a spread takes several times as long. */
function ofConnection({ fid, ip4, ip6, dns, user, cause }: MatchFacts): MatchFacts {
  return { fid, ip4, ip6, dns, user, count: undefined, cause, digest: undefined };
}

/**
 * Whether a line is about another client than what is known: processes in a container may all have
 * one number, and then a harmless line must not bring its address to a failure that waits.
 */
function isOfAnother(line: MatchFacts, before: MatchFacts): boolean {
  const host = line.ip4 ?? line.ip6;
  const known = before.ip4 ?? before.ip6;
  return host !== undefined && known !== undefined && host !== known;
}

/**
 * A new list each time, of just its length: V8 makes room for sixteen more when it lets one grow.
 */
function addUser(session: Session, user: string | undefined, long: boolean): void {
  const { users } = session;
  if (user === undefined || user === '' || users.length >= SESSION_USERS_MAX) return;
  const name = kept(user, long);
  if (!users.includes(name)) session.users = [...users, name];
}

/** Facts that do not keep their line in memory. */
function detached(facts: MatchFacts): MatchFacts {
  const { fid, ip4, ip6, dns, user, count, cause, digest } = facts;
  const copy = (value: string | undefined) => (value === undefined ? undefined : kept(value, true));
  return {
    fid: copy(fid),
    ip4: copy(ip4),
    ip6: copy(ip6),
    dns: copy(dns),
    user: copy(user),
    count: copy(count),
    cause,
    digest: copy(digest),
  };
}

/**
 * No address and no user that is kept is longer than a user. V8 keeps the whole line for a slice of
 * 13 or more.
 */
function kept(value: string, long: boolean): string {
  if (!long) return value;
  return copyOf(value.slice(0, USER_CHARS_MAX));
}
