/**
 * Hashes for tables of what strangers send. They choose the texts, so the seeds must be secret: who
 * knows them can make texts that meet.
 */

/** 64 bits as two numbers of 32, signed as arrays of Int32 keep them. */
export interface Hash {
  readonly high: number;
  readonly low: number;
}

/** 64 bits of a text. */
export function hashOf(text: string, seedHigh: number, seedLow: number): Hash {
  let high = seedHigh;
  let low = seedLow;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low + code, 0x9e3779b1) ^ (low >>> 15);
  }
  return { high: mixed(high), low: mixed(low) };
}

/** The number with each of its bits spread over all others. */
export function mixed(value: number): number {
  let word = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}
