import { describe, expect, test } from '@jest/globals';
import { TALLY_TELLINGS_MAX, TALLY_TELLINGS_PROOFS } from '../../src/core/limits.js';
import { Tellings } from '../../src/filter/tally-table.js';

/** So many addresses each show a connection of two attempts and these lines. */
function taught(addresses: number, lines: number, tellings = new Tellings()): Tellings {
  for (let i = 0; i < addresses; i++) tellings.learn(`192.0.2.${i}`, 2, lines);
  return tellings;
}

describe('how often a witness tells of an attempt', () => {
  test('is believed when so many addresses agree, and not one fewer', () => {
    expect(taught(TALLY_TELLINGS_PROOFS - 1, 4).times).toBe(1);
    expect(taught(TALLY_TELLINGS_PROOFS, 4).times).toBe(2);
  });

  test('is not proven by one address however often it shows it', () => {
    const tellings = new Tellings();
    for (let i = 0; i < 10; i++) tellings.learn('192.0.2.1', 2, 4);
    expect(tellings.times).toBe(1);
  });

  test('is refuted by one connection with as many lines as attempts', () => {
    const tellings = taught(TALLY_TELLINGS_PROOFS, 4);
    tellings.learn('192.0.2.99', 3, 3);
    expect(tellings.times).toBe(1);
    expect(taught(TALLY_TELLINGS_PROOFS - 1, 4, tellings).times).toBe(1);
  });

  test('is at most so many times, and whole', () => {
    expect(taught(TALLY_TELLINGS_PROOFS, 2 * TALLY_TELLINGS_MAX).times).toBe(TALLY_TELLINGS_MAX);
    expect(taught(TALLY_TELLINGS_PROOFS, 2 * (TALLY_TELLINGS_MAX + 1)).times).toBe(1);
    expect(taught(TALLY_TELLINGS_PROOFS, 3).times).toBe(1);
    expect(taught(TALLY_TELLINGS_PROOFS, 0).times).toBe(1);
  });
});
