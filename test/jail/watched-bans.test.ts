/** Jails with `enabled = watch`: they decide as they would, and touch nothing. */
import { describe, expect, test } from '@jest/globals';
import { formatPrefix } from '../../src/core/address.js';
import type { BanDecision, FilterEvent } from '../../src/core/decision.js';
import { WATCHED_BANS_MAX } from '../../src/core/limits.js';
import { mustJailName } from '../../src/core/names.js';
import type { JailPolicy } from '../../src/core/specs.js';
import type { EpochMicros, Seconds } from '../../src/core/time.js';
import { Jails } from '../../src/jail/jails.js';
import { WatchedBans } from '../../src/jail/watched-bans.js';
import { at, context, failure, increment, JAIL, policy, prefix } from './support.js';

const WHO = '198.51.100.7';
const DAY = 86_400 as Seconds;

function told(
  jails: Jails,
  seconds: readonly number[],
  changes: Parameters<typeof context>[0] = {},
) {
  return seconds.flatMap((second) => {
    const { decisions, wouldBan } = jails.step(
      failure(WHO, at(second)),
      at(second),
      context(changes),
    );
    const names = (of: readonly BanDecision[], word: string) =>
      of.map(({ jail, target }) => `${second} ${word} ${jail} ${formatPrefix(target)}`);
    return [...names(decisions, 'ban'), ...names(wouldBan, 'would ban')];
  });
}

describe('a jail that only watches', () => {
  test('decides nothing for the ledger, and says what it would have banned', () => {
    const jails = new Jails([policy({ watch: true })]);
    expect(told(jails, [0, 1, 2])).toEqual([`2 would ban ${JAIL} ${WHO}`]);
    expect(jails.stats(JAIL, at(3))?.watched).toEqual({ current: 1, total: 1 });
    expect(jails.stats(JAIL, at(3_700))?.watched).toEqual({ current: 0, total: 1 });
  });

  test('says it once for as long as the ban would last, and again when it would be over', () => {
    const jails = new Jails([policy({ watch: true, bantime: 100 as Seconds })]);
    const seconds = [0, 1, 2, 3, 4, 5, 200, 201, 202];
    expect(told(jails, seconds)).toEqual([
      `2 would ban ${JAIL} ${WHO}`,
      `202 would ban ${JAIL} ${WHO}`,
    ]);
  });

  test('bans that would grow do so', () => {
    const jails = new Jails([
      policy({ watch: true, bantime: 100 as Seconds, increment: increment() }),
    ]);
    const ends = [0, 1000].map((begin) =>
      [0, 1, 2].flatMap((i) =>
        jails
          .step(failure(WHO, at(begin + i)), at(begin + i), context())
          .wouldBan.map(({ until }) => until),
      ),
    );
    expect(ends).toEqual([[at(102)], [at(1202)]]);
  });

  test('a jail that counts bans does not count its', () => {
    const recidive = policy({ jail: mustJailName('recidive'), counts: 'bans', maxretry: 1 });
    expect(told(new Jails([policy({ watch: true }), recidive]), [0, 1, 2])).toEqual([
      `2 would ban ${JAIL} ${WHO}`,
    ]);
    expect(told(new Jails([policy(), { ...recidive, watch: true }]), [0, 1, 2])).toEqual([
      `2 ban ${JAIL} ${WHO}`,
      `2 would ban recidive ${WHO}`,
    ]);
  });

  test('a ban from before it watched stays as it is', () => {
    const open = { until: at(10), previousBans: 0 };
    expect(
      told(new Jails([policy({ watch: true })]), [0, 1, 2, 3, 4, 5], { openBan: () => open }),
    ).toEqual([]);
  });

  test('what it would have banned is no ban once it is enabled', () => {
    const jails = new Jails([policy({ watch: true })]);
    told(jails, [0, 1, 2]);
    jails.reconfigure([policy()]);
    expect(told(jails, [3, 4, 5])).toEqual([`5 ban ${JAIL} ${WHO}`]);
    expect(jails.stats(JAIL, at(6))?.watched).toBeUndefined();
  });

  test('an operator who forgives an address is told of it anew', () => {
    const jails = new Jails([policy({ watch: true })]);
    told(jails, [0, 1, 2]);
    jails.forget(prefix('198.51.100.0/24'), { upTo: at(3) });
    expect(told(jails, [4, 5, 6])).toEqual([`6 would ban ${JAIL} ${WHO}`]);
  });
});

describe('a jail that weighs and only watches', () => {
  const LOGIN = mustJailName('login');
  const rules = {
    credit: (30 * DAY) as Seconds,
    subnet: 6,
    underattack: 8,
    deadnames: 5,
    takeover: 6,
    honeypot: ['trap'],
  };
  const login: JailPolicy = policy({
    jail: LOGIN,
    counts: 'evidence',
    bantime: DAY,
    evidence: rules,
    watch: true,
  });
  const success = (time: EpochMicros, user: string): FilterEvent => ({
    ...failure(WHO, time, { user }),
    kind: 'success',
  });

  test('leaves the jails of its group as they are: nobody is excused, no office gets more', () => {
    const bans = (policies: readonly JailPolicy[]) => {
      const jails = new Jails(policies);
      for (const user of ['anna', 'bert', 'carl'])
        jails.step(success(at(-10), user), at(-10), context());
      return [0, 1, 2].flatMap((second) => {
        const event = failure(WHO, at(second), { user: 'anna' });
        return jails
          .step(event, at(second), context())
          .decisions.map(({ jail }) => `${second} ${jail}`);
      });
    };
    const grouped = policy({ group: LOGIN });
    expect(bans([grouped])).toEqual([`2 ${JAIL}`]);
    expect(bans([grouped, login])).toEqual([`2 ${JAIL}`]);
    expect(bans([grouped, { ...login, watch: false }])).toEqual([]);
  });

  test('says what it would have banned and why', () => {
    const jails = new Jails([policy({ group: LOGIN }), login]);
    const { decisions, wouldBan } = jails.step(
      failure(WHO, at(0), { user: 'trap' }),
      at(0),
      context(),
    );
    expect([decisions, wouldBan.map(({ jail, rule }) => [jail, rule])]).toEqual([
      [],
      [[LOGIN, 'honeypot']],
    ]);
  });
});

test(`as many as ${WATCHED_BANS_MAX} bans are remembered; one more makes the oldest go`, () => {
  const watched = new WatchedBans();
  const note = (i: number) => {
    const target = prefix(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    const ban: BanDecision = {
      ...{
        kind: 'ban',
        jail: JAIL,
        target,
        time: at(0),
        until: null,
        failures: 3,
        evidence: [],
        origin: 'journal',
      },
      previousBans: 0,
    };
    watched.note(ban, false);
    return target;
  };
  const first = note(0);
  for (let i = 1; i < WATCHED_BANS_MAX; i++) note(i);
  expect(watched.openBan(JAIL, first)).toBeDefined();
  note(WATCHED_BANS_MAX);
  expect(watched.openBan(JAIL, first)).toBeUndefined();
  expect(watched.currentOf(JAIL, at(1))).toBe(WATCHED_BANS_MAX);
});
