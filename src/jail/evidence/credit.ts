import { PHONE_BURST, PHONE_PAUSE_SECONDS } from '../../core/limits.js';
import type { Key, Keys } from './keys.js';
import { RecentSet } from './recent.js';
import { NONE, Table } from './table.js';

/** Users with a login that are remembered of one address. */
const USERS_OF_ADDRESS = 6;
/** Columns of an address behind its users: the one name that may fail there, and up to when its failures are used up. */
const PHONE = { name: RecentSet.wordsOf(USERS_OF_ADDRESS), usedUpTo: RecentSet.wordsOf(USERS_OF_ADDRESS) + 1 } as const;
const PHONE_COLUMNS = 2;
/** After so long without a failure another name may take the place. */
const PHONE_REST = 86_400;

/**
 * Who logged in from where. A user has credit at an address, and in the network around it: leases change. How many
 * users have credit at an address tells an office from one person.
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

  constructor(keys: Keys, max: number) {
    this.#keys = keys;
    this.#addresses = new Table(RecentSet.wordsOf(USERS_OF_ADDRESS) + PHONE_COLUMNS, max, (slot) =>
      this.#users.newest(slot),
    );
    this.#users = new RecentSet(this.#addresses, 0, USERS_OF_ADDRESS);
    this.#pairs = new Table(1, max, (slot) => this.#pairs.get(slot, 0));
    this.#prefixes = new Table(1, max, (slot) => this.#prefixes.get(slot, 0));
  }

  get bytes(): number {
    return this.#addresses.bytes + this.#pairs.bytes + this.#prefixes.bytes;
  }

  /** Notes a login. `prefixes`: all that the address lies in, itself included. */
  login(user: Key, address: Key, network: Key, prefixes: readonly Key[], time: number): void {
    this.#users.add(this.#addresses.obtain(address), user.low, time);
    raise(this.#pairs, this.#keys.both(user, network), time);
    for (const prefix of prefixes) raise(this.#prefixes, prefix, time);
  }

  /** Where the user logged in from this time on: from the address itself, or at least from its network. */
  of(user: Key, address: Key, network: Key, from: number): 'address' | 'network' | undefined {
    const since = Math.max(1, from);
    if (this.#lastAt(user, address) >= since) return 'address';
    return this.#lastNear(user, network) >= since ? 'network' : undefined;
  }

  /** True when the user logged in from the address itself and from its network from this time on. */
  hasBoth(user: Key, address: Key, network: Key, from: number): boolean {
    const since = Math.max(1, from);
    return this.#lastAt(user, address) >= since && this.#lastNear(user, network) >= since;
  }

  /** Users other than this one that logged in from the address from this time on. */
  others(user: Key | undefined, address: Key, from: number): number {
    const slot = this.#addresses.find(address);
    return slot === NONE ? 0 : this.#users.count(slot, Math.max(1, from), user?.low);
  }

  /**
   * True when a failure at an address where others log in may be that of a phone with an old password: all are for one
   * name, and not more than `PHONE_BURST` at once or one in `PHONE_PAUSE_SECONDS` for long. Takes them off what is left.
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

  /** True when anybody logged in from the prefix from this time on. */
  inside(prefix: Key, from: number): boolean {
    return timeOf(this.#prefixes, prefix) >= Math.max(1, from);
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
