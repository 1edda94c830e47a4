/**
 * Counts an attempt once, though several lines tell of it: at once by the first of them, and by the
 * line that sums its connection up only what no line told before. All state comes from lines and
 * goes by their time, so that reading the journal back after a restart ends in the same state.
 *
 * An attempt *waits*, known but not counted, while it may be another jail's (its line names no
 * connection, and its address has one open at another service), or while the witness is in doubt
 * (it told of a failure just before the same user was let in: several password stores are asked in
 * turn). It counts as soon as a line decides it, at the latest with the first line of its address
 * after `TALLY_WAIT_SECONDS`; otherwise an attacker could hide behind the doubt.
 */
import { formatPrefix, parseAddress, prefixOf } from '../core/address.js';
import {
  TALLY_NETWORK_BITS,
  TALLY_NETWORKS_MAX,
  TALLY_TROUBLES_MAX,
  TALLY_WITNESSES_MAX,
} from '../core/limits.js';
import { copyOf } from '../core/text.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import {
  TALLY_CONTRADICTION_SECONDS,
  TALLY_DOUBT_SECONDS,
  TALLY_ELSEWHERE_SECONDS,
  TALLY_LATE_SECONDS,
  TALLY_REPEAT_SECONDS,
  TALLY_SAME_SECONDS,
  TALLY_SLACK_SECONDS,
  TALLY_TELLINGS_SECONDS,
  TALLY_TROUBLE_SECONDS,
  TALLY_UNSURE_QUIET_SECONDS,
  TALLY_UNSURE_SECONDS,
  TALLY_WAIT_SECONDS,
} from '../core/timeouts.js';
import type { Told } from './match-groups.js';
import {
  type Account,
  linesOf,
  sameUser,
  type TalliedAttempt,
  TallyTable,
  Tellings,
  timesTold,
  type UserName,
  untold,
  userName,
} from './tally-table.js';
import { Unchecked } from './unchecked.js';

/** One line of one address. */
export interface TallyLine {
  readonly address: string;
  readonly boot: string;
  readonly user: string | undefined;
  /** Attempts that the line reports. */
  readonly count: number;
  readonly time: EpochMicros;
  readonly told: Told;
}

/** What one jail has counted of each address, attempt by attempt. */
export class Tally {
  readonly #table = new TallyTable();
  /** When a witness was last contradicted. */
  readonly #doubts = new Map<string, EpochMicros>();
  /** When an IPv6 network last failed. */
  readonly #networks = new Map<string, EpochMicros>();
  /** When a session, by boot and name, last told of the server's own trouble. */
  readonly #troubles = new Map<string, EpochMicros>();
  readonly #tellings = new Tellings();
  readonly #unchecked: Unchecked;

  constructor(unchecked = new Unchecked()) {
    this.#unchecked = unchecked;
  }

  /** Addresses that are remembered now. */
  get size(): number {
    return this.#table.size;
  }

  /** How many attempts count by this line that did not count before; 0 when it is no failure. */
  failure(line: TallyLine): number {
    const { told, time } = line;
    const { part, session } = told;
    const isDoor = part === 'opened' || part === 'closed';
    if (isDoor && this.#table.door(line, part === 'opened', session)) return 0;
    const account = this.#table.open(line.address, line.boot, time);
    let count = this.#weigh(account, line) + this.#overdue(account, time);
    if (this.#tellings.isOnce) count += this.#table.partPairs(account);
    if (count > 0) account.failed = time;
    if (account.failed === time && told.part !== 'unsure') this.#noteNetwork(line);
    if (part === 'closed') this.#table.endSession(account, session, time);
    else if (
      part === 'opened' ||
      (session !== undefined && (part === 'plain' || part === 'unsure'))
    )
      this.#table.noteSession(account, session, time);
    this.#table.close(account, time);
    return count;
  }

  /** The server's own trouble. It excuses one line: a port, as a session, can be used again. */
  trouble({ told, boot, time }: Pick<TallyLine, 'told' | 'boot' | 'time'>): void {
    if (told.session !== undefined)
      remember(this.#troubles, `${boot} ${told.session}`, time, TALLY_TROUBLES_MAX);
  }

  #noteNetwork({ address, boot, time }: TallyLine): void {
    const network = networkOf(address);
    if (network !== undefined)
      remember(this.#networks, `${boot} ${network}`, time, TALLY_NETWORKS_MAX);
  }

  /** When the address last failed, or one that the server lets wait with it. */
  #lastFailure({ failed }: Account, { address, boot }: TallyLine): EpochMicros | undefined {
    const ofNetwork = this.#networks.get(`${boot} ${networkOf(address) ?? ''}`);
    return failed === undefined || (ofNetwork ?? 0) > failed ? ofNetwork : failed;
  }

  #takeTrouble({ told: { session = '' }, boot, time }: TallyLine): boolean {
    const since = this.#troubles.get(`${boot} ${session}`);
    this.#troubles.delete(`${boot} ${session}`);
    return since !== undefined && within(since, time, TALLY_TROUBLE_SECONDS);
  }

  /** A login that succeeded: what was told of it as a failure just before, was none. */
  success({ address, boot, user, time, told }: Omit<TallyLine, 'count'>): void {
    const account = this.#table.find(address, boot);
    if (account === undefined) {
      this.#table.touch(address, boot, time);
      return;
    }
    const { session } = told;
    const name = userName(user);
    this.#table.filter(account, (attempt) => {
      const same =
        attempt.session === undefined ? sameUser(attempt.user, name) : attempt.session === session;
      if (!same || !isTold(attempt)) return true;
      // A guess at somebody else's password counts, also when the client then logs in with its
      // own.
      if (sameUser(attempt.user, name) && within(attempt.time, time, TALLY_CONTRADICTION_SECONDS)) {
        for (const witness of attempt.witnesses)
          remember(this.#doubts, witness, time, TALLY_WITNESSES_MAX);
        return false;
      }
      // Of a connection that ends well no sum will come.
      return attempt.session === undefined || attempt.state === 'waiting';
    });
    this.#table.close(account, time);
  }

  #weigh(account: Account, line: TallyLine): number {
    const { told, time, count } = line;
    switch (told.part) {
      case 'plain':
        return this.#takeTrouble(line) ? 0 : count;
      case 'unsure': {
        const failed = this.#lastFailure(account, line);
        const before = this.#table.lastHeard(account, told.session);
        const quiet = before === undefined || !within(before, time, TALLY_UNSURE_QUIET_SECONDS);
        if (this.#takeTrouble(line) || !quiet) return 0;
        if (failed !== undefined && within(failed, time, TALLY_UNSURE_SECONDS)) return count;
        this.#table.addAttempt(account, untold('unsure', count, userName(line.user), time));
        return 0;
      }
      case 'elsewhere': {
        account.failed = time;
        const user = userName(line.user);
        const other = account.attempts.find(
          (attempt) =>
            attempt.state === 'waiting' &&
            attempt.session === undefined &&
            mayBeSame(user, attempt.user),
        );
        // Of an attempt that Postfix gave up the server tells later that it looked at the password.
        const unsure = account.attempts.find(
          (attempt) =>
            attempt.state === 'unsure' &&
            told.witness !== '' &&
            mayBeSame(attempt.user, user) &&
            within(attempt.time, time, TALLY_ELSEWHERE_SECONDS),
        );
        const decided = other ?? unsure;
        if (decided !== undefined) this.#table.filter(account, (attempt) => attempt !== decided);
        else this.#table.addAttempt(account, untold('elsewhere', count, user, time));
        return decided !== undefined && decided === unsure ? unsure.left : 0;
      }
      case 'witness':
        return this.#hear(account, line);
      case 'sum':
        return this.#sum(account, line);
      default:
        return 0;
    }
  }

  /** A line about one attempt: a new one, or one that another witness told already. */
  #hear(account: Account, { told, time, user, count }: TallyLine): number {
    const { witness, session, process } = told;
    const name = userName(user);
    const isPair = (attempt: TalliedAttempt) =>
      session === undefined && this.#tellings.isPair(attempt, process, time);
    const known = account.attempts.find((attempt) => {
      if (attempt.state === 'elsewhere')
        return (
          session === undefined &&
          mayBeSame(attempt.user, name) &&
          within(attempt.time, time, TALLY_ELSEWHERE_SECONDS)
        );
      if (attempt.state === 'unsure') return false;
      if (attempt.state === 'summed')
        return (
          within(attempt.time, time, TALLY_LATE_SECONDS) &&
          (session === undefined ? sameUser(attempt.user, name) : attempt.session === session)
        );
      if (!sameUser(attempt.user, name)) return false;
      const sameSession =
        attempt.session === undefined || session === undefined || attempt.session === session;
      const another = this.#tellings.times > 1 ? TALLY_TELLINGS_SECONDS : TALLY_SAME_SECONDS;
      if (!attempt.witnesses.includes(witness))
        return sameSession && within(attempt.toldAt, time, another);
      // Several stores of one kind, asked in turn, bear the same name.
      if (
        session !== undefined &&
        attempt.session === session &&
        within(attempt.time, time, TALLY_REPEAT_SECONDS)
      )
        return true;
      const isToldAgain =
        timesTold(attempt, witness) < this.#tellings.timesOf(attempt) &&
        within(attempt.time, time, TALLY_TELLINGS_SECONDS);
      return sameSession && (isToldAgain || isPair(attempt));
    });
    if (session === undefined) {
      const isPaired =
        known?.witnesses.includes(witness) === true && isTold(known) && isPair(known);
      if (isPaired) known.pairedAt = time;
      this.#tellings.hear(account, time, isPaired);
    }
    if (known !== undefined && !isTold(known)) {
      known.left--;
      if (known.left === 0) this.#table.filter(account, (attempt) => attempt !== known);
      return 0;
    }
    const waits =
      this.#inDoubt(witness, time) || (session === undefined && this.#table.hasOpen(account));
    if (known !== undefined) {
      if (timesTold(known, witness) < this.#tellings.timesOf(known))
        known.witnesses = [...known.witnesses, witness];
      known.toldAt = time;
      known.session ??= session;
      if (known.state === 'counted' || waits) return 0;
      return this.#decide(account, known) ? count : 0;
    }
    this.#table.addAttempt(account, {
      time,
      toldAt: time,
      user: name,
      session,
      process,
      witnesses: [witness],
      state: waits ? 'waiting' : 'counted',
      left: count,
      pairedAt: undefined,
    });
    return waits ? 0 : count;
  }

  /** The sum of a connection, less what was counted of it. */
  #sum(account: Account, { address, told, time, user, count }: TallyLine): number {
    const { session, seconds } = told;
    const name = userName(user);
    const since =
      seconds === undefined ? 0 : time - (seconds + TALLY_SLACK_SECONDS) * MICROS_PER_SECOND;
    const covered = new Set<TalliedAttempt>();
    let counted = 0;
    const cover = (fits: (attempt: TalliedAttempt) => boolean) => {
      for (const attempt of account.attempts) {
        if (covered.size >= count) return;
        if (!isTold(attempt) || covered.has(attempt) || !fits(attempt)) continue;
        covered.add(attempt);
        if (attempt.state === 'counted' || !this.#decide(account, attempt)) counted++;
      }
    };
    if (session !== undefined) cover((attempt) => attempt.session === session);
    // A connection may try many users and its sum names the last: those who are not named come
    // after.
    const nameless = (attempt: TalliedAttempt) =>
      attempt.time >= since && (attempt.session === undefined || session === undefined);
    cover((attempt) => nameless(attempt) && sameUser(attempt.user, name));
    cover(nameless);
    if (seconds !== undefined && session !== undefined) {
      const told = account.attempts.filter(
        (attempt) => isTold(attempt) && (attempt.session === session || nameless(attempt)),
      );
      // What an earlier sum has left over may be of that connection, or of one beside it: only the
      // latter refutes.
      const isOnce = linesOf(told) === count;
      const own = told.filter(
        (attempt) => account.summed === undefined || attempt.time > account.summed,
      );
      this.#tellings.learn(address, count, isOnce ? count : linesOf(own));
    }
    account.summed = time;
    this.#table.filter(account, (attempt) => !covered.has(attempt));
    const left = count - covered.size;
    if (left > 0) this.#table.addAttempt(account, untold('summed', left, name, time, session));
    return count - counted;
  }

  /** Ends the wait of an attempt. False: nobody could look at its password, so it is no failure. */
  #decide({ boot }: Account, attempt: TalliedAttempt): boolean {
    attempt.state = 'counted';
    return !this.#unchecked.excusesAttempt(attempt.user.full, boot, attempt.time);
  }

  /** Counts what has waited too long, and says how many that are. */
  #overdue(account: Account, time: EpochMicros): number {
    let count = 0;
    for (const attempt of account.attempts) {
      if (attempt.state !== 'waiting' || within(attempt.time, time, TALLY_WAIT_SECONDS)) continue;
      if (this.#decide(account, attempt)) count += attempt.left;
    }
    return count;
  }

  /** The witness may be wrong: it was contradicted, or the directory behind it is away. */
  #inDoubt(witness: string, time: EpochMicros): boolean {
    if (this.#unchecked.isOutage(time)) return true;
    const since = this.#doubts.get(witness);
    return since !== undefined && within(since, time, TALLY_DOUBT_SECONDS);
  }
}

/**
 * Keeps the time of a name; the one that was silent longest goes when there are more than `most`.
 */
function remember(
  times: Map<string, EpochMicros>,
  name: string,
  time: EpochMicros,
  most: number,
): void {
  const own = copyOf(name);
  times.delete(own);
  times.set(own, time);
  const [oldest] = times.keys();
  if (times.size > most && oldest !== undefined) times.delete(oldest);
}

/**
 * The network of an IPv6 address that Dovecot's penalty is for; undefined for IPv4, where it is for
 * the address.
 */
function networkOf(address: string): string | undefined {
  const parsed = address.includes(':') ? parseAddress(address) : undefined;
  return parsed && formatPrefix(prefixOf(parsed, TALLY_NETWORK_BITS));
}

/** Not every line names the user. */
function mayBeSame(one: UserName, other: UserName): boolean {
  return one.full === '' || other.full === '' || sameUser(one, other);
}

/** A witness told it; otherwise it is known before its witness. */
function isTold({ state }: TalliedAttempt): boolean {
  return state === 'counted' || state === 'waiting';
}

/** Not farther apart than so many seconds, in either order. */
function within(one: EpochMicros, other: EpochMicros, seconds: number): boolean {
  return Math.abs(other - one) <= seconds * MICROS_PER_SECOND;
}
