/**
 * Which passwords were tried, by their digests: whether a failure is a new guess, and on how many
 * users one password was tried.
 */

import type { Prefix } from '../../core/address.js';
import { EVIDENCE_OFFENDERS_MAX, EVIDENCE_OLD_PASSWORDS_MAX } from '../../core/limits.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../../core/time.js';
import { DIGEST_SECONDS, TRIED_AGAIN_SECONDS } from '../../core/timeouts.js';
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
  network: Prefix,
  { user = '', digest }: Pick<Attempt, 'user' | 'digest'>,
): Guess | undefined {
  if (digest === undefined || user === '') return undefined;
  const key = keys.user(user);
  return {
    user: key,
    pair: keys.both(key, keys.prefix(network)),
    digest: keys.digest(digest),
  };
}

/**
 * Columns of a user in a network behind the passwords that were tried: which one was refused
 * unseen and when, and when one was last looked at.
 */
const LATEST = {
  refused: RecentSet.wordsOf(EVIDENCE_OLD_PASSWORDS_MAX),
  refusedAt: RecentSet.wordsOf(EVIDENCE_OLD_PASSWORDS_MAX) + 1,
  checkedAt: RecentSet.wordsOf(EVIDENCE_OLD_PASSWORDS_MAX) + 2,
} as const;
const LATEST_COLUMNS = 3;

export class Guesses {
  /** Digests of a user in a network, each with the time at which it last counted. */
  readonly #pairs: Table;
  readonly #tried: RecentSet;
  /** Users of a digest. */
  readonly #digests: Table;
  readonly #users: RecentSet;

  constructor(pairs: number, digests: number) {
    this.#pairs = new Table(LATEST.refused + LATEST_COLUMNS, pairs, (slot) =>
      Math.max(this.#tried.newest(slot), this.#pairs.get(slot, LATEST.refusedAt)),
    );
    this.#tried = new RecentSet(this.#pairs, 0, EVIDENCE_OLD_PASSWORDS_MAX);
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

  /** Notes a guess that counts. */
  note({ pair, digest }: Guess, time: number): void {
    this.#tried.add(this.#pairs.obtain(pair), digest.low, time);
  }

  /** Notes that a password was looked at, whether it counts or not. */
  noteChecked({ pair }: Guess, time: number): void {
    const slot = this.#pairs.obtain(pair);
    if (time > this.#pairs.get(slot, LATEST.checkedAt))
      this.#pairs.set(slot, LATEST.checkedAt, time);
  }

  /** Notes a guess that was refused unseen; true when the one refused before was another. */
  noteRefused({ pair, digest }: Guess, time: number): boolean {
    const slot = this.#pairs.obtain(pair);
    const isNew = this.#pairs.get(slot, LATEST.refused) !== digest.low;
    this.#pairs.set(slot, LATEST.refused, digest.low);
    this.#pairs.set(slot, LATEST.refusedAt, time);
    return isNew;
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
