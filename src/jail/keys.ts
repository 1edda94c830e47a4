import { fromBits, type Prefix, prefixOf, wordsOf6 } from '../core/address.js';

/** A target as five numbers, so that tables of targets need no objects: its first address, and family with length. */
export interface TargetKey {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  /** IPv4: 1 + length; IPv6: 64 + length. Never 0. */
  readonly kind: number;
}

const KIND4 = 1;
const KIND6 = 64;

/** The key of a target. */
export function keyOf(target: Prefix): TargetKey {
  if (target.family === 4) return { a: 0, b: 0, c: 0, d: word4(target.base), kind: KIND4 + target.length };
  const [a, b, c, d] = wordsOf6(target.base);
  return { a, b, c, d, kind: KIND6 + target.length };
}

/** True for a target of IPv6. */
export function isSix({ kind }: TargetKey): boolean {
  return kind >= KIND6;
}

/** The target of a key. */
export function targetOfKey({ a, b, c, d, kind }: TargetKey): Prefix {
  if (kind < KIND6) return prefixOf(fromBits(4, BigInt(d)), kind - KIND4);
  const bits = (BigInt(a) << 96n) | (BigInt(b) << 64n) | (BigInt(c) << 32n) | BigInt(d);
  return prefixOf(fromBits(6, bits, false), kind - KIND6);
}

/** Dotted quad to a number. */
function word4(text: string): number {
  let word = 0;
  let part = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      word = (word << 8) | part;
      part = 0;
    } else part = part * 10 + code - 48;
  }
  return ((word << 8) | part) >>> 0;
}

/** Where a search for the key begins. `seed` is secret: strangers choose their addresses, and must not choose collisions. */
export function hashOf({ a, b, c, d, kind }: TargetKey, seed: number): number {
  let hash = seed ^ kind;
  for (const word of [a, b, c, d]) {
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}
