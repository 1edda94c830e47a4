import { describe, expect, test } from '@jest/globals';
import { REGEX_STRIKES_MAX } from '../../src/core/limits.js';
import { REGEX_GUARD_MS, REGEX_LINEAR_GUARD_MS } from '../../src/core/timeouts.js';
import { FilterBank } from '../../src/filter/bank.js';
import { NO_MATCH } from '../../src/filter/line-match.js';
import { type Guard, RegexGuard } from '../../src/filter/regex-guard.js';
import type { RegexSlot, RunningRegex } from '../../src/filter/search.js';
import { compiled, entry, jail } from '../support/filters.js';
import { vmGuard } from '../support/guard.js';

const WHOLE = '';
/** Takes longer than anybody can wait in a backtracking executor, for the lines below. */
const SLOW_SHAPES: readonly {
  readonly shape: string;
  readonly regex: string;
  readonly line: string;
}[] = [
  {
    shape: 'loops within loops',
    regex: '^login (?:\\w+,? ?)+;;[^;]*from <HOST>',
    line: `login ${'ab '.repeat(40)}!`,
  },
  {
    shape: 'a choice that overlaps',
    regex: '^login (?:a|ab|b)*; from <HOST>',
    line: `login ${'ab'.repeat(60)}!`,
  },
  {
    shape: 'four loops in a row',
    regex: '^login \\w*\\w*\\w*\\w*; from <HOST>',
    line: `login ${'a'.repeat(3_000)}!`,
  },
  {
    shape: 'blanks at the end',
    regex: '^login (.+?)\\s*\\s*;$|^login x <HOST>',
    line: `login x${' '.repeat(8_000)}!`,
  },
  {
    shape: 'a search from everywhere',
    regex: 'login.*,.*,.*,.*; from <HOST>',
    line: `login ${','.repeat(6_000)}!`,
  },
];

describe('a line that makes an executor throw', () => {
  const slotOf = (filter: ReturnType<typeof compiled>) => filter.slots[0] as RegexSlot;
  const throwing =
    (slot: RegexSlot, engines: readonly string[]) => (n: number, progress: RunningRegex) => {
      progress.running = slot;
      if (n === 1 && engines.includes(slot.regex.engine))
        throw new RangeError('Maximum call stack size exceeded');
      return { ...NO_MATCH, length: n };
    };

  test('is judged by the linear matcher, and the lines after it are judged', () => {
    const slot = slotOf(compiled({ failregex: ['x <HOST>'] }));
    const { matches, demoted } = new RegexGuard(vmGuard).run(3, throwing(slot, ['v8']));
    expect(matches.map((match) => match?.length)).toEqual([0, 1, 2]);
    expect(demoted).toEqual([slot]);
  });

  test('costs that line alone when the linear matcher throws too', () => {
    const slot = slotOf(compiled({ failregex: ['x <HOST>'] }));
    const { matches } = new RegexGuard(vmGuard).run(3, throwing(slot, ['v8', 'linear']));
    expect(matches.map((match) => match?.length)).toEqual([0, undefined, 2]);
  });
});

test('the guard gives a batch, a line, and a line in the linear matcher the times that the bounds say', () => {
  const given: number[] = [];
  const never: Guard = (_, milliseconds) => {
    given.push(milliseconds);
    return false;
  };
  const { matches, timeouts } = new RegexGuard(never).run(2, () => NO_MATCH);
  expect(given).toEqual([
    REGEX_GUARD_MS,
    REGEX_GUARD_MS,
    REGEX_LINEAR_GUARD_MS,
    REGEX_GUARD_MS,
    REGEX_GUARD_MS,
    REGEX_LINEAR_GUARD_MS,
  ]);
  expect([matches, timeouts]).toEqual([[undefined, undefined], 4]);
});

test('slow lines end a run behind the first of them when there is no time for more', () => {
  const slow: Guard = () => false;
  const { matches } = new RegexGuard(slow).run(
    3,
    () => NO_MATCH,
    () => true,
  );
  expect(matches).toEqual([undefined]);
  const fast = new RegexGuard(vmGuard).run(
    3,
    () => NO_MATCH,
    () => true,
  );
  expect(fast.matches).toHaveLength(3);
});

describe('a hostile line', () => {
  test.each(SLOW_SHAPES)(
    '$shape: neighbours lose nothing and the next lines are judged',
    ({ regex, line }) => {
      const bank = new FilterBank(
        [
          jail('slow', WHOLE, { failregex: [regex.replace('^login', 'login')] }),
          jail('other', WHOLE, { failregex: ['login failed from <HOST>'] }),
        ],
        vmGuard,
      );
      const batch = () => [
        entry('login failed from 192.0.2.1'),
        entry(line),
        entry('login failed from 192.0.2.2'),
      ];
      const first = bank.judge(batch());
      const second = bank.judge(batch());
      for (const { events } of [first, second])
        expect(events.map(({ jail: name, address }) => [name, address.text])).toEqual([
          ['other', '192.0.2.1'],
          ['other', '192.0.2.2'],
        ]);
      expect(second.demoted).toEqual([]);
    },
  );

  test('a regex that proves slow is named with jail, number and place, and goes on in the linear matcher', () => {
    // Not seen to be slow before it runs: the choice is hidden in two classes that share one
    // character.
    const regex = 'login [^;]*-[^;]*-[^;]*-[^;]*-[^;]*; from <HOST>';
    const bank = new FilterBank(
      [jail('slow', WHOLE, { failregex: ['never <HOST>', regex] })],
      vmGuard,
    );
    const hit = 'login a-b-c-d-e; from 192.0.2.1';
    const before = bank.judge([entry(hit)]).events;
    const { events, demoted } = bank.judge([
      entry(hit),
      entry(`login ${'-'.repeat(1_200)}`),
      entry(hit),
    ]);
    expect(demoted).toEqual([
      {
        jail: 'slow',
        regex: 'failregex 2',
        place: expect.objectContaining({ file: 'filter.d/slow.conf', line: 11 }),
      },
    ]);
    expect(bank.stats()[0]?.demoted).toEqual(['failregex 2']);
    expect(bank.twin().stats()[0]?.demoted).toEqual(['failregex 2']);
    expect(events.map(({ regex: index, address }) => [index, address.text])).toEqual([
      [before[0]?.regex, before[0]?.address.text],
      [before[0]?.regex, before[0]?.address.text],
    ]);
  });

  test('a stream of them is judged to its end', () => {
    const bank = new FilterBank(
      [
        jail('slow', WHOLE, {
          failregex: ['login [^;]*-[^;]*-[^;]*-[^;]*; from <HOST>', 'login from <HOST>'],
        }),
      ],
      vmGuard,
    );
    const stream = Array.from({ length: 300 }, (_, i) => [
      entry(`login ${'-'.repeat(700)}`),
      entry(`login from 192.0.2.${1 + (i % 250)}`),
    ]).flat();
    const { events } = bank.judge(stream);
    expect(events).toHaveLength(300);
    expect(bank.stats()[0]?.givenUp.count).toBe(0);
  });
});

describe('the guard', () => {
  /** Stops at the calls whose numbers are given, the n-th line within. */
  function stopping(calls: readonly number[], at: number): { guard: Guard; ran: () => number } {
    let call = 0;
    let seen = 0;
    const stop = new Error('stopped');
    const guard: Guard = (run) => {
      call++;
      seen = 0;
      armed = calls.includes(call);
      try {
        run();
        return true;
      } catch (error) {
        if (error !== stop) throw error;
        return false;
      }
    };
    let armed = false;
    const tick = () => {
      if (armed && seen++ === at) throw stop;
    };
    ticker = tick;
    return { guard, ran: () => call };
  }
  let ticker = () => {};

  const slot = (): RegexSlot => {
    const [first] = compiled({ failregex: ['a <HOST>'] }).slots;
    if (first === undefined) throw new Error('no slot');
    return first;
  };

  function run(runner: RegexGuard, count: number, running: RegexSlot) {
    const order: number[] = [];
    const result = runner.run(count, (n, progress: RunningRegex) => {
      progress.running = running;
      ticker();
      order.push(n);
      return NO_MATCH;
    });
    return { ...result, order };
  }

  test('that strikes once because the machine stood still demotes nothing', () => {
    const regex = slot();
    const { guard } = stopping([1], 2);
    const { order, demoted, matches, timeouts } = run(new RegexGuard(guard), 5, regex);
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect(matches).toHaveLength(5);
    expect([demoted, timeouts]).toEqual([[], 1]);
  });

  test('that strikes again on the line alone demotes the regex that ran', () => {
    const regex = slot();
    const { guard } = stopping([1, 2], 0);
    const { order, demoted } = run(new RegexGuard(guard), 3, regex);
    expect(demoted).toEqual([regex]);
    expect(regex.regex.engine).toBe('linear');
    expect(order).toEqual([0, 1, 2]);
  });

  test('that strikes in REGEX_STRIKES_MAX batches in a row demotes, with a clean one between it does not', () => {
    const regex = slot();
    const { guard } = stopping([1, 4, 8, 11, 14], 0);
    const runner = new RegexGuard(guard);
    // Call 1 stops, 2 is the line alone, 3 the rest; 4-6 the second batch; 7 a clean one; then
    // three in a row.
    const demoted = [1, 2, 3, 4, 5, 6].map(() => run(runner, 2, regex).demoted.length);
    expect(REGEX_STRIKES_MAX).toBe(3);
    expect(demoted).toEqual([0, 0, 0, 0, 0, 1]);
  });

  test('that strikes even at the linear matcher gives up that line only', () => {
    const regex = slot();
    regex.regex.demote();
    const { guard } = stopping([1, 2, 3], 0);
    const { matches, order } = run(new RegexGuard(guard), 3, regex);
    expect(matches[0]).toBeUndefined();
    expect(order).toEqual([1, 2]);
  });
});
