/**
 * Which passwords were tried, by their digests: whether a failure is a new guess, and on how many
 * users one password was tried.
 */

import type { Prefix } from '../../core/address.js';
import {
  EVIDENCE_OFFENDERS_MAX,
  EVIDENCE_OLD_PASSWORDS_MAX,
  EVIDENCE_RIGHT_PASSWORDS_MAX,
} from '../../core/limits.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../../core/time.js';
import { DIGEST_SECONDS, TRIED_AGAIN_SECONDS } from '../../core/timeouts.js';
import type { UserNames } from './names.js';
import type { Attempt } from './rules.js';
import { type Key, type Keys, NONE, RecentSet, Table } from './table.js';

/** A password that was tried: for whom and from where, and which. */
export interface Guess {
  /** The user and the network that it came from, together. */
  readonly pair: Key;
  readonly user: Key;
  readonly digest: Key;
}

/** The guess of a failure from a network; undefined where its line names no user or no digest. */
export function guessOf(
  keys: Keys,
  names: UserNames,
  network: Prefix,
  { user: name = '', digest }: Pick<Attempt, 'user' | 'digest'>,
): Guess | undefined {
  if (digest === undefined || name === '') return undefined;
  const user = names.of(name);
  return { user, pair: keys.both(user, keys.prefix(network)), digest: keys.digest(digest) };
}

/**
 * Columns of a user in a network behind the passwords that counted: all that came, when one was
 * last refused unseen, and when one was last looked at.
 */
const SEEN = RecentSet.wordsOf(EVIDENCE_OLD_PASSWORDS_MAX);
const LATEST = { refusedAt: 2 * SEEN, checkedAt: 2 * SEEN + 1, width: 2 * SEEN + 2 } as const;
/**
 * Different passwords of a user within a day that may all be honest, though they were wrong or
 * refused: the right one in a new place, that of an old phone, and a mistyped one.
 */
const HONEST_PASSWORDS = 3;

export class Guesses {
  /** Digests of a user in a network, each with the time at which it last counted. */
  readonly #pairs: Table;
  readonly #tried: RecentSet;
  /** The same of all that came, looked at or not, whether it counted or weighed nothing. */
  readonly #seen: RecentSet;
  /** Users of a digest. */
  readonly #digests: Table;
  readonly #users: RecentSet;

  constructor(pairs: number, digests: number) {
    this.#pairs = new Table(LATEST.width, pairs, (slot) => this.#seen.newest(slot));
    this.#tried = new RecentSet(this.#pairs, 0, EVIDENCE_OLD_PASSWORDS_MAX);
    this.#seen = new RecentSet(this.#pairs, SEEN, EVIDENCE_OLD_PASSWORDS_MAX);
    this.#digests = new Table(RecentSet.wordsOf(EVIDENCE_OFFENDERS_MAX), digests, (slot) =>
      this.#users.newest(slot),
    );
    this.#users = new RecentSet(this.#digests, 0, EVIDENCE_OFFENDERS_MAX);
  }

  get bytes(): number {
    return this.#pairs.bytes + this.#digests.bytes;
  }

  /** Counts as no new guess: the same one counted within a day before or after. Changes nothing. */
  isRepeat({ pair, digest }: Guess, time: EpochMicros): boolean {
    const slot = this.#pairs.find(pair);
    const counted = slot === NONE ? 0 : this.#tried.seen(slot, digest.low);
    return (
      counted !== 0 && Math.abs(Math.floor(time / MICROS_PER_SECOND) - counted) < DIGEST_SECONDS
    );
  }

  /** What the password of a failure says beside its weight, or said before it was forgotten. */
  said({ isOneOfMany, isSameGuess }: Attempt, guess: Guess | undefined, time: number) {
    return {
      isOneOfMany: isOneOfMany === true || (guess !== undefined && this.#isOneTooMany(guess, time)),
      isSameGuess: isSameGuess === true || (guess !== undefined && this.#isKnown(guess, time)),
    };
  }

  /**
   * True when so many other passwords of the pair counted within a day before this one that it is
   * none of a device's old ones. Changes nothing.
   */
  #isOneTooMany({ pair, digest }: Guess, time: number): boolean {
    const slot = this.#pairs.find(pair);
    if (slot === NONE) return false;
    const others = this.#tried.count(slot, Math.max(1, time - DIGEST_SECONDS), digest.low);
    return others >= EVIDENCE_OLD_PASSWORDS_MAX;
  }

  /** True when the password was tried for the user within a day, from wherever; no change. */
  #isKnown({ user, digest }: Guess, time: number): boolean {
    const slot = this.#pairs.find(user);
    const counted = slot === NONE ? 0 : this.#tried.seen(slot, digest.low);
    return counted !== 0 && Math.abs(time - counted) < DIGEST_SECONDS;
  }

  /** Notes a guess that counts, of the user in the network and of the user anywhere. */
  note({ pair, user, digest }: Guess, time: number): void {
    for (const key of [pair, user]) this.#tried.add(this.#pairs.obtain(key), digest.low, time);
  }

  /** Notes that a password was looked at, whether it counts or not. */
  noteChecked({ pair }: Guess, time: number): void {
    const slot = this.#pairs.obtain(pair);
    if (time > this.#pairs.get(slot, LATEST.checkedAt))
      this.#pairs.set(slot, LATEST.checkedAt, time);
  }

  /** Notes that a password was refused unseen. */
  noteRefused({ pair }: Guess, time: number): void {
    this.#pairs.set(this.#pairs.obtain(pair), LATEST.refusedAt, time);
  }

  /**
   * Notes a password that came; true when it is a guess, and not what honest people do: a device
   * goes on with the one that it has, and a user has several. A name without a login has none.
   */
  isFurther({ pair, digest }: Guess, time: number, hasLogin: boolean): boolean {
    const slot = this.#pairs.obtain(pair);
    const isOld = this.#seen.seen(slot, digest.low) !== 0;
    const others = this.#seen.count(slot, time - DIGEST_SECONDS);
    this.#seen.add(slot, digest.low, time);
    return !isOld && others >= (hasLogin ? HONEST_PASSWORDS : 0);
  }

  /** True when one of the last passwords that came from there for the user was this one. */
  wasSeen({ pair, digest }: Guess): boolean {
    const slot = this.#pairs.find(pair);
    return slot !== NONE && this.#seen.seen(slot, digest.low) !== 0;
  }

  /**
   * True when the user was refused from the network moments ago and no password of his was looked
   * at there for a day.
   */
  isTriedAgain({ pair }: Guess, time: number): boolean {
    const slot = this.#pairs.find(pair);
    if (slot === NONE) return false;
    const refusedAt = this.#pairs.get(slot, LATEST.refusedAt);
    const checkedAt = this.#pairs.get(slot, LATEST.checkedAt);
    if (refusedAt === 0 || Math.abs(time - refusedAt) > TRIED_AGAIN_SECONDS) return false;
    return checkedAt === 0 || time - checkedAt >= DIGEST_SECONDS;
  }

  /** Notes on whom a password was tried; on how many users it was within a day. */
  spread({ user, digest }: Guess, time: number): number {
    const slot = this.#digests.obtain(digest);
    this.#users.add(slot, user.low, time);
    return this.#users.count(slot, time - DIGEST_SECONDS);
  }
}

/**
 * The passwords with which users logged in, by their digests. Only a mail server that asks before
 * it looks at passwords tells them, so they live in memory alone.
 */
export class RightPasswords {
  readonly #table: Table;
  readonly #digests: RecentSet;

  /** `max`: users that are remembered. */
  constructor(max: number) {
    const width = RecentSet.wordsOf(EVIDENCE_RIGHT_PASSWORDS_MAX);
    this.#table = new Table(width, max, (slot) => this.#digests.newest(slot));
    this.#digests = new RecentSet(this.#table, 0, EVIDENCE_RIGHT_PASSWORDS_MAX);
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  /** Notes that the password was right. */
  note({ user, digest }: Guess, time: number): void {
    this.#digests.add(this.#table.obtain(user), digest.low, time);
  }

  /** True when the user logged in from this time on, and never with this password. */
  isOther({ user, digest }: Guess, from: number): boolean {
    const slot = this.#table.find(user);
    if (slot === NONE || this.#digests.count(slot, Math.max(1, from)) === 0) return false;
    return this.#digests.seen(slot, digest.low) === 0;
  }
}
