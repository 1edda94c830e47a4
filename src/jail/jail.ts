import { type Address, covers, hostPrefix, isHost, overlap, type Prefix, prefixOf } from '../core/address.js';
import type { JailPolicy } from '../core/specs.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import type { EvidenceLog } from './evidence.js';
import { keyOf, type TargetKey, targetOfKey } from './keys.js';
import type { AllowContext } from './verdict.js';
import { type WindowBounds, type WindowRule, Windows } from './windows.js';

/** Floors of wide prefixes that one jail remembers; operators set them, by hand. */
const WIDE_FLOORS_MAX = 64;

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

  /** Takes a new policy; windows stay. Returns true when they hold too little for it and must be warmed up anew. */
  reconfigure(policy: JailPolicy): boolean {
    const old = this.policy;
    this.policy = policy;
    this.windows.rule = ruleOf(policy);
    return (
      policy.findtime > old.findtime ||
      policy.maxretry > old.maxretry ||
      policy.ipv6prefix !== old.ipv6prefix ||
      (policy.counts ?? 'failures') !== (old.counts ?? 'failures')
    );
  }

  /**
   * The prefix that an address is counted and banned by: the host for IPv4, `ipv6prefix` bits for IPv6, and the host
   * again when that prefix holds an allowed address, so that no neighbour's failures shut anybody out.
   */
  targetOf(address: Address, allow: AllowContext): Prefix {
    if (address.family === 4 || this.policy.ipv6prefix === 128) return hostPrefix(address);
    const prefix = prefixOf(address, this.policy.ipv6prefix);
    return allow.coversAllowed(this.policy.jail, prefix) ? hostPrefix(address) : prefix;
  }

  /**
   * True when failures of the target up to this time count no more. A floor later than `now` was set by a clock that
   * has been put back since: it is dropped, or nobody would be counted until the clock is there again.
   */
  isSettled(target: Prefix, key: TargetKey, time: number, now: number | undefined): boolean {
    const floor = this.windows.floor(key);
    if (now !== undefined && floor > now) this.windows.resetFloor(key, 0);
    else if (time <= floor) return true;
    return this.#wideFloors.some(
      (wide) => time <= wide.upTo && (now === undefined || wide.upTo <= now) && covers(wide.target, target),
    );
  }

  /** Forgets failures of exactly this target up to a time. */
  forgetExactly(target: Prefix, upTo: EpochMicros): number {
    return this.windows.forgetUpTo(keyOf(target), upTo);
  }

  /** Forgets failures of every target that shares an address with this prefix, up to a time. */
  forget(target: Prefix, upTo: EpochMicros): number {
    const { ipv6prefix } = this.policy;
    const counted: Prefix =
      target.family === 6 && target.length > ipv6prefix ? prefixOf(baseOf(target), ipv6prefix) : target;
    const own = target.family === 6 && counted.length === ipv6prefix;
    const keys: TargetKey[] = isHost(target) || own ? [keyOf(counted), keyOf(target)] : [];
    if (!isHost(target)) {
      for (const key of this.windows.keys((key) => overlap(targetOfKey(key), target))) keys.push(key);
      this.#wideFloors = [...this.#wideFloors.slice(1 - WIDE_FLOORS_MAX), { target, upTo }];
    }
    return keys.reduce((forgotten, key) => forgotten + this.windows.forgetUpTo(key, upTo), 0);
  }
}

function ruleOf(policy: JailPolicy): WindowRule {
  return { maxretry: policy.maxretry, findtimeMicros: policy.findtime * MICROS_PER_SECOND };
}

function baseOf(prefix: Prefix): Address {
  return { family: prefix.family, text: prefix.base } as Address;
}
