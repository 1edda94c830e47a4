/**
 * Whether somebody else of an IPv6 prefix has logged in lately. Where that is so, failures are
 * counted by host as well, and the host is banned instead of the prefix.
 */
import { type Address, isHost, type Prefix } from '../core/address.js';
import type { FilterEvent } from '../core/decision.js';
import type { JailPolicy } from '../core/specs.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import type { JailList } from './jail-list.js';
import { Logins } from './logins.js';

export class Neighbours {
  readonly #jails: JailList;
  readonly #logins = new Logins();
  /** For so long a login protects its neighbours: what a restart reads back. */
  #loginMicros = 0;

  constructor(jails: JailList) {
    this.#jails = jails;
  }

  /** Takes new policies: a login protects for the longest findtime of the jails that count. */
  reconfigure(policies: readonly JailPolicy[]): void {
    const counting = policies.filter(({ counts = 'failures' }) => counts === 'failures');
    this.#loginMicros =
      Math.max(0, ...counting.map(({ findtime }) => findtime)) * MICROS_PER_SECOND;
  }

  /** Notes a login for the prefixes that the jails count its address by. */
  noteLogin({ address, time }: FilterEvent): void {
    if (address.family === 4) return;
    const lengths = new Set<number>();
    for (const jail of this.#jails.of()) lengths.add(jail.prefixOf(address).length);
    lengths.delete(128);
    this.#logins.add(address, time, lengths);
  }

  /**
   * True when the target is a prefix in which another address than this one has logged in lately,
   * about `time`.
   */
  hasNeighbour(target: Prefix, address: Address, time: EpochMicros): boolean {
    const span = this.#loginMicros;
    return (
      !isHost(target) && this.#logins.ofAnother(address, target.length, time - span, time + span)
    );
  }
}
