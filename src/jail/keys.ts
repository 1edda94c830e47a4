import { fromBits, type Prefix, prefixOf } from '../core/address.js';

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
  const groups = groups6(target.base);
  const word = (i: number) => (((groups[i] ?? 0) << 16) | (groups[i + 1] ?? 0)) >>> 0;
  return { a: word(0), b: word(2), c: word(4), d: word(6), kind: KIND6 + target.length };
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

/** The eight groups of canonical IPv6 text, without big numbers. */
function groups6(text: string): number[] {
  const groups: number[] = [];
  let gap = -1;
  let group = -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 58) {
      if (group >= 0) groups.push(group);
      else gap = groups.length;
      group = -1;
    } else group = (group < 0 ? 0 : group << 4) | (code <= 57 ? code - 48 : code - 87);
  }
  if (group >= 0) groups.push(group);
  if (gap >= 0) groups.splice(gap, 0, ...Array<number>(8 - groups.length).fill(0));
  return groups;
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
