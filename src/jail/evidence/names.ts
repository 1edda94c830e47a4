/**
 * Which user a name stands for. Mail programs send `anna` or `anna@example.org` for one mailbox,
 * and many servers take both.
 */
import { foldedUser, localPart, localParts } from '../../core/names.js';
import { type Key, type Keys, NONE, Table } from './table.js';
import type { WatchedUsers } from './users.js';

/**
 * Columns of a name without a domain: the key of the one user who logs in with it before a domain,
 * when somebody last did, and whether somebody logged in with both from one network.
 */
const FULL = { high: 0, low: 1, at: 2, isBoth: 3, width: 4 } as const;
/** In the place of a key: there are several such users. No key has 0 there. */
const SEVERAL = 0;

/** The names that people log in with, with and without their domains. */
export class UserNames {
  readonly #keys: Keys;
  readonly #users: WatchedUsers;
  readonly #full: Table;

  /** `users`: the names with a login. `max`: names without a domain that are remembered. */
  constructor(keys: Keys, users: WatchedUsers, max: number) {
    this.#keys = keys;
    this.#users = users;
    this.#full = new Table(FULL.width, max, (slot) => this.#full.get(slot, FULL.at));
  }

  get bytes(): number {
    return this.#full.bytes;
  }

  /** Notes that somebody logged in with the name, which has this key. */
  login(name: string, { high, low }: Key, time: number): void {
    const local = localPart(name);
    if (local === undefined) return;
    const key = this.#keys.user(local);
    const isFirst = this.#full.find(key) === NONE;
    const slot = this.#full.obtain(key);
    if (isFirst) {
      this.#full.set(slot, FULL.high, high);
      this.#full.set(slot, FULL.low, low);
    } else if (this.#full.get(slot, FULL.high) !== high || this.#full.get(slot, FULL.low) !== low)
      this.#full.set(slot, FULL.low, SEVERAL);
    if (time > this.#full.get(slot, FULL.at)) this.#full.set(slot, FULL.at, time);
  }

  /**
   * Notes the login also for the other form of the name, with a domain or without, where somebody
   * logged in with that one from the same network: then both are one mailbox. Anybody who has a
   * domain here may give a name in it to himself.
   */
  meet(name: string, isThere: (form: Key) => boolean): void {
    const local = localPart(name);
    const short = this.#keys.user(local ?? name);
    const other = local === undefined ? this.#fullOf(short) : short;
    if (other === undefined || !isThere(other)) return;
    this.#full.set(this.#full.find(short), FULL.isBoth, 1);
  }

  /**
   * The user that a name stands for. Without a domain: who logs in with it and a domain, where that
   * is one user, and nobody logs in without, or both did from one network; else the name itself.
   * With a domain: who logs in so, else who logs in without it, whatever stands for a domain there.
   */
  of(name: string): Key {
    const key = this.#keys.user(name);
    if (localPart(name) === undefined) {
      const full = this.#fullOf(key);
      if (full === undefined || !this.#users.hasLogin(full)) return key;
      const isOne = this.#full.get(this.#full.find(key), FULL.isBoth) === 1;
      return isOne || !this.#users.hasLogin(key) ? full : key;
    }
    if (this.#users.hasLogin(key)) return key;
    for (const part of localParts(name))
      if (this.#users.hasLogin(this.#keys.user(part))) return this.of(part);
    return key;
  }

  /** The key of a name without its domain, where both stand for one user; else undefined. */
  shortOf(name: string): Key | undefined {
    const local = localPart(name);
    if (local === undefined) return undefined;
    const [{ high, low }, user] = [this.#keys.user(name), this.of(local)];
    return user.high === high && user.low === low ? this.#keys.user(local) : undefined;
  }

  /** Somebody logs in with the name, or with it before a domain: such a name is never dead. */
  isUser(key: Key): boolean {
    return this.#users.hasLogin(key) || this.#full.find(key) !== NONE;
  }

  /**
   * True for a name of `honeypot`. One without a domain stands for itself in any, unless somebody
   * logs in so. `mayBeUser`: too little is known to say that nobody does.
   */
  isHoneypot(honeypot: ReadonlySet<string>, name: string, mayBeUser: () => boolean): boolean {
    if (honeypot.size === 0) return false;
    if (honeypot.has(foldedUser(name))) return true;
    const local = localPart(name);
    if (local === undefined || !honeypot.has(local)) return false;
    return !this.#users.hasLogin(this.#keys.user(name)) && !mayBeUser();
  }

  #fullOf(key: Key): Key | undefined {
    const slot = this.#full.find(key);
    if (slot === NONE || this.#full.get(slot, FULL.low) === SEVERAL) return undefined;
    return { high: this.#full.get(slot, FULL.high), low: this.#full.get(slot, FULL.low) };
  }
}
