import { describe, expect, test } from '@jest/globals';
import { makeCast } from './cast.js';
import { type Deeds, mustBan, mustNotBan, type Truth } from './session.js';

function deeds(
  failures: Partial<Record<'smtp' | 'imap' | 'ssh', number>>,
  unclear: string[] = [],
): Deeds {
  return {
    role: 'sample',
    failures: new Map(Object.entries(failures) as ['smtp', number][]),
    unclear,
    successes: 0,
  };
}

describe('the truth of a session', () => {
  const truth: Truth = new Map([
    ['192.0.2.1', deeds({ smtp: 3 })],
    ['192.0.2.2', deeds({ smtp: 2, imap: 1 })],
    ['192.0.2.3', deeds({ ssh: 2 })],
    ['192.0.2.4', deeds({ ssh: 2 }, ['cut'])],
    ['192.0.2.5', deeds({})],
  ]);
  const cast = { players: [], victims: ['192.0.2.210'] };

  test('demands a ban for enough failures at one service, and forbids it for too few at all of them', () => {
    expect(mustBan(truth, 3)).toEqual(['192.0.2.1']);
    expect(mustNotBan(truth, cast, 3)).toEqual(['192.0.2.3', '192.0.2.5', '192.0.2.210']);
    expect(mustBan(truth, 4)).toEqual([]);
  });
});

describe('a cast', () => {
  test('is the same for the same seed and another for another', () => {
    expect(makeCast(7, 2)).toEqual(makeCast(7, 2));
    const addresses = (seed: number) =>
      new Set(makeCast(seed, 2).players.map(({ address }) => address));
    expect([...addresses(7)].filter((address) => addresses(8).has(address)).length).toBeLessThan(
      10,
    );
  });

  test('gives every player an address of their own, and nobody that of a victim', () => {
    for (let seed = 0; seed < 50; seed++) {
      const { players, victims } = makeCast(seed, 3);
      const addresses = players.map(({ address }) => address);
      expect(new Set(addresses).size).toBe(addresses.length);
      expect(addresses.filter((address) => address === '' || victims.includes(address))).toEqual(
        [],
      );
    }
  });
});
