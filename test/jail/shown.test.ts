/** What `explain` shows of a jail that weighs is what it counted, and what it would take. */
import { describe, expect, test } from '@jest/globals';
import type { FilterEvent } from '../../src/core/decision.js';
import { mustJailName } from '../../src/core/names.js';
import type { EpochMicros, Seconds } from '../../src/core/time.js';
import { Jails } from '../../src/jail/jails.js';
import { at, context, failure, JAIL, policy, prefix } from './support.js';

const LOGIN = mustJailName('login');
const DAY = 86_400;
const POLICIES = [
  policy({ group: LOGIN }),
  policy({
    ...{ jail: LOGIN, counts: 'evidence', maxretry: 5 },
    ...{ findtime: (7 * DAY) as Seconds, bantime: DAY as Seconds },
  }),
];
const success = (who: string, time: EpochMicros, user: string): FilterEvent => ({
  ...failure(who, time, { user }),
  kind: 'success',
});
const isWeighed = ({ jail }: { readonly jail: string }) => jail === LOGIN;

describe('explain', () => {
  test('what weighs nothing is shown to: a user in his own network, and at his own address', () => {
    const jails = new Jails(POLICIES);
    jails.step(success('192.0.2.1', at(0), 'anna'), at(0), context());
    for (const [i, who] of ['192.0.2.7', '192.0.2.1'].entries()) {
      jails.step(failure(who, at(i + 1), { user: 'anna', count: 2 }), at(i + 1), context());
      const [window] = jails.explain(prefix(who), at(i + 1)).filter(isWeighed);
      expect(window).toMatchObject({ points: 0, weights: [0], counts: [2] });
    }
  });

  test('points are shown for as long as they count, which is longer than findtime', () => {
    const jails = new Jails(POLICIES);
    const who = '198.51.100.7';
    jails.step(failure(who, at(0), { user: 'nobody', cause: 'unknown-user' }), at(0), context());
    const points = (day: number) =>
      jails.explain(prefix(who), at(day * DAY)).find(isWeighed)?.points;
    for (const [day, left] of [
      [6, 1.1],
      [8, 0.9],
      [20, 0.28],
    ] as const)
      expect(points(day)).toBeCloseTo(left, 1);
    expect(points(22)).toBeUndefined();
  });

  test('says what bans a stranger where others log in: by failures, by points, in each jail', () => {
    const jails = new Jails(POLICIES);
    const who = '198.51.100.7';
    const needed = (time: number) =>
      jails.explain(prefix(who), at(time)).map((one) => [one.jail, one.maxretry, one.needed]);
    jails.step(failure(who, at(0), { user: 'eve' }), at(0), context());
    expect(needed(1)).toEqual([
      [JAIL, 3, 3],
      [LOGIN, 5, 5],
    ]);
    for (const user of ['anna', 'berta']) jails.step(success(who, at(2), user), at(2), context());
    jails.step(failure(who, at(3), { user: 'eve' }), at(3), context());
    expect(needed(4)).toEqual([
      [JAIL, 3, 9],
      [LOGIN, 5, 15],
    ]);
    const names = Array.from({ length: 12 }, (_, i) => `name ${i}`);
    const decisions = names.flatMap(
      (user, i) => jails.step(failure(who, at(4 + i), { user }), at(4 + i), context()).decisions,
    );
    for (const { jail, failures, needed: took } of decisions.filter(({ jail }) => jail === JAIL))
      expect([jail, failures, took]).toEqual([JAIL, 9, 9]);
    expect(decisions.map(({ jail, needed: took }) => [jail, took])).toContainEqual([JAIL, 9]);
  });

  test('a ban by points says how many it took, one by all services together how many failures', () => {
    const jails = new Jails(POLICIES);
    const slow = [0, 1, 2, 3].flatMap((day) => {
      const event = failure('198.51.100.7', at(day * DAY), { user: `user ${day}` });
      return jails.step(event, at(day * DAY), context()).decisions;
    });
    expect(slow.map(({ rule, needed }) => [rule, needed])).toEqual([['slow', 5]]);
  });
});
