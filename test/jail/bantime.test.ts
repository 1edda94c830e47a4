import { describe, expect, test } from '@jest/globals';
import { mustJailName } from '../../src/core/names.js';
import type { BantimeIncrement } from '../../src/core/specs.js';
import type { Seconds } from '../../src/core/time.js';
import {
  BAN_SECONDS_MAX,
  SHARED_BAN_SECONDS_MAX,
  SHARED_SLOW_BAN_SECONDS_MAX,
  STORM_BAN_PART,
  STORM_BAN_SECONDS_MAX,
  STORM_BAN_SECONDS_MIN,
} from '../../src/core/timeouts.js';
import {
  banSeconds,
  endOf,
  sharedSeconds,
  shortestBan,
  stormSeconds,
  worthExtending,
} from '../../src/jail/bantime.js';
import { at, increment, policy } from './support.js';

const seconds = (value: number) => value as Seconds;
const never = () => {
  throw new Error('chance was asked');
};

function lengths(
  changes: Partial<BantimeIncrement>,
  bans: readonly number[],
  random = () => 0,
): (number | null)[] {
  const jail = policy({ bantime: seconds(600), increment: increment(changes) });
  return bans.map((previous) => banSeconds(jail, previous, random));
}

describe('how long a ban lasts', () => {
  test('bantime, every time, without bantime.increment', () => {
    expect([0, 1, 9].map((previous) => banSeconds(policy(), previous, never))).toEqual([
      3_600, 3_600, 3_600,
    ]);
  });

  test('for good with bantime -1, whatever else is set', () => {
    expect(banSeconds(policy({ bantime: null, increment: increment() }), 5, never)).toBeNull();
  });

  test('doubles with every earlier ban, twenty times at most', () => {
    expect(lengths({}, [0, 1, 2, 3])).toEqual([600, 1_200, 2_400, 4_800]);
    expect(lengths({}, [20, 21])).toEqual([600 * 2 ** 20, 600 * 2 ** 20]);
  });

  test('the factor applies from the second ban on and never makes a ban shorter than bantime', () => {
    expect(lengths({ factor: 3 }, [0, 1])).toEqual([600, 3_600]);
    expect(lengths({ factor: 0.1 }, [1, 5])).toEqual([600, 1_920]);
  });

  test('multipliers are counted from the first ban, which they do not change; the last one repeats', () => {
    const formula = { kind: 'multipliers', list: [1, 5, 30, 60] } as const;
    expect(lengths({ formula }, [0, 1, 2, 3, 4, 50])).toEqual([
      600, 3_000, 18_000, 36_000, 36_000, 36_000,
    ]);
  });

  test('maxtime is the longest, rndtime comes on top of it, not on a first ban', () => {
    expect(
      lengths({ maxtime: seconds(1_000), rndtime: seconds(100) }, [0, 1, 2], () => 0.5),
    ).toEqual([600, 1_050, 1_050]);
  });

  test('no temporary ban is longer than the bound', () => {
    const long = policy({ bantime: seconds(BAN_SECONDS_MAX + 1) });
    expect(banSeconds(long, 0, never)).toBe(BAN_SECONDS_MAX);
    expect(banSeconds({ ...long, bantime: seconds(BAN_SECONDS_MAX) }, 0, never)).toBe(
      BAN_SECONDS_MAX,
    );
    expect(lengths({ factor: 1e9 }, [20])).toEqual([BAN_SECONDS_MAX]);
  });

  test('ends that long after the decision', () => {
    expect(endOf(at(0), 1.5)).toBe(at(1.5));
    expect(endOf(at(0), null)).toBeNull();
  });
});

describe('an extension is worth a decision', () => {
  test('when it wins a tenth of the ban, and not before', () => {
    expect(worthExtending(at(600), at(660), 600)).toBe(true);
    expect(worthExtending(at(600), at(659.999999), 600)).toBe(false);
  });

  test('when it wins a second, for the shortest bans', () => {
    expect(worthExtending(at(5), at(5.9), 5)).toBe(false);
    expect(worthExtending(at(5), at(6), 5)).toBe(true);
  });

  test('when it makes a temporary ban permanent, never the other way round', () => {
    expect(worthExtending(at(5), null, null)).toBe(true);
    expect(worthExtending(null, at(6), 5)).toBe(false);
    expect(worthExtending(null, null, null)).toBe(false);
  });
});

test('the shortest ban is never longer than any that is given', () => {
  const formulas: readonly BantimeIncrement['formula'][] = [
    { kind: 'exponential' },
    { kind: 'multipliers', list: [1, 0.1, 5] },
    { kind: 'multipliers', list: [2] },
  ];
  for (const formula of formulas)
    for (const factor of [0.25, 1, 3])
      for (const maxtime of [null, seconds(90), seconds(7_200)]) {
        const jail = policy({
          bantime: seconds(600),
          increment: increment({ formula, factor, maxtime }),
        });
        const all = [0, 1, 2, 3, 50].map(
          (previous) => banSeconds(jail, previous, () => 0) ?? Number.POSITIVE_INFINITY,
        );
        expect(shortestBan(jail)).toBeLessThanOrEqual(Math.min(...all));
      }
  expect(shortestBan(policy({ bantime: seconds(600) }))).toBe(600);
  expect(shortestBan(policy({ bantime: null }))).toBe(Number.POSITIVE_INFINITY);
  const group = mustJailName('login');
  for (const bantime of [null, seconds(60), seconds(86_400)])
    for (const mild of [stormSeconds(bantime), sharedSeconds(bantime, 'slow')])
      expect(shortestBan(policy({ bantime, group }))).toBeLessThanOrEqual(mild);
});

test('a ban for a storm is a twelfth of the usual one, no shorter than five minutes and no longer than an hour', () => {
  const least = STORM_BAN_SECONDS_MIN * STORM_BAN_PART;
  const most = STORM_BAN_SECONDS_MAX * STORM_BAN_PART;
  const lengths = [null, 60, 300, least, least + 12, 7_200, most, most + 1, 604_800];
  expect(lengths.map(stormSeconds)).toEqual([3_600, 60, 300, 300, 301, 600, 3_600, 3_600, 3_600]);
});

test('a ban of an address that several users log in from lasts an hour at most, and minutes for what is slow', () => {
  const most = [SHARED_BAN_SECONDS_MAX, SHARED_SLOW_BAN_SECONDS_MAX];
  for (const usual of [null, 60, ...most.flatMap((s) => [s, s + 1])]) {
    const seconds = [sharedSeconds(usual, 'fast'), sharedSeconds(usual, 'slow')];
    expect(seconds).toEqual(most.map((s) => Math.min(s, usual ?? s)));
  }
});
