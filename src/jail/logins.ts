/**
 * Who has logged in, so that an IPv6 prefix with an honest user in it is not banned for another.
 */
import { type Address, formatPrefix, prefixOf } from '../core/address.js';
import { LOGIN_PREFIXES_MAX } from '../core/limits.js';

interface Login {
  readonly address: string;
  readonly time: number;
}

/**
 * Addresses of logins: of each IPv6 prefix the two addresses with the newest logins. A prefix
 * with a login of one address is not banned for the failures of another. The prefix whose login is
 * the oldest is forgotten first.
 */
export class Logins {
  readonly #prefixes = new Map<string, readonly Login[]>();
  readonly #max: number;

  constructor(max = LOGIN_PREFIXES_MAX) {
    this.#max = max;
  }

  /** Prefixes that are remembered. */
  get size(): number {
    return this.#prefixes.size;
  }

  /** Notes a login for prefixes of these lengths. */
  add(address: Address, time: number, lengths: Iterable<number>): void {
    if (address.family === 4) return;
    for (const length of lengths) {
      const key = formatPrefix(prefixOf(address, length));
      const before = this.#prefixes.get(key) ?? [];
      const own = before.find((login) => login.address === address.text);
      const newest = { address: address.text, time: Math.max(time, own?.time ?? 0) };
      const others = before.filter((login) => login !== own);
      this.#prefixes.delete(key);
      this.#prefixes.set(key, [newest, ...others].sort((a, b) => b.time - a.time).slice(0, 2));
      if (this.#prefixes.size > this.#max)
        this.#prefixes.delete(this.#prefixes.keys().next().value as string);
    }
  }

  /**
   * True when the prefix of this length had a login of another address than this one between the
   * two moments.
   */
  ofAnother(address: Address, length: number, from: number, to: number): boolean {
    if (this.#prefixes.size === 0) return false;
    const logins = this.#prefixes.get(formatPrefix(prefixOf(address, length))) ?? [];
    return logins.some(
      (login) => login.address !== address.text && login.time >= from && login.time <= to,
    );
  }
}
