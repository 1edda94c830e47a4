import type { Prefix } from '../../core/address.js';

/**
 * 64 bits that stand for an address, a prefix or a user. The seed is secret: strangers choose addresses and names, and
 * must not be able to choose two that share a place.
 */
export interface Key {
  readonly high: number;
  readonly low: number;
}

/** Makes keys; two of one seed make the same ones. */
export class Keys {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
  }

  /** The key of a prefix of this length; a host is a prefix too. */
  prefix({ base, length }: Prefix): Key {
    return this.#of(base, length);
  }

  /** The key of a user name, as the attacker wrote it: case and blanks around it make no other user. */
  user(name: string): Key {
    return this.#of(name.trim().toLowerCase(), 255);
  }

  /** The key of two things together. */
  both(a: Key, b: Key): Key {
    return {
      high: mixed(Math.imul(a.high, 0x9e3779b1) ^ b.high),
      low: mixed(Math.imul(a.low, 0x85ebca77) ^ b.low) || 1,
    };
  }

  #of(text: string, kind: number): Key {
    let high = this.#seed ^ kind;
    let low = ~this.#seed ^ Math.imul(kind, 0x27d4eb2f);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      high = Math.imul(high ^ code, 0x01000193);
      low = Math.imul(low + code, 0x9e3779b1) ^ (low >>> 15);
    }
    // Zero marks an empty place of a table.
    return { high: mixed(high), low: mixed(low) || 1 };
  }
}

function mixed(value: number): number {
  let word = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
