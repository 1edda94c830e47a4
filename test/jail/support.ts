import { type Address, type Prefix, parseAddress, parsePrefix } from '../../src/core/address.js';
import type { FilterEvent } from '../../src/core/decision.js';
import { cursor, mustJailName } from '../../src/core/names.js';
import type { BantimeIncrement, JailPolicy } from '../../src/core/specs.js';
import { type EpochMicros, epochMicros, plus, type Seconds } from '../../src/core/time.js';
import type { JailContext, OpenBan } from '../../src/jail/judgement.js';

export const JAIL = mustJailName('postfix-sasl');
/** A moment to count from. */
const T0 = epochMicros(1_790_000_000_000_000);

/** `seconds` after T0. */
export function at(seconds: number): EpochMicros {
  return plus(T0, seconds);
}

export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

/** maxretry 3, findtime 600 s, bantime 1 h. */
export function policy(changes: Partial<JailPolicy> = {}): JailPolicy {
  return {
    jail: JAIL,
    maxretry: 3,
    findtime: 600 as Seconds,
    bantime: 3_600 as Seconds,
    ipv6prefix: 64,
    forgetOnSuccess: false,
    ...changes,
  };
}

/** Each ban twice as long as the one before, by the bans of the same jail. */
export function increment(changes: Partial<BantimeIncrement> = {}): BantimeIncrement {
  return {
    formula: { kind: 'exponential' },
    factor: 1,
    maxtime: null,
    rndtime: 0 as Seconds,
    overalljails: false,
    ...changes,
  };
}

let entries = 0;

export function failure(
  who: string,
  time: EpochMicros,
  changes: Partial<FilterEvent> = {},
): FilterEvent {
  const text = `c${entries++}`;
  return {
    kind: 'failure',
    jail: JAIL,
    address: address(who),
    count: 1,
    time,
    cursor: cursor(text),
    regex: 0,
    ...changes,
  };
}

/** Nobody is allowed, nobody is banned, unless told otherwise. */
export function context(changes: Partial<JailContext> = {}): JailContext {
  return {
    allowed: () => undefined,
    coversAllowed: () => false,
    openBan: (): OpenBan | undefined => undefined,
    previousBans: () => 0,
    random: () => 0,
    ...changes,
  };
}
