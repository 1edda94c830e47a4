/**
 * What is known of a login before its password is looked at, and under which keys the evidence
 * stands.
 */

import {
  baseAddress,
  bitsOf,
  fromBits,
  type Prefix,
  prefixOf,
  widthOf,
} from '../../core/address.js';
import type { LoginFacts } from '../../core/evidence.js';
import { SHARED_CLOSED_SHARE } from '../../core/limits.js';
import { foldedUser } from '../../core/names.js';
import { DEAD_NAME_REST_SECONDS, SHARED_REOPEN_SECONDS } from '../../core/timeouts.js';
import type { Credit } from './credit.js';
import { type Guess, type Guesses, guessOf, type RightPasswords } from './guesses.js';
import type { UserNames } from './names.js';
import { secondsOf } from './points.js';
import { type Attempt, type EvidenceRules, pointsFor, SHARED_USERS } from './rules.js';
import type { Key, Keys } from './table.js';
import type { NameWave, WatchedUsers } from './users.js';

/** The prefixes in which offenders are counted, and which are banned for them. */
export const OFFENDER_PREFIXES = { 4: [24], 6: [56, 48] } as const;
/** The network in which a user's credit holds. */
export const NETWORK = { 4: 24, 6: 48 } as const;

/** The keys of an address. */
export interface Where {
  readonly target: Key;
  readonly network: Key;
  readonly prefixes: readonly { readonly prefix: Prefix; readonly key: Key }[];
}

/**
 * The prefixes under which a login from the target is remembered, whichever address of it that was;
 * where it has none of its own, those around it. `lengths`: those that IPv6 addresses are counted
 * by.
 */
export function* creditPrefixes(target: Prefix, lengths: Iterable<number>): Generator<Prefix> {
  const { family, length } = target;
  const base = baseAddress(target);
  const [coarse, fine] = [NETWORK[family], widthOf(family)];
  // Half a /24 has no key of its own.
  if (family === 4 && length > coarse && length < fine) yield prefixOf(base, coarse);
  if (family === 6) {
    for (const own of lengths) if (own <= length) yield prefixOf(base, own);
    if (length > coarse && length < fine) yield prefixOf(base, length >= 56 ? 56 : coarse);
  }
  if (length >= coarse) yield target;
  else {
    const rest = BigInt(fine - coarse);
    const first = bitsOf(base) >> rest;
    for (let i = 0n; i < 1n << BigInt(coarse - length); i++)
      yield prefixOf(fromBits(family, (first + i) << rest), coarse);
  }
}

/** Stands for every service: which one a login of the past was at is not known. No jail has it. */
export const ANY_SERVICE = '';

/** Points of an address at which a stranger has failed, and not long ago. */
const FAILED = 0.9;

/** Each further share of this size doubles the time for which a shared address stays closed. */
const REOPEN_STEP = 0.25;

/** Where an attempt comes from, as keys. */
export function whereOf(
  keys: Keys,
  { address, target }: Pick<Attempt, 'address' | 'target'>,
): Where {
  const { family } = address;
  const prefixes: { readonly prefix: Prefix; readonly key: Key }[] = [];
  let network: Key | undefined;
  for (const length of OFFENDER_PREFIXES[family]) {
    if (length >= target.length) continue;
    const prefix = prefixOf(address, length);
    const key = keys.prefix(prefix);
    prefixes.push({ prefix, key });
    if (length === NETWORK[family]) network = key;
  }
  network ??= keys.prefix(prefixOf(address, NETWORK[family]));
  return { target: keys.prefix(target), network, prefixes };
}

/** The parts of the evidence that are asked. */
export interface AskedEvidence {
  readonly rules: EvidenceRules;
  readonly keys: Keys;
  readonly credit: Credit;
  /** Names with a login, and names without. */
  readonly users: WatchedUsers;
  readonly strangers: WatchedUsers;
  readonly names: UserNames;
  readonly guesses: Guesses;
  readonly rights: RightPasswords;
  readonly wave: NameWave;
  /** Enough was seen to say of a name that nobody logs in with it. */
  readonly isLearnt: boolean;
  /** Of the address, and when some were last added to them; 0 is never. */
  readonly points: number;
  readonly lastFailure: number;
}

/** Asks the evidence about an attempt that is to come. Changes nothing. */
export function factsOf(evidence: AskedEvidence, attempt: Attempt): LoginFacts {
  const { rules, keys, credit, users, strangers, names, points } = evidence;
  const { user = '' } = attempt;
  const time = secondsOf(attempt.time);
  const where = whereOf(keys, attempt);
  const since = time - rules.credit;
  const name = user === '' ? undefined : names.of(user);
  const own = name && credit.of(name, where.target, where.network, since);
  const others = credit.others(name, where.target, since);
  // Who fails for a name stands there, whether it has a login or not.
  const failing = name !== undefined && users.hasLogin(name) ? users : strangers;
  const isTriedAgain = name !== undefined && isAgain(evidence, name, attempt);
  return {
    ...(own === undefined ? {} : { credit: own }),
    isOddService: name !== undefined && isOdd(evidence, name, where, since, attempt),
    isOtherPassword: isOther(evidence, since, attempt),
    others,
    points,
    limit: rules.slowPoints,
    isQuiet: isQuiet(evidence, where, time),
    isUnderAttack:
      name !== undefined &&
      rules.userOffenders > 0 &&
      failing.offenders(name, time - rules.userSpan) >= rules.userOffenders,
    isDeadName: name !== undefined && isDead(evidence, name, time) && !isRepeat(evidence, attempt),
    isTriedAgain,
    isNewName:
      name !== undefined &&
      !isTriedAgain &&
      isUnknown(evidence, name, attempt) &&
      ((others >= SHARED_USERS && points >= FAILED) || isInWave(evidence, where, since, attempt)),
    // By its whole name: it is refused unseen, so a new mailbox of that name in some domain would
    // never log in.
    isHoneypot: rules.honeypot.has(foldedUser(user)),
    isLearnt: evidence.isLearnt,
  };
}

/** True when the password was tried from there for the user within a day. */
function isRepeat(evidence: AskedEvidence, attempt: Attempt): boolean {
  const guess = guessAt(evidence, attempt);
  return guess !== undefined && evidence.guesses.isRepeat(guess, attempt.time);
}

function guessAt({ keys, names }: AskedEvidence, attempt: Attempt): Guess | undefined {
  const { address } = attempt;
  return guessOf(keys, names, prefixOf(address, NETWORK[address.family]), attempt);
}

/**
 * True for a name of `honeypot`; see `UserNames.isHoneypot`. Where nothing says that there is no
 * such mailbox, the first address that fails for it with a domain may be that of a new one.
 */
export function isHoneypot(
  {
    rules,
    keys,
    names,
    strangers,
    isLearnt,
  }: Pick<AskedEvidence, 'rules' | 'keys' | 'names' | 'strangers' | 'isLearnt'>,
  { user = '', cause, target, time }: Pick<Attempt, 'user' | 'cause' | 'target' | 'time'>,
): boolean {
  const mayBeUser = () => {
    if (!isLearnt || cause === 'wrong-password') return true;
    const key = keys.user(user);
    if (strangers.checked(key).exists > 0) return true;
    if (cause === 'unknown-user') return false;
    const since = secondsOf(time) - rules.deadNameSpan;
    return strangers.offenders(key, since, keys.prefix(target).low) === 0;
  };
  return names.isHoneypot(rules.honeypot, user, mayBeUser);
}

/**
 * True where a name that nobody logs in with fails at a service at which nobody logs in from around
 * there: those who log in at others need not be shut out with it, nor has any of them a device
 * with an old password there.
 */
export function isOnlyGuessedAt(
  {
    rules,
    keys,
    credit,
    names,
    isLearnt,
  }: Pick<AskedEvidence, 'rules' | 'keys' | 'credit' | 'names' | 'isLearnt'>,
  { service, time }: Attempt,
  user: Key | undefined,
  { network }: Where,
): boolean {
  if (user === undefined || names.isUser(user) || !isLearnt) return false;
  const since = secondsOf(time) - rules.credit;
  const isUsed = (name: string) => credit.isUsedFrom(network, keys.service(name), since);
  return !isUsed(service) && !isUsed(ANY_SERVICE);
}

/** Points of a failure, by what is known of its name and its address. */
export function weightOf(
  { rules, names, isLearnt }: Pick<AskedEvidence, 'rules' | 'names' | 'isLearnt'>,
  { cause }: Pick<Attempt, 'cause'>,
  user: Key | undefined,
  is: { readonly isAnother: boolean; readonly isSpray: boolean },
): number {
  if (user === undefined) return 1;
  const isUnknown =
    !names.isUser(user) && (cause === 'unknown-user' || (cause === undefined && isLearnt));
  return pointsFor(rules, { isUnknown, ...is });
}

/** True when the user was never seen at this service in this network, and the service has users. */
function isOdd(
  { credit, keys }: AskedEvidence,
  name: Key,
  { network }: Where,
  since: number,
  { service }: Attempt,
): boolean {
  const key = keys.service(service);
  if (!credit.isUsed(key, since) || credit.used(name, network, key, since)) return false;
  return !credit.used(name, network, keys.service(ANY_SERVICE), since);
}

/** True for a password that is not known to be the user's, where others are. */
function isOther(evidence: AskedEvidence, since: number, attempt: Attempt): boolean {
  const guess = guessAt(evidence, attempt);
  if (guess === undefined || !evidence.rights.isOther(guess, since)) return false;
  return !evidence.guesses.wasSeen(guess);
}

/**
 * True for a name that nobody ever logged in with, and a password that is new from there. Without a
 * digest nobody could be known again, so that a new mailbox stayed out.
 */
function isUnknown(evidence: AskedEvidence, name: Key, attempt: Attempt): boolean {
  const { users, strangers, names, guesses, isLearnt } = evidence;
  if (!isLearnt || users.isFull || names.isUser(name)) return false;
  if (strangers.checked(name).exists > 0) return false;
  const guess = guessAt(evidence, attempt);
  return guess !== undefined && !guesses.isRepeat(guess, attempt.time);
}

/**
 * True for a name that nobody ever logged in with when it comes again soon after it was refused, be
 * it with another password: somebody may have mistyped that of a new mailbox.
 */
function isAgain(evidence: AskedEvidence, name: Key, attempt: Attempt): boolean {
  const { users, names, guesses, isLearnt } = evidence;
  if (!isLearnt || users.isFull || names.isUser(name)) return false;
  const guess = guessAt(evidence, attempt);
  return guess !== undefined && guesses.isTriedAgain(guess, secondsOf(attempt.time));
}

/**
 * True when the last guess at an address lies back so far that it may serve strangers again: an
 * hour where its points are just enough to close it, and twice as long for each further guess.
 */
function isQuiet(
  { rules, credit, points, lastFailure }: AskedEvidence,
  { target }: Where,
  time: number,
): boolean {
  const steps = Math.max(0, points / rules.slowPoints - SHARED_CLOSED_SHARE) / REOPEN_STEP;
  const last = Math.max(lastFailure, credit.guessedAt(target));
  return time - last >= SHARED_REOPEN_SECONDS * 2 ** steps;
}

/** True where nobody from around there is known, and many try names that nobody logs in with. */
function isInWave(
  { credit, wave }: AskedEvidence,
  { network }: Where,
  since: number,
  { time }: Attempt,
): boolean {
  return wave.isOn(secondsOf(time)) && !credit.inside(network, since);
}

/**
 * True for a name that many tried and nobody logs in with. Once in a while it is looked for all the
 * same: the mailbox may be new.
 */
function isDead(
  { rules, users, strangers, names, isLearnt }: AskedEvidence,
  name: Key,
  time: number,
): boolean {
  const { deadNameOffenders: most, deadNameSpan } = rules;
  if (most === 0 || names.isUser(name) || users.isFull || !isLearnt) return false;
  const { last, exists } = strangers.checked(name);
  if (exists >= Math.max(1, time - deadNameSpan)) return false;
  if (time - last >= DEAD_NAME_REST_SECONDS) return false;
  return strangers.offenders(name, time - deadNameSpan) >= most;
}
