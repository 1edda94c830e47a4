/**
 * What failures and logins say together: weights instead of counts, for three keys. An address has
 * points that fade, a prefix has offenders, a user has addresses that fail for them. Credit, the
 * logins of the past, tells a forgetful user and an office from an attacker. Pure: no clock, no
 * file; the ledger keeps the events from which it is made again.
 *
 * The order in which events arrive matters little: times only ever rise, and what is older than a
 * rule looks back changes nothing.
 */
import { isHost, type Prefix, prefixOf } from '../../core/address.js';
import type { EvidenceHoldings, LoginFacts } from '../../core/evidence.js';
import {
  EVIDENCE_ADDRESSES_MAX,
  EVIDENCE_CREDITS_MAX,
  EVIDENCE_DIGESTS_MAX,
  EVIDENCE_GUESSES_MAX,
  EVIDENCE_NAMES_MAX,
  EVIDENCE_OFFENDERS_MAX,
  EVIDENCE_PREFIXES_MAX,
  EVIDENCE_RIGHT_USERS_MAX,
  STORM_COUNT_MAX,
} from '../../core/limits.js';
import type { EpochMicros } from '../../core/time.js';
import { LOGIN_REPEAT_SECONDS } from '../../core/timeouts.js';
import { aimedAt } from './aimed.js';
import { Credit } from './credit.js';
import {
  ANY_SERVICE,
  creditPrefixes,
  factsOf,
  isHoneypot,
  isOnlyGuessedAt,
  NETWORK,
  type Where,
  weightOf,
  whereOf,
} from './facts.js';
import { type Guess, Guesses, guessOf, RightPasswords } from './guesses.js';
import { UserNames } from './names.js';
import { Pardons, Points, secondsOf } from './points.js';
import type {
  Alarm,
  Attempt,
  EvidenceBounds,
  EvidenceFinding,
  EvidenceRules,
  FailureMeaning,
} from './rules.js';
import { allowanceFor, closing, JOINT_BANS, SHARED_USERS } from './rules.js';
import { type Key, Keys } from './table.js';
import { oddLogin } from './takeover.js';
import { NameWave, Offenders, WatchedUsers } from './users.js';

/** What three failures within minutes lose by fading must not save them. */
const POINT_TOLERANCE = 0.05;
/** When most users have logged in: this part of the time of learning. */
const FIRST_PART = 1 / 3;

export class Evidence {
  rules: EvidenceRules;
  readonly #keys: Keys;
  readonly #credit: Credit;
  readonly #points: { readonly 4: Points; readonly 6: Points };
  readonly #offenders: { readonly 4: Offenders; readonly 6: Offenders };
  /** Names with a login, and names without: made-up ones never push out a user. */
  readonly #users: WatchedUsers;
  readonly #strangers: WatchedUsers;
  readonly #names: UserNames;
  readonly #guesses: Guesses;
  readonly #rights: RightPasswords;
  readonly #wave = new NameWave();
  readonly #pardons = new Pardons();
  #began: number | undefined;

  constructor(rules: EvidenceRules, seed: number, bounds: EvidenceBounds = {}) {
    this.rules = rules;
    this.#keys = new Keys(seed);
    this.#credit = new Credit(this.#keys, bounds.credits ?? EVIDENCE_CREDITS_MAX);
    const addresses = (bounds.addresses ?? EVIDENCE_ADDRESSES_MAX) / 2;
    const points = () => new Points(addresses, () => this.rules.slowHalfLife);
    this.#points = { 4: points(), 6: points() };
    const prefixes = (bounds.prefixes ?? EVIDENCE_PREFIXES_MAX) / 2;
    this.#offenders = { 4: new Offenders(prefixes), 6: new Offenders(prefixes) };
    const names = (bounds.names ?? EVIDENCE_NAMES_MAX) / 2;
    this.#users = new WatchedUsers(names);
    this.#strangers = new WatchedUsers(names);
    this.#names = new UserNames(this.#keys, this.#users, names);
    this.#guesses = new Guesses(bounds.guesses ?? EVIDENCE_GUESSES_MAX, EVIDENCE_DIGESTS_MAX);
    this.#rights = new RightPasswords(bounds.rights ?? EVIDENCE_RIGHT_USERS_MAX);
  }

  /** Bytes of all tables. */
  get bytes(): number {
    const families = [...Object.values(this.#points), ...Object.values(this.#offenders)];
    const names = [this.#users, this.#strangers, this.#names];
    return [this.#credit, ...names, this.#guesses, this.#rights, ...families].reduce(
      (sum, { bytes }) => sum + bytes,
      0,
    );
  }

  /** How much it knows. Looks at whole tables: not for hot paths. */
  holds(now: EpochMicros): EvidenceHoldings {
    const time = secondsOf(now);
    const since = time - this.rules.credit;
    return {
      addresses: this.#points[4].size + this.#points[6].size,
      users: this.#users.size,
      credits: this.#credit.pairs(since),
      underAttack: this.#users.alarmed('alarmed', time - this.rules.userSpan),
      takeovers: this.#users.alarmed('taken', since),
      bytes: this.bytes,
    };
  }

  /**
   * Notes a login. `isNew`: the same user did not log in from the same network, at the same
   * service, within the last hours. `isPast`: it alarms nobody any more.
   */
  login(
    attempt: Attempt,
    isPast = false,
  ): { readonly isNew: boolean; readonly alarms: readonly Alarm[] } {
    const { user } = attempt;
    if (user === undefined || user === '') return { isNew: false, alarms: [] };
    const time = this.#secondsOf(attempt.time);
    const key = this.#keys.user(user);
    const where = whereOf(this.#keys, attempt);
    const prefixes = [where.target, ...where.prefixes.map(({ key }) => key)];
    const { target, network } = where;
    const names =
      attempt.isOfAnyService === true ? [attempt.service, ANY_SERVICE] : [attempt.service];
    const services = names.map((name) => this.#keys.service(name));
    const place = { target, network, prefixes, services };
    const odd =
      isPast || !this.#isLearnt(time)
        ? undefined
        : oddLogin(this.#parts(time), this.#points[attempt.target.family], {
            user: this.#names.of(user),
            where,
            time,
          });
    const isFirst = !this.#users.hasLogin(key);
    this.#strangers.remove(key);
    this.#names.login(user, key, time);
    const networks = this.#users.login(key, network.low, time);
    const credit = this.#credit;
    this.#names.meet(user, (form) => credit.hasForm(form, network, time - this.rules.credit));
    const who = this.#names.of(user);
    const vouches = credit.isKnown(who, target, network) || this.#users.mayVouch(key, time);
    const lately = time - LOGIN_REPEAT_SECONDS;
    const isNew = vouches && (isFirst || !credit.isTold(who, key, place, lately));
    if (vouches) credit.login(who, key, place, time);
    const short = this.#names.shortOf(user);
    if (short !== undefined) credit.merge(short, target);
    const isMany = this.rules.takeoverNetworks > 0 && networks >= this.rules.takeoverNetworks;
    const alarm: Alarm = isMany
      ? { kind: 'takeover', user, count: networks }
      : { kind: 'takeover', user, count: 0, reason: odd };
    const isAlarm = !isPast && (isMany || odd !== undefined);
    return { isNew, alarms: isAlarm && this.#users.mayAlarm(key, 'taken', time) ? [alarm] : [] };
  }

  /**
   * True when a failure counts as it is: nobody has credit at the target, nor this user near it.
   * Changes nothing.
   */
  isStranger(attempt: Attempt): boolean {
    const { target, network } = whereOf(this.#keys, attempt);
    const since = secondsOf(attempt.time) - this.rules.credit;
    if (this.#credit.others(undefined, target, since) > 0) return false;
    const guess = this.#guessOf(attempt);
    if (guess !== undefined && this.#guesses.isRepeat(guess, attempt.time)) return false;
    if (attempt.user === undefined || attempt.user === '') return true;
    return this.#credit.of(this.#names.of(attempt.user), target, network, since) === undefined;
  }

  /**
   * True when somebody logged in from the prefix lately, or from one around it that logins are
   * remembered by. `lengths`: those that addresses are counted by. Changes nothing.
   */
  vouches(target: Prefix, lengths: Iterable<number>, now: EpochMicros): boolean {
    const since = secondsOf(now) - this.rules.credit;
    for (const prefix of creditPrefixes(target, lengths))
      if (this.#credit.inside(this.#keys.prefix(prefix), since)) return true;
    return false;
  }

  /** What is known of an attempt before its password is looked at. Changes nothing. */
  facts(attempt: Attempt): LoginFacts {
    const points = this.pointsOf(attempt.target, attempt.time);
    const last = this.#points[attempt.target.family].last(this.#keys.prefix(attempt.target));
    const parts = this.#parts(secondsOf(attempt.time));
    return factsOf({ ...parts, points, lastFailure: last ?? 0 }, attempt);
  }

  /** What is asked about an attempt at a time, in seconds. */
  #parts(time: number) {
    return {
      rules: this.rules,
      keys: this.#keys,
      credit: this.#credit,
      users: this.#users,
      strangers: this.#strangers,
      names: this.#names,
      guesses: this.#guesses,
      rights: this.#rights,
      wave: this.#wave,
      isLearnt: this.#isLearnt(time),
    };
  }

  /** Weighs a failure that was tried `count` times. */
  failure(attempt: Attempt, count = 1): FailureMeaning {
    const guess = this.#guessOf(attempt);
    this.attempted(attempt, guess);
    // The ledger keeps no repeats, so nothing else may come of them.
    if (guess !== undefined && this.#guesses.isRepeat(guess, attempt.time))
      return { points: 0, allowance: 1, findings: [], alarms: [], guess: 'repeat' };
    const meaning = this.#weigh(attempt, count, guess);
    if (guess !== undefined) this.#guesses.note(guess, this.#secondsOf(attempt.time));
    return meaning;
  }

  /**
   * Notes an attempt, whatever it weighs: its password was looked at, or it was refused unseen.
   * Ever new passwords say that somebody goes on guessing there.
   */
  attempted(attempt: Attempt, guess = this.#guessOf(attempt)): void {
    if (guess === undefined) return;
    const time = this.#secondsOf(attempt.time);
    if (attempt.isRefused === true) this.#guesses.noteRefused(guess, time);
    else this.#guesses.noteChecked(guess, time);
    if (this.#guesses.isFurther(guess, time, this.#users.hasLogin(guess.user)))
      this.#credit.noteGuess(whereOf(this.#keys, attempt).target, time);
  }

  /** Notes that the password of an attempt was right, as the mail server reports. */
  accepted(attempt: Attempt): void {
    const guess = this.#guessOf(attempt);
    if (guess !== undefined) this.#rights.note(guess, this.#secondsOf(attempt.time));
  }

  #weigh(attempt: Attempt, count: number, guess: Guess | undefined): FailureMeaning {
    const time = this.#secondsOf(attempt.time);
    const { rules } = this;
    const where = whereOf(this.#keys, attempt);
    const points = this.#points[attempt.target.family];
    this.#pardons.apply(points, attempt.address, where.target);
    const user =
      attempt.user === undefined || attempt.user === '' ? undefined : this.#names.of(attempt.user);
    const since = time - rules.credit;
    const others = this.#credit.others(user, where.target, since);
    const allowance = allowanceFor(others);
    const isShared = others >= SHARED_USERS;
    const credit =
      user === undefined ? undefined : this.#credit.of(user, where.target, where.network, since);
    if (user !== undefined && credit === 'address')
      return {
        // Once in a while it counts for the jail's window, never for the points.
        points: points.forgets(where.target, user, time, rules.creditPause) ? 1 : 0,
        allowance,
        findings: [],
        alarms: [],
      };
    // A new lease in the user's network, or somebody who guesses next door: it counts, and weighs
    // nothing.
    if (credit === 'network') return { points: count, allowance, findings: [], alarms: [] };
    const findings: EvidenceFinding[] = [];
    const find = (rule: EvidenceFinding['rule'], target: Prefix, needed?: number) =>
      findings.push({ rule, target, isShared, hasOthers: others > 0, needed });
    const { isOneOfMany, isSameGuess } = this.#guesses.said(attempt, guess, time);
    const parts = this.#parts(time);
    if (isHoneypot(parts, attempt)) find('honeypot', attempt.target);
    const aimed = { attempt, where, time, others, isSameGuess };
    const alarms = user === undefined ? [] : aimedAt(parts, { ...aimed, user }, find);
    const isOnlyGuessed = isShared && isOnlyGuessedAt(parts, attempt, user, where);
    if (
      user !== undefined &&
      isShared &&
      !isOnlyGuessed &&
      findings.length === 0 &&
      !isOneOfMany &&
      this.#credit.isPhone(user, where.target, count, time)
    )
      return { points: 0, allowance, findings, alarms };
    const users = guess === undefined ? 0 : this.#guesses.spread(guess, time);
    const isSpray = attempt.isSpray === true || users >= rules.sprayUsers;
    const isAnother = user !== undefined && points.tries(where.target, user);
    const each = weightOf(parts, attempt, user, { isAnother, isSpray });
    const joins = findings.some(({ rule }) => rule in JOINT_BANS);
    const sum = points.add(where.target, count * each + (joins ? rules.slowPoints : 0), time);
    const isStorm = user !== undefined && each === 1 && count <= STORM_COUNT_MAX && sum.isAtOnce;
    const needed = rules.slowPoints * allowance;
    const most = isStorm || joins ? 0 : sum.points + POINT_TOLERANCE;
    if (most >= needed) find('slow', attempt.target, needed);
    else if (isOnlyGuessed && most >= rules.slowPoints)
      findings.push(closing(attempt.target, rules.slowPoints));
    this.#offend(attempt, where, user, time, find);
    return {
      points: count * each,
      // What a joint ban adds for later is no failure's weight.
      sum: sum.points - (joins ? rules.slowPoints : 0),
      allowance,
      findings,
      alarms,
      ...(isStorm && { isStorm }),
      ...(isSpray && { guess: 'spray' }),
      ...(isOneOfMany && { isOneOfMany }),
      ...(isSameGuess && { isSameGuess }),
    };
  }

  /** The password that was tried, where the line tells its digest; never of a honeypot. */
  #guessOf(attempt: Attempt): Guess | undefined {
    if (attempt.digest === undefined) return undefined;
    if (isHoneypot(this.#parts(secondsOf(attempt.time)), attempt)) return undefined;
    const network = prefixOf(attempt.address, NETWORK[attempt.address.family]);
    return guessOf(this.#keys, this.#names, network, attempt);
  }

  /**
   * Forgets what speaks against a target and all that lies in it, up to a time: an operator lifted
   * its ban.
   */
  forget(target: Prefix, upTo: EpochMicros): void {
    const key = this.#keys.prefix(target);
    this.#points[target.family].remove(key);
    this.#offenders[target.family].forget(key);
    if (!isHost(target)) this.#pardons.add(target, this.#secondsOf(upTo));
  }

  /**
   * How often maxretry of a jail is to be taken for a stranger at the target: see `FailureMeaning`.
   */
  allowanceOf(target: Prefix, at: EpochMicros): number {
    const since = this.#secondsOf(at) - this.rules.credit;
    return allowanceFor(this.#credit.others(undefined, this.#keys.prefix(target), since));
  }

  /** The points of a target at a time; for `explain`. */
  pointsOf(target: Prefix, at: EpochMicros): number {
    return this.#points[target.family].of(this.#keys.prefix(target), this.#secondsOf(at));
  }

  /** Notes an offender in the prefixes around it. */
  #offend(
    { target }: Attempt,
    where: Where,
    user: Key | undefined,
    time: number,
    find: (rule: 'subnet', target: Prefix) => void,
  ): void {
    const { rules } = this;
    if (rules.subnetOffenders === 0) return;
    const offenders = this.#offenders[target.family];
    const offence = { offender: where.target.low, name: user?.low ?? 0, time };
    for (const { prefix, key } of where.prefixes) {
      const { offenders: count, isSeveral } = offenders.add(key, offence, time - rules.subnetSpan);
      if (count < rules.subnetOffenders) continue;
      if (this.#credit.inside(key, time - rules.credit)) continue;
      // A device with an old password that gets one address after the other tries one name.
      const isPlain = isSeveral && count >= EVIDENCE_OFFENDERS_MAX;
      if (!this.#isLearnt(time) && !(isPlain && this.#isLearnt(time, FIRST_PART))) continue;
      find('subnet', prefix);
      offenders.forget(key);
    }
  }

  /**
   * False while too little was seen to say of a name, a network or an address that nobody logs in
   * with it or from it.
   */
  #isLearnt(time: number, part = 1): boolean {
    return this.#began !== undefined && time - this.#began >= this.rules.learning * part;
  }

  #secondsOf(time: EpochMicros): number {
    const seconds = secondsOf(time);
    this.#began = Math.min(this.#began ?? seconds, seconds);
    return seconds;
  }
}
