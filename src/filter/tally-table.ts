/**
 * What a tally keeps of each address: a bounded table that forgets by journal time, the longest
 * silent address first.
 */
import {
  TALLY_ADDRESSES_MAX,
  TALLY_ALL_ATTEMPTS_MAX,
  TALLY_ATTEMPTS_MAX,
  TALLY_TELLINGS_MAX,
  TALLY_TELLINGS_PROOFS,
  TALLY_USER_CHARS_MAX,
} from '../core/limits.js';
import { copyOf } from '../core/text.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import { TALLY_PAIR_LEAST_SECONDS, TALLY_PAIR_SECONDS, TALLY_SECONDS } from '../core/timeouts.js';
import { append, type Indexed, type Linked, SessionIndex, unlink } from './bounded-index.js';
import { NONE, OpenConnections } from './open-connections.js';

/**
 * One attempt that was told, or so many that no line told yet: a sum reported them (`summed`),
 * another jail counts them, or a line that may be the server's trouble (`unsure`).
 */
export interface TalliedAttempt {
  readonly time: EpochMicros;
  readonly user: UserName;
  session: string | undefined;
  /** As often as each told it. */
  witnesses: readonly string[];
  /** When a witness last told it. */
  toldAt: EpochMicros;
  state: 'counted' | 'waiting' | 'summed' | 'elsewhere' | 'unsure';
  left: number;
  /** The process that told it first. */
  readonly process: string | undefined;
  /** When it was told again while nobody knows yet whether that was a second store or a guess. */
  pairedAt: EpochMicros | undefined;
}

/**
 * So many attempts that another line said to be coming, at this time. All fields are written out,
 * here and where attempts are kept: V8 makes a new shape for each object that begins with a spread,
 * which took nearly a tenth of all filtering.
 */
export function untold(
  state: 'summed' | 'elsewhere' | 'unsure',
  left: number,
  user: UserName,
  time: EpochMicros,
  session?: string,
): TalliedAttempt {
  return {
    time,
    toldAt: time,
    user,
    session,
    process: undefined,
    witnesses: [],
    state,
    left,
    pairedAt: undefined,
  };
}

/** Lines without a connection's name that came close together. */
interface Burst {
  readonly from: EpochMicros;
  readonly to: EpochMicros;
  /** One process told twice of a user. */
  readonly isPaired: boolean;
}

/**
 * A user by which lines are told to be about the same attempt. Names are logged as the client wrote
 * them or as the server changed them: in lower case, without their domain, cut.
 */
export interface UserName {
  readonly full: string;
  readonly local: string;
}

export function userName(user: string | undefined): UserName {
  const full = user === undefined ? '' : copyOf(user.slice(0, TALLY_USER_CHARS_MAX).toLowerCase());
  const at = full.indexOf('@');
  return { full, local: at < 0 ? full : copyOf(full.slice(0, at)) };
}

export function sameUser(one: UserName, other: UserName): boolean {
  return one.full === other.full || one.local === other.full || one.full === other.local;
}

/** How often the witness told the attempt. */
export function timesTold({ witnesses }: TalliedAttempt, witness: string): number {
  return witnesses.filter((each) => each === witness).length;
}

/** Lines of one witness about the attempts: of each, those of the most talkative. */
export function linesOf(attempts: readonly TalliedAttempt[]): number {
  return attempts.reduce(
    (sum, attempt) =>
      sum + Math.max(...attempt.witnesses.map((witness) => timesTold(attempt, witness))),
    0,
  );
}

/** All about one address, but for the connections that it has open. */
export interface Account extends Indexed<Account>, Linked<Account> {
  /** Oldest first. */
  readonly attempts: TalliedAttempt[];
  /** When a failure last counted. */
  failed: EpochMicros | undefined;
  /** When a connection was last summed up. */
  summed: EpochMicros | undefined;
  burst: Burst | undefined;
  lastSeen: EpochMicros;
}

export class TallyTable {
  readonly #index = new SessionIndex<Account>();
  /** Its `newer` is the account that was silent longest, its `older` the one heard last. */
  readonly #ends: Account = newAccount('', '', 0 as EpochMicros);
  readonly #connections = new OpenConnections();
  #attempts = 0;

  /** Addresses. Looks at all: for tests. */
  get size(): number {
    let size = this.#connections.size;
    for (let at = this.#ends.newer; at !== this.#ends; at = at.newer) if (!this.hasOpen(at)) size++;
    return size;
  }

  find(address: string, boot: string): Account | undefined {
    return this.#index.find(address, boot);
  }

  /** The account of an address, a new one where there is none; `close` it afterwards. */
  open(address: string, boot: string, time: EpochMicros): Account {
    const known = this.#index.find(address, boot);
    const silent = this.#expire(known, this.#connections.find(address, boot), time);
    if (known !== undefined) {
      this.filter(known, (attempt) => attempt.state === 'waiting' || attempt.time >= silent);
      return known;
    }
    const account = newAccount(copyOf(address), boot, time);
    this.#index.add(account);
    if (this.#index.size > TALLY_ADDRESSES_MAX) this.#remove(this.#ends.newer);
    return account;
  }

  /**
   * A connection of an address begins or ends. False where the address has an account: then that is
   * opened for it.
   */
  door(
    { address, boot, time }: { address: string; boot: string; time: EpochMicros },
    isOpened: boolean,
    name: string | undefined,
  ): boolean {
    if (this.#index.find(address, boot) !== undefined) return false;
    const row = this.#connections.find(address, boot);
    this.#expire(undefined, row, time);
    if (isOpened) this.#connections.open(address, boot, name, time);
    else this.#connections.close(row, name, time);
    return true;
  }

  /** Forgets who was silent for too long, but not this one; returns since when. */
  #expire(known: Account | undefined, row: number, time: EpochMicros): number {
    const silent = time - TALLY_SECONDS * MICROS_PER_SECOND;
    // What still waits is decided first, however long ago it was.
    for (
      let oldest = this.#ends.newer;
      oldest !== this.#ends && oldest !== known;
      oldest = this.#ends.newer
    ) {
      if (oldest.lastSeen >= silent) break;
      this.#remove(oldest);
    }
    this.#connections.expire(silent, row);
    return silent;
  }

  /**
   * Ends what `open` began: the account is now the one heard last, or gone when nothing is left to
   * know.
   */
  close(account: Account, time: EpochMicros): void {
    const { key, boot, attempts, failed, summed, burst } = account;
    const row = this.#connections.find(key, boot);
    this.#connections.touch(row, time);
    const isKnown = summed !== undefined || burst !== undefined;
    if (attempts.length === 0 && failed === undefined && (row === NONE || !isKnown)) {
      this.#remove(account);
      return;
    }
    account.lastSeen = time;
    unlink(account);
    const ends = this.#ends;
    append(ends, account);
    while (this.#attempts > TALLY_ALL_ATTEMPTS_MAX && ends.newer !== account)
      this.#remove(ends.newer);
  }

  /** Takes an attempt; the oldest of the address goes when there are too many. */
  addAttempt(account: Account, attempt: TalliedAttempt): void {
    const { time, toldAt, user, session, process, witnesses, state, left, pairedAt } = attempt;
    account.attempts.push({
      time,
      toldAt,
      user,
      session: session && copyOf(session),
      process: process && copyOf(process),
      witnesses: witnesses.map(copyOf),
      state,
      left,
      pairedAt,
    });
    if (account.attempts.length > TALLY_ATTEMPTS_MAX) account.attempts.shift();
    else this.#attempts++;
  }

  /** Keeps the attempts for which `stays` is true. */
  filter(account: Account, stays: (attempt: TalliedAttempt) => boolean): void {
    const { attempts } = account;
    const before = attempts.length;
    let left = 0;
    for (const attempt of attempts) if (stays(attempt)) attempts[left++] = attempt;
    attempts.length = left;
    this.#attempts -= before - left;
  }

  /**
   * Each pair becomes two attempts, since no second store was asked. Says how many count by that.
   */
  partPairs(account: Account): number {
    let count = 0;
    for (const attempt of account.attempts.filter(({ pairedAt }) => pairedAt !== undefined)) {
      const { pairedAt: time = attempt.time, left, state } = attempt;
      attempt.pairedAt = undefined;
      attempt.witnesses = [...new Set(attempt.witnesses)];
      this.addAttempt(account, { ...attempt, time, toldAt: time, session: undefined });
      if (state === 'counted') count += left;
    }
    return count;
  }

  /** A line of a connection of the address. */
  noteSession({ key, boot }: Account, name: string | undefined, time: EpochMicros): void {
    this.#connections.open(key, boot, name, time);
  }

  /** The end of a connection of the address. */
  endSession({ key, boot }: Account, name: string | undefined, time: EpochMicros): void {
    this.#connections.close(this.#connections.find(key, boot), name, time);
  }

  /** A connection of the address is open. */
  hasOpen({ key, boot }: Account): boolean {
    return this.#connections.find(key, boot) !== NONE;
  }

  /** When the connection of this name was last heard. */
  lastHeard({ key, boot }: Account, name: string | undefined): EpochMicros | undefined {
    return this.#connections.heard(this.#connections.find(key, boot), name);
  }

  /** An address without an account was heard. */
  touch(address: string, boot: string, time: EpochMicros): void {
    this.#connections.touch(this.#connections.find(address, boot), time);
  }

  #remove(account: Account): void {
    unlink(account);
    this.#index.remove(account);
    this.#attempts -= account.attempts.length;
    account.attempts.length = 0;
  }
}

function newAccount(key: string, boot: string, lastSeen: EpochMicros): Account {
  const account: Omit<Account, 'older' | 'newer'> & Partial<Account> = {
    key,
    boot,
    hash: 0,
    chain: undefined,
    attempts: [],
    failed: undefined,
    summed: undefined,
    burst: undefined,
    lastSeen,
  };
  account.older = account as Account;
  account.newer = account as Account;
  return account as Account;
}

/** Lines of a pair. */
const PAIR = 2;

/**
 * How often one witness tells of one attempt: twice where a server asks two stores of the witness's
 * kind in turn (two of PAM's, whose lines name no connection). Learned from the sums of
 * connections, which say how many attempts there were. As long as nothing was learned, two lines of
 * one process about one user, as close as the stores are asked, are a *pair* and one attempt; the
 * first lines that are no pairs, or the first sum, end that, and all that was paired counts.
 */
export class Tellings {
  #times: number | undefined;
  #proven = 1;
  readonly #addresses = new Set<string>();

  /** So often each attempt is told; 1 until it is proven to be more. */
  get times(): number {
    return this.#times ?? 1;
  }

  /** Each attempt is told once, for certain. */
  get isOnce(): boolean {
    return this.#times === 1;
  }

  /** So often the attempt may be told by one witness. */
  timesOf({ pairedAt }: TalliedAttempt): number {
    return pairedAt === undefined ? this.times : Math.max(this.times, PAIR);
  }

  /** The second line of a pair: of the process that told the attempt, once, just now. */
  isPair(attempt: TalliedAttempt, by: string | undefined, time: EpochMicros): boolean {
    const { process, toldAt, pairedAt } = attempt;
    const isSoon = Math.abs(time - toldAt) <= TALLY_PAIR_SECONDS * MICROS_PER_SECOND;
    return (
      this.#times === undefined &&
      by !== undefined &&
      process === by &&
      pairedAt === undefined &&
      isSoon
    );
  }

  /**
   * A line of the account that names no connection. Silence behind lines that came at once proves
   * that each attempt is told once: a second store would have been asked meanwhile.
   */
  hear(account: Account, time: EpochMicros, isPaired: boolean): void {
    const { burst } = account;
    const isApart = burst === undefined || time - burst.to > TALLY_PAIR_SECONDS * MICROS_PER_SECOND;
    if (burst !== undefined && isApart && !burst.isPaired) {
      const isShort = burst.to - burst.from < TALLY_PAIR_LEAST_SECONDS * MICROS_PER_SECOND;
      if (isShort) this.#times ??= 1;
    }
    account.burst = isApart
      ? { from: time, to: time, isPaired }
      : { from: burst.from, to: time, isPaired: burst.isPaired || isPaired };
  }

  /**
   * A connection of the address made `attempts`, and its witnesses told `lines` times. Several
   * addresses have to agree, and one connection with as many lines as attempts refutes them, so
   * nobody can halve what counts of him where others fail too.
   */
  learn(address: string, attempts: number, lines: number): void {
    const times = lines / attempts;
    if (!Number.isInteger(times) || times < 1 || times > TALLY_TELLINGS_MAX) return;
    if (times !== this.#proven) {
      this.#addresses.clear();
      this.#proven = times;
    }
    if (times === 1) this.#times = 1;
    if (times === this.#times) return;
    this.#addresses.add(address);
    if (this.#addresses.size >= TALLY_TELLINGS_PROOFS) this.#times = times;
  }
}
