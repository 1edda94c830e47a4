/** One jail by itself: whom it counts together, and what it has counted. */
import {
  type Address,
  covers,
  formatPrefix,
  hostPrefix,
  isHost,
  overlap,
  type Prefix,
  prefixOf,
} from '../core/address.js';
import { ALLOWANCE_MAX, WIDE_FLOORS_MAX } from '../core/limits.js';
import { holderLength, holderLengthOf } from '../core/networks.js';
import type { JailPolicy } from '../core/specs.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import type { EvidenceLog } from './evidence/log.js';
import type { AllowContext } from './judgement.js';
import { keyAround, keyOf, type TargetKey, targetOfKey } from './keys.js';
import { type WindowBounds, type WindowRule, Windows } from './windows.js';

/** One jail: its policy, its windows, its totals, and which prefix it counts an address by. */
export class Jail {
  readonly windows: Windows;
  policy: JailPolicy;
  totalFailed = 0;
  totalIgnored = 0;
  #wideFloors: { readonly target: Prefix; readonly upTo: number }[] = [];

  constructor(policy: JailPolicy, bounds: WindowBounds, log: EvidenceLog) {
    this.policy = policy;
    this.windows = new Windows(ruleOf(policy), bounds, log);
  }

  /**
   * Takes a new policy; windows stay. Returns true when they hold too little for it and must be
   * warmed up anew.
   */
  reconfigure(policy: JailPolicy): boolean {
    const old = this.policy;
    this.policy = policy;
    this.windows.rule = ruleOf(policy);
    return (
      policy.findtime > old.findtime ||
      policy.maxretry > old.maxretry ||
      policy.ipv6prefix !== old.ipv6prefix ||
      namesOf(policy.nat64) !== namesOf(old.nat64) ||
      (policy.counts ?? 'failures') !== (old.counts ?? 'failures')
    );
  }

  /**
   * The prefix that an address is counted and banned by: the host for IPv4, `ipv6prefix` bits for
   * IPv6 (more where so many hold strangers), and the host again when that prefix holds an allowed
   * address, so that no neighbour's failures shut anybody out.
   */
  targetOf(address: Address, allow: AllowContext): Prefix {
    const prefix = this.prefixOf(address);
    if (isHost(prefix)) return prefix;
    return allow.coversAllowed(this.policy.jail, prefix) ? hostPrefix(address) : prefix;
  }

  /** The prefix of one holder that the address lies in, whoever is allowed there. */
  prefixOf(address: Address): Prefix {
    if (address.family === 4 || this.policy.ipv6prefix === 128) return hostPrefix(address);
    return prefixOf(address, holderLength(address, this.policy.ipv6prefix, this.policy.nat64));
  }

  /**
   * True when failures of the target up to this time no longer count. A floor later than `now` was
   * set by a clock that has been put back since. It is dropped; otherwise nothing would be counted
   * until the clock reaches it.
   */
  isSettled(target: Prefix, key: TargetKey, time: number, now: number | undefined): boolean {
    const floor = this.windows.floor(key);
    if (now !== undefined && floor > now) this.windows.resetFloor(key, 0);
    else if (time <= floor) return true;
    return this.#wideFloors.some(
      (wide) =>
        time <= wide.upTo && (now === undefined || wide.upTo <= now) && covers(wide.target, target),
    );
  }

  /**
   * Forgets failures of exactly this target up to a time, and those of the prefix that its address
   * is counted by: where a single address was banned, its failures must not shut out its neighbours
   * too.
   */
  forgetExactly(target: Prefix, upTo: EpochMicros): number {
    let forgotten = 0;
    for (const key of this.#keysOf(target)) forgotten += this.windows.forgetUpTo(key, upTo);
    return forgotten;
  }

  /** Forgets failures of every target that shares an address with this prefix, up to a time. */
  forget(target: Prefix, upTo: EpochMicros): number {
    const keys = this.#keysOf(target);
    if (!isHost(target)) {
      for (const key of this.windows.keys((key) => overlap(targetOfKey(key), target)))
        keys.push(key);
      this.#wideFloors = [...this.#wideFloors.slice(1 - WIDE_FLOORS_MAX), { target, upTo }];
    }
    return keys.reduce((forgotten, key) => forgotten + this.windows.forgetUpTo(key, upTo), 0);
  }

  /**
   * The target's own key, and that of the prefix which its addresses are counted by when that is
   * wider.
   */
  #keysOf(target: Prefix): TargetKey[] {
    // Asked for every ban of the last hour at a start, so no prefix is made.
    const key = keyOf(target);
    const { ipv6prefix, nat64 } = this.policy;
    if (target.family === 4 || ipv6prefix >= target.length) return [key];
    const length = holderLengthOf([key.a, key.b, key.c, key.d], ipv6prefix, nat64);
    return length < target.length ? [keyAround(key, length), key] : [key];
  }
}

/** The prefix that a target is counted by, and the target itself where it is longer. */
export function both(counted: Prefix, target: Prefix): readonly Prefix[] {
  return counted.length < target.length ? [counted, target] : [target];
}

function namesOf(prefixes: readonly Prefix[] = []): string {
  return prefixes.map(formatPrefix).join();
}

function ruleOf(policy: JailPolicy): WindowRule {
  const rule = { maxretry: policy.maxretry, findtimeMicros: policy.findtime * MICROS_PER_SECOND };
  return policy.group === undefined ? rule : { ...rule, allowanceMax: ALLOWANCE_MAX };
}
