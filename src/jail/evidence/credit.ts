/** The credit of users: where they logged in from, and at which services. */
import { PHONE_BURST } from '../../core/limits.js';
import { PHONE_PAUSE_SECONDS } from '../../core/timeouts.js';
import { type Key, type Keys, NONE, RecentSet, Table } from './table.js';

/** Users with a login that are remembered of one address. */
const USERS_OF_ADDRESS = 6;
/**
 * Columns of an address behind its users: the one name that may fail there, up to when its failures
 * are used up, and when somebody last guessed there.
 */
const PHONE = {
  name: RecentSet.wordsOf(USERS_OF_ADDRESS),
  usedUpTo: RecentSet.wordsOf(USERS_OF_ADDRESS) + 1,
  guessedAt: RecentSet.wordsOf(USERS_OF_ADDRESS) + 2,
} as const;
const PHONE_COLUMNS = 3;
/** After so long without a failure another name may take the place. */
const PHONE_REST = 86_400;

/** Where a login was, as keys. */
export interface LoginPlace {
  readonly target: Key;
  readonly network: Key;
  /** All that the address lies in, itself included. */
  readonly prefixes: readonly Key[];
  readonly services: readonly Key[];
}

/**
 * Logins and where they came from. A user has credit at an address, and in the network around it:
 * leases change. How many users have credit at an address tells an office from one person.
 */
export class Credit {
  readonly #keys: Keys;
  /** Users of an address. */
  readonly #addresses: Table;
  readonly #users: RecentSet;
  /** User and network together: the last login. */
  readonly #pairs: Table;
  /** Prefixes: the last login of anybody. */
  readonly #prefixes: Table;
  /** User or nobody, network and service together, and services alone: the last login. */
  readonly #services: Table;

  constructor(keys: Keys, max: number) {
    this.#keys = keys;
    this.#addresses = new Table(RecentSet.wordsOf(USERS_OF_ADDRESS) + PHONE_COLUMNS, max, (slot) =>
      this.#users.newest(slot),
    );
    this.#users = new RecentSet(this.#addresses, 0, USERS_OF_ADDRESS);
    this.#pairs = new Table(1, max, (slot) => this.#pairs.get(slot, 0));
    this.#prefixes = new Table(1, max, (slot) => this.#prefixes.get(slot, 0));
    // Most of those who read mail somewhere send it as well.
    this.#services = new Table(1, 2 * max, (slot) => this.#services.get(slot, 0));
  }

  get bytes(): number {
    const tables = [this.#addresses, this.#pairs, this.#prefixes, this.#services];
    return tables.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Notes a login. `form`: the user's name as it was given. */
  login(
    user: Key,
    form: Key,
    { target, network, prefixes, services }: LoginPlace,
    time: number,
  ): void {
    this.#users.add(this.#addresses.obtain(target), user.low, time);
    for (const key of [user, form]) raise(this.#pairs, this.#keys.both(key, network), time);
    for (const prefix of prefixes) raise(this.#prefixes, prefix, time);
    for (const service of services) this.#uses(user, network, service, time);
  }

  /** True when a login of the user from there needs no further room. */
  isKnown(user: Key, address: Key, network: Key): boolean {
    return this.#lastNear(user, network) > 0 && this.#addresses.find(address) !== NONE;
  }

  /** True when somebody logged in with the name, as it was given, from the network since. */
  hasForm(form: Key, network: Key, from: number): boolean {
    return this.#lastNear(form, network) >= Math.max(1, from);
  }

  /** A user of an address turned out to be one that is noted under another key. */
  merge(user: Key, address: Key): void {
    const slot = this.#addresses.find(address);
    if (slot !== NONE) this.#users.remove(slot, user.low);
  }

  /** True when the user logged in at the service from the network from this time on. */
  used(user: Key, network: Key, service: Key, from: number): boolean {
    const key = this.#keys.both(this.#keys.both(user, network), service);
    return timeOf(this.#services, key) >= Math.max(1, from);
  }

  /** True when anybody logged in at the service from the network from this time on. */
  isUsedFrom(network: Key, service: Key, from: number): boolean {
    return timeOf(this.#services, this.#keys.both(network, service)) >= Math.max(1, from);
  }

  /** True when anybody logged in at the service from this time on. */
  isUsed(service: Key, from: number): boolean {
    return timeOf(this.#services, service) >= Math.max(1, from);
  }

  /**
   * Where the user logged in from this time on: from the address itself, or at least from its
   * network.
   */
  of(user: Key, address: Key, network: Key, from: number): 'address' | 'network' | undefined {
    const since = Math.max(1, from);
    if (this.#lastAt(user, address) >= since) return 'address';
    return this.#lastNear(user, network) >= since ? 'network' : undefined;
  }

  /**
   * True when all that a login says was noted from this time on, so that it says nothing new of the
   * first of its services.
   */
  isTold(
    user: Key,
    form: Key,
    { target, network, services: [service] }: LoginPlace,
    from: number,
  ): boolean {
    const since = Math.max(1, from);
    return (
      this.#lastAt(user, target) >= since &&
      this.#lastNear(user, network) >= since &&
      this.#lastNear(form, network) >= since &&
      (service === undefined || this.used(user, network, service, from))
    );
  }

  /** Users other than this one that logged in from the address from this time on. */
  others(user: Key | undefined, address: Key, from: number): number {
    const slot = this.#addresses.find(address);
    return slot === NONE ? 0 : this.#users.count(slot, Math.max(1, from), user?.low);
  }

  /**
   * True when a failure at an address where others log in may be that of a phone with an old
   * password: all are for one name, and not more than `PHONE_BURST` at once or one in
   * `PHONE_PAUSE_SECONDS` for long. Takes them off what is left.
   */
  isPhone(user: Key, address: Key, count: number, time: number): boolean {
    const slot = this.#addresses.find(address);
    if (slot === NONE) return false;
    const isSame = this.#addresses.get(slot, PHONE.name) === user.low;
    const usedUpTo = this.#addresses.get(slot, PHONE.usedUpTo);
    if (!isSame && time < usedUpTo + PHONE_REST) return false;
    const next = Math.max(isSame ? usedUpTo : 0, time) + count * PHONE_PAUSE_SECONDS;
    if (next - time > PHONE_BURST * PHONE_PAUSE_SECONDS) return false;
    this.#addresses.set(slot, PHONE.name, user.low);
    this.#addresses.set(slot, PHONE.usedUpTo, next);
    return true;
  }

  /** Somebody guessed at an address that people log in from. */
  noteGuess(address: Key, time: number): void {
    const slot = this.#addresses.find(address);
    if (slot !== NONE && time > this.#addresses.get(slot, PHONE.guessedAt))
      this.#addresses.set(slot, PHONE.guessedAt, time);
  }

  /**
   * When somebody was last seen to guess at an address that people log in from, whatever it
   * weighed; 0 is never.
   */
  guessedAt(address: Key): number {
    const slot = this.#addresses.find(address);
    return slot === NONE ? 0 : this.#addresses.get(slot, PHONE.guessedAt);
  }

  /** How many users vouch for a network: pairs with a login from this time on. */
  pairs(from: number): number {
    return this.#pairs.count((slot) => this.#pairs.get(slot, 0) >= Math.max(1, from));
  }

  /** True when anybody logged in from the prefix from this time on. */
  inside(prefix: Key, from: number): boolean {
    return timeOf(this.#prefixes, prefix) >= Math.max(1, from);
  }

  /** Notes at which service a login was. */
  #uses(user: Key, network: Key, service: Key, time: number): void {
    raise(this.#services, this.#keys.both(this.#keys.both(user, network), service), time);
    raise(this.#services, this.#keys.both(network, service), time);
    raise(this.#services, service, time);
  }

  /** When the user last logged in from the address; 0 when it is not known. */
  #lastAt(user: Key, address: Key): number {
    const slot = this.#addresses.find(address);
    return slot === NONE ? 0 : this.#users.seen(slot, user.low);
  }

  /** When the user last logged in from the network; 0 when it is not known. */
  #lastNear(user: Key, network: Key): number {
    return timeOf(this.#pairs, this.#keys.both(user, network));
  }
}

/** The time under a key; 0 when there is none. */
function timeOf(table: Table, key: Key): number {
  const slot = table.find(key);
  return slot === NONE ? 0 : table.get(slot, 0);
}

/** Keeps the later of two times under a key. */
function raise(table: Table, key: Key, time: number): void {
  const slot = table.obtain(key);
  if (time > table.get(slot, 0)) table.set(slot, 0, time);
}
