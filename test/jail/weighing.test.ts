/**
 * Jails with a group: what the jail that weighs evidence decides, and that a restart changes none
 * of it.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatPrefix } from '../../src/core/address.js';
import type { BanDecision, FilterEvent } from '../../src/core/decision.js';
import { STORM_COUNT_MAX } from '../../src/core/limits.js';
import { mustJailName, sourceId } from '../../src/core/names.js';
import type { JailPolicy } from '../../src/core/specs.js';
import { type EpochMicros, plus, type Seconds } from '../../src/core/time.js';
import {
  DIGEST_SECONDS,
  SHARED_SLOW_BAN_SECONDS_MAX,
  STORM_BAN_SECONDS_MIN,
  STORM_SECONDS,
} from '../../src/core/timeouts.js';
import { Jails } from '../../src/jail/jails.js';
import type { JailContext } from '../../src/jail/judgement.js';
import { openLedger } from '../../src/ledger/open.js';
import { at, context, failure, increment, JAIL, policy, prefix } from './support.js';

const LOGIN = mustJailName('login');
const DAY = 86_400;
const weighing = (changes: Partial<JailPolicy> = {}): JailPolicy =>
  policy({
    jail: LOGIN,
    counts: 'evidence',
    maxretry: 5,
    findtime: (7 * DAY) as Seconds,
    bantime: DAY as Seconds,
    evidence: {
      credit: (30 * DAY) as Seconds,
      subnet: 6,
      underattack: 8,
      deadnames: 5,
      takeover: 6,
      honeypot: ['trap'],
    },
    ...changes,
  });
const grouped = policy({ group: LOGIN });
const POLICIES = [grouped, weighing()];
const success = (who: string, time: EpochMicros, user: string): FilterEvent => ({
  ...failure(who, time, { user }),
  kind: 'success',
});
const isWeighed = ({ jail }: { readonly jail: string }) => jail === LOGIN;
const bansOf = ({ decisions }: ReturnType<Jails['step']>) =>
  decisions.map(({ jail, target, rule }) => `${jail} ${formatPrefix(target)} ${rule ?? 'window'}`);

describe('a jail that weighs', () => {
  test('bans whoever fails slowly: the fourth other name within days', () => {
    const jails = new Jails(POLICIES);
    const days = [0, 1, 2, 3].map((day) =>
      bansOf(
        jails.step(
          failure('198.51.100.7', at(day * DAY), { user: `user ${day}` }),
          at(day * DAY),
          context(),
        ),
      ),
    );
    expect(days).toEqual([[], [], [], ['login 198.51.100.7 slow']]);
  });

  test('the decision says its rule, its user, its entries, and how long', () => {
    const jails = new Jails(POLICIES);
    const event = failure('198.51.100.7', at(0), { user: 'Trap' });
    const { decisions } = jails.step(event, at(0), context());
    expect(decisions).toEqual([
      {
        kind: 'ban',
        jail: LOGIN,
        target: { family: 4, base: '198.51.100.7', length: 32 },
        time: at(0),
        until: at(DAY),
        failures: 1,
        evidence: [event.cursor],
        counts: [1],
        weights: [1],
        points: 1,
        user: 'Trap',
        origin: 'journal',
        previousBans: 0,
        rule: 'honeypot',
      },
    ]);
  });

  test('a decision says what its entries weighed, and all that the address had with them', () => {
    const jails = new Jails([grouped, weighing({ maxmatches: 2 })]);
    const days = [0, 1, 2, 3].map((day) => {
      const event = failure('198.51.100.7', at(day * DAY), { user: `user ${day}` });
      return jails.step(event, at(day * DAY), context()).decisions;
    });
    const [ban] = days.at(-1) ?? [];
    const faded = (points: number, age: number) => points * 2 ** (-age / 7);
    expect(ban?.evidence).toHaveLength(2);
    expect(ban?.weights).toEqual([2, 2]);
    expect(ban?.points).toBeCloseTo(faded(1, 3) + faded(2, 2) + faded(2, 1) + 2, 2);
    const [window] = jails.explain(prefix('198.51.100.7'), at(3 * DAY)).filter(isWeighed);
    expect(window?.weights).toEqual([1, 2, 2, 2]);
    expect(window?.points).toBeCloseTo(ban?.points ?? 0, 2);
  });

  test('what was refused unseen counts nowhere, and is known when it comes again', () => {
    const jails = new Jails(POLICIES);
    jails.step(success('192.0.2.1', at(0), 'anna'), at(0), context());
    const event = { ...failure('198.51.100.7', at(4 * DAY), { user: 'new' }), digest: 'aaaaaaaa' };
    const { address, user, digest } = event;
    const ask = () => jails.login(JAIL, { address, user, digest }, at(4 * DAY), context());
    expect(ask()?.isTriedAgain).toBe(false);
    jails.attempted({ ...event, isRefused: true }, context());
    expect(ask()).toMatchObject({ isTriedAgain: true, points: 0, failures: 0 });
  });

  test('a ban of a prefix by its neighbours has no points of its own', () => {
    const jails = new Jails(POLICIES);
    const decided = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((n) => {
      const event = failure(`198.51.100.${n}`, at(0.7 * n * DAY), { user: 'anna' });
      return jails.step(event, event.time, context()).decisions;
    });
    const subnet = decided.find(({ rule }) => rule === 'subnet');
    expect(subnet).toBeDefined();
    expect([subnet?.weights, subnet?.points]).toEqual([undefined, undefined]);
  });

  test('one mailbox shields no IPv6 prefix whose ever new addresses guess', () => {
    const jails = new Jails(POLICIES);
    const banned = Array.from({ length: 12 }, (_, n) => {
      const time = at(DAY + n * 300);
      jails.step(success('2001:db8:1::1', time, 'own'), time, context());
      return bansOf(
        jails.step(failure(`2001:db8:1::1:${n}`, time, { user: `user${n}` }), time, context()),
      );
    });
    const slow = banned.map((bans) => bans.filter((ban) => ban.endsWith(' slow')));
    // One point, then two for each further name: ten ban an address, twenty all of the prefix.
    expect(slow.slice(0, 5)).toEqual([[], [], [], [], []]);
    for (let n = 5; n < 10; n++) expect(slow[n]).toEqual([`login 2001:db8:1::1:${n} slow`]);
    expect(slow.slice(10)).toEqual(Array(2).fill(['login 2001:db8:1::/64 slow']));
  });

  test('says how much it holds', () => {
    const jails = new Jails(POLICIES);
    jails.step(success('192.0.2.1', at(0), 'anna'), at(0), context());
    for (const who of ['198.51.100.7', '198.51.100.8'])
      jails.step(failure(who, at(1), { user: 'anna' }), at(1), context());
    expect(jails.stats(LOGIN, at(2))?.evidence).toMatchObject({
      addresses: 2,
      users: 1,
      credits: 1,
      underAttack: 0,
      takeovers: 0,
    });
    expect(jails.stats(JAIL, at(2))?.evidence).toBeUndefined();
    for (let n = 0; n < 8; n++)
      jails.step(failure(`203.0.${n}.7`, at(DAY), { user: 'anna' }), at(DAY), context());
    for (let n = 0; n < 6; n++) {
      const event = success(`192.0.${n}.1`, at(DAY), 'anna');
      jails.step(event, event.time, context());
    }
    const evidence = (second: number) => jails.stats(LOGIN, at(second))?.evidence;
    expect(evidence(DAY + 1)).toMatchObject({ underAttack: 1, takeovers: 1 });
    expect(evidence(3 * DAY)).toMatchObject({ underAttack: 0, takeovers: 1 });
    expect(evidence(40 * DAY)).toMatchObject({ underAttack: 0, takeovers: 0, credits: 0 });
  });

  describe('counts the failures at all services together', () => {
    const SSHD = mustJailName('sshd');
    const both = [
      grouped,
      policy({ jail: SSHD, group: LOGIN, bantime: 1_000 as Seconds }),
      weighing(),
    ];
    const tried = (seconds: readonly number[], policies = both) => {
      const jails = new Jails(policies);
      return seconds.flatMap((second, i) => {
        const jail = i % 2 === 0 ? JAIL : SSHD;
        const event = failure('198.51.100.7', at(second), { user: 'anna', jail });
        return jails
          .step(event, at(second), context())
          .decisions.map((ban) => [i, ban.jail, ban.rule, ban.until]);
      });
    };

    test('three of them within findtime ban for the bantime of the jail that saw the last', () => {
      expect(tried([0, 1, 600])).toEqual([[2, LOGIN, 'fast', at(600 + 3_600)]]);
      expect(tried([0, 1, 601])).toEqual([]);
    });

    test('what a ban of one service answered does not count again there', () => {
      const jails = new Jails(both);
      const bans = [0, 1, 2, 3].map((second) => {
        return jails.step(
          failure('198.51.100.7', at(second), { user: 'anna' }),
          at(second),
          context(),
        ).decisions;
      });
      expect(bans.map((of) => of.map(({ jail, rule }) => [jail, rule]))).toEqual([
        [],
        [],
        [[JAIL, undefined]],
        [],
      ]);
    });
  });

  test('without a jail that weighs a group means nothing', () => {
    const jails = new Jails([grouped]);
    const { decisions, attempts } = jails.step(
      failure('198.51.100.7', at(0), { user: 'trap' }),
      at(0),
      context(),
    );
    expect([decisions, attempts]).toEqual([[], []]);
  });

  test('many devices of a user without any login that repeat one old password shut nobody out', () => {
    const devices = (digest: (n: number) => string) => {
      const jails = new Jails(POLICIES);
      return Array.from({ length: 40 }, (_, n) => {
        const event = failure('198.51.100.7', at(n), { user: 'bob', digest: digest(n) });
        return jails.step(event, event.time, context());
      });
    };
    const storm = devices(() => 'd390c1');
    expect(storm.flatMap(bansOf)).toEqual([]);
    expect(storm.map(({ outcomes }) => outcomes[0]?.kind)).toEqual([
      'counted',
      ...Array(39).fill('excused'),
    ]);
    // The ledger hears of the one that counts.
    expect(storm.flatMap(({ attempts }) => attempts)).toHaveLength(1);
    expect(devices((n) => `d390${10 + n}`).flatMap(bansOf)[0]).toBe(`${JAIL} 198.51.100.7 window`);
  });

  test('a forgetful user is found, and excused', () => {
    const jails = new Jails(POLICIES);
    jails.step(success('192.0.2.1', at(0), 'anna'), at(0), context());
    const kinds = Array.from({ length: 9 }, (_, i) => {
      const time = at(60 + i);
      const { outcomes, decisions } = jails.step(
        failure('192.0.2.1', time, { user: 'anna' }),
        time,
        context(),
      );
      return [outcomes[0]?.kind, decisions.length];
    });
    expect(kinds).toEqual([['counted', 0], ...Array(8).fill(['excused', 0])]);
    expect(jails.stats(JAIL, at(100))?.totalFailed).toBe(9);
  });

  test('where two users log in, nine failures for other names fill the window instead of three', () => {
    const jails = new Jails([grouped, weighing({ maxretry: 1_000 })]);
    for (const user of ['anna', 'ben'])
      jails.step(success('192.0.2.1', at(0), user), at(0), context());
    const first = Array.from({ length: 12 }, (_, i) => {
      const time = at(60 + i);
      const event = failure('192.0.2.1', time, { user: `stranger ${i}` });
      return jails.step(event, time, context()).decisions.filter(({ jail }) => jail === JAIL)
        .length;
    }).indexOf(1);
    // The first name may be that of a phone with an old password.
    expect(first).toBe(9);
  });

  test('a ban of an address that others log in from lasts minutes, however often', () => {
    const jails = new Jails(POLICIES);
    for (const user of ['anna', 'ben'])
      jails.step(success('192.0.2.1', at(0), user), at(0), context());
    const event = failure('192.0.2.1', at(60), { user: 'trap' });
    const { decisions } = jails.step(event, at(60), context({ previousBans: () => 7 }));
    expect(decisions.find(({ jail }) => jail === LOGIN)?.until).toBe(
      at(60 + SHARED_SLOW_BAN_SECONDS_MAX),
    );
  });

  describe('a service at which nobody logs in from the network of a shared address', () => {
    const SSH = mustJailName('sshd');
    /** Three guesses at mail, the first of which may be a phone's; then one at a service. */
    const guessed = (
      more: { watch?: true; login?: FilterEvent; user?: string } = {},
      day = 4,
    ): ReturnType<Jails['step']> => {
      const watch = more.watch === true ? { watch: true } : {};
      const jails = new Jails([grouped, policy({ jail: SSH, group: LOGIN }), weighing(watch)]);
      for (const user of ['anna', 'ben'])
        jails.step(success('192.0.2.1', at(0), user), at(0), context());
      if (more.login !== undefined) jails.step(more.login, at(1), context());
      const fail = (part: number, user: string, jail = JAIL) => {
        const time = at((day + part / 10) * DAY);
        return jails.step({ ...failure('192.0.2.1', time, { user }), jail }, time, context());
      };
      for (const part of [0, 1, 2]) expect(bansOf(fail(part, `made ${part}`))).toEqual([]);
      const last = fail(3, more.user ?? 'root', SSH);
      expect(bansOf(fail(4, 'made 4'))).toEqual([]);
      return last;
    };
    const atSsh = (who: string) => ({ ...success(who, at(1), 'karl'), jail: SSH });

    test('is closed alone, for as long as that of a stranger, once it is guessed at', () => {
      const last = guessed();
      expect(bansOf(last)).toEqual(['sshd 192.0.2.1 slow']);
      const [ban] = last.decisions;
      expect([ban?.until, ban?.needed]).toEqual([at(5.3 * DAY), 5]);
      expect(ban?.leniency).toBe('shared');
    });

    test('has no device with an old password: one name alone counts each time', () => {
      const jails = new Jails([grouped, policy({ jail: SSH, group: LOGIN }), weighing()]);
      for (const user of ['anna', 'ben'])
        jails.step(success('192.0.2.1', at(0), user), at(0), context());
      const bans = [0, 1, 2].map((n) => {
        const time = at((4 + n / 10) * DAY);
        const event = { ...failure('192.0.2.1', time, { user: 'root' }), jail: SSH };
        return bansOf(jails.step(event, time, context()));
      });
      expect(bans).toEqual([[], [], ['sshd 192.0.2.1 slow']]);
    });

    test('stays open where somebody logs in at it, for names of users, and in the first days', () => {
      expect(bansOf(guessed({ login: atSsh('192.0.2.1') }))).toEqual([]);
      expect(bansOf(guessed({ login: atSsh('192.0.2.77') }))).toEqual([]);
      expect(bansOf(guessed({ login: atSsh('192.0.3.77') }))).toEqual(['sshd 192.0.2.1 slow']);
      expect(bansOf(guessed({ login: atSsh('192.0.3.77'), user: 'karl' }))).toEqual([]);
      expect(bansOf(guessed({}, 2))).toEqual([]);
    });

    test('is not closed by a jail that only watches', () => {
      const last = guessed({ watch: true });
      expect(bansOf(last)).toEqual([]);
      expect(last.wouldBan.map(({ jail, rule }) => [jail, rule])).toEqual([[LOGIN, 'slow']]);
    });
  });

  test('who attacks together with others is banned as if it had come back', () => {
    const jails = new Jails([grouped, weighing({ increment: increment() })]);
    jails.step(success('192.0.2.1', at(0), 'anna'), at(0), context());
    const bans = Array.from({ length: 8 }, (_, n) => {
      const event = failure(`203.0.${n}.7`, at(4 * DAY + n), { user: 'anna' });
      return jails.step(event, event.time, context()).decisions;
    }).flat();
    const lasts = bans.map(({ rule, time, until }) => [rule, ((until ?? 0) - time) / 1e6 / DAY]);
    expect(lasts).toEqual([['user', 8]]);
    expect(bans[0]?.previousBans).toBe(0);
    const dead = Array.from({ length: 5 }, (_, n) => {
      const event = failure(`203.1.${n}.7`, at(4 * DAY + n), { user: 'scanner' });
      return jails.step(event, event.time, context()).decisions;
    }).flat();
    expect(dead.map(({ time, until }) => ((until ?? 0) - time) / 1e6 / DAY)).toEqual([8]);
    const trap = failure('203.2.0.7', at(4 * DAY), { user: 'trap' });
    const [ban] = jails.step(trap, trap.time, context()).decisions;
    expect([ban?.rule, ((ban?.until ?? 0) - trap.time) / 1e6 / DAY]).toEqual(['honeypot', 16]);
  });

  describe('a device that opens several connections at once with an old password', () => {
    const burst = (seconds: readonly number[], user = (_: number) => 'bob', more = {}) => {
      const jails = new Jails(POLICIES);
      const open = new Map<string, BanDecision>();
      return seconds.flatMap((second, i) => {
        const event = failure('198.51.100.7', at(second), { user: user(i), ...more });
        const { decisions } = jails.step(
          event,
          event.time,
          context({
            openBan: (jail) => open.get(jail),
            previousBans: (jail) => (open.has(jail ?? '') ? 1 : 0),
          }),
        );
        for (const ban of decisions) open.set(ban.jail, ban);
        return decisions.map(({ jail, until, time, leniency }) => {
          return [jail, ((until ?? 0) - time) / 1e6, leniency];
        });
      });
    };

    test('is shut out for minutes, not for as long as the jail says', () => {
      expect(burst([0, 0.3, 0.6, 0.9])).toEqual([[JAIL, STORM_BAN_SECONDS_MIN, 'storm']]);
      // Also where it opens so many that the points would ban it for a day.
      const many = Array.from({ length: 20 }, (_, i) => i * 0.1);
      expect(burst(many).every(([, length]) => length === STORM_BAN_SECONDS_MIN)).toBe(true);
    });

    test.each([
      ['guesses one after the other', [0, 1, STORM_SECONDS + 1], undefined, {}],
      ['tries other names', [0, 0.3, 0.6], (i: number) => `user${i}`, {}],
      ['tries a name that does not exist', [0, 0.3, 0.6], undefined, { cause: 'unknown-user' }],
      ['guesses often on one connection', [0], undefined, { count: STORM_COUNT_MAX + 1 }],
    ] as const)('who %s is banned as ever', (_, seconds, user, more) => {
      expect(burst(seconds, user, more)[0]).toEqual([JAIL, 3_600, undefined]);
    });

    test('a client that tries twice on each connection is such a device', () => {
      const length = burst([0, 0.3], undefined, { count: STORM_COUNT_MAX })[0]?.[1];
      expect(length).toBe(STORM_BAN_SECONDS_MIN);
    });

    test('the second time it is banned as ever', () => {
      const again = burst([0, 0.3, 0.6, 400, 400.3, 400.6, 400.9]);
      expect(again[0]).toEqual([JAIL, STORM_BAN_SECONDS_MIN, 'storm']);
      expect(again).toContainEqual([JAIL, 3_600, undefined]);
    });
  });

  describe('beside recidive', () => {
    const RECIDIVE = mustJailName('recidive');
    const counter = policy({
      jail: RECIDIVE,
      counts: 'bans',
      maxretry: 2,
      findtime: DAY as Seconds,
      bantime: (7 * DAY) as Seconds,
    });
    const short = { bantime: 10 as Seconds };
    /** Jails that banned in two attacks from one address, an hour apart. */
    const attacked = (users: readonly string[], policies: readonly JailPolicy[]) => {
      const jails = new Jails([...policies, counter]);
      for (const user of users) {
        const event = success('192.0.2.1', at(0), user);
        jails.step(event, event.time, context());
      }
      return [3_600, 7_200].flatMap((start) =>
        Array.from({ length: 30 }, (_, i) => {
          const event = failure('192.0.2.1', at(start + i), { user: `stranger ${start + i}` });
          return jails.step(event, event.time, context()).decisions;
        }).flat(),
      );
    };
    const jailsOf = (bans: readonly BanDecision[]) => new Set(bans.map(({ jail }) => jail));
    const both = [policy({ group: LOGIN, ...short }), weighing(short)];

    test('bans of an address that another user logs in from do not count', () => {
      const bans = attacked(['anna'], both);
      expect(jailsOf(bans)).toEqual(new Set([JAIL, LOGIN]));
      expect(bans.every(({ leniency }) => leniency === 'shared')).toBe(true);
      expect(jailsOf(attacked(['anna', 'ben', 'carla'], both))).not.toContain(RECIDIVE);
    });

    test('all others do, and so do those of jails that nobody weighs', () => {
      expect(jailsOf(attacked([], both))).toContain(RECIDIVE);
      expect(jailsOf(attacked(['anna'], [policy(short), weighing(short)]))).toContain(RECIDIVE);
      expect(jailsOf(attacked(['anna'], [policy(short)]))).toContain(RECIDIVE);
    });

    test('a restart leaves them out as well', () => {
      const [ban] = attacked(['anna'], both);
      if (ban === undefined) throw new Error('no ban');
      const banned = (past: BanDecision) => {
        const jails = new Jails([policy({ maxretry: 1 }), counter]);
        jails.observeBan(past, context());
        const event = failure('192.0.2.1', plus(past.time, 60));
        return jailsOf(jails.step(event, event.time, context()).decisions);
      };
      expect(banned(ban)).not.toContain(RECIDIVE);
      const { leniency: _, ...other } = ban;
      expect(banned(other)).toContain(RECIDIVE);
    });
  });

  test('spares a network that holds an allowed address, and an allowed offender', () => {
    const spared = context({ coversAllowed: (_, { length }) => length < 32 });
    const jails = new Jails(POLICIES);
    const rules = Array.from({ length: 8 }, (_, i) =>
      bansOf(jails.step(failure(`198.51.100.${i + 1}`, at(i), { user: 'anna' }), at(i), spared)),
    );
    expect(rules.flat().filter((rule) => rule.endsWith('subnet'))).toEqual([]);
    const allowed = context({ allowed: (jail) => (jail === LOGIN ? 'ignoreip' : undefined) });
    expect(
      bansOf(jails.step(failure('203.0.113.9', at(9), { user: 'trap' }), at(9), allowed)),
    ).toEqual([]);
  });

  test('a ban in force is not decided again by every entry that was under way', () => {
    const jails = new Jails(POLICIES);
    const open = context({
      openBan: (jail) => (jail === LOGIN ? { until: at(DAY), previousBans: 0 } : undefined),
    });
    expect(
      bansOf(jails.step(failure('198.51.100.7', at(1), { user: 'trap' }), at(1), open)),
    ).toEqual([]);
  });

  test('an operator that lifts the ban forgets the points', () => {
    const jails = new Jails([grouped, weighing()]);
    for (let i = 0; i < 2; i++)
      jails.step(failure('198.51.100.7', at(i * DAY), { user: `u${i}` }), at(i * DAY), context());
    jails.forget(prefixOf7, { upTo: at(2 * DAY) });
    const [view] = jails.explain(prefixOf7, at(2 * DAY + 1)).filter(({ jail }) => jail === LOGIN);
    expect(view?.points ?? 0).toBe(0);
  });

  test('explain shows the points', () => {
    const jails = new Jails(POLICIES);
    jails.step(failure('198.51.100.7', at(0), { user: 'anna' }), at(0), context());
    const view = jails.explain(prefixOf7, at(7 * DAY)).find(({ jail }) => jail === LOGIN);
    expect(view).toMatchObject({ failures: 1, maxretry: 5 });
    expect(view?.points).toBeCloseTo(0.5, 2);
  });
});

const prefixOf7 = { family: 4, base: '198.51.100.7', length: 32 } as const;

describe('a restart in between', () => {
  const scratch = mkdtempSync(
    join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'banjour-weighing-'),
  );
  afterAll(() => rmSync(scratch, { recursive: true }));
  const source = sourceId('test');

  /** Jails with a ledger, as the agent has them. */
  class Host {
    readonly #path: string;
    #ledger;
    #jails = new Jails(POLICIES, { seed: 1 });
    /** Events that were judged and not yet written: a crash reads them again. */
    #unwritten: FilterEvent[] = [];

    constructor(name: string) {
      this.#path = join(scratch, name);
      this.#ledger = openLedger(this.#path, at(0)).ledger;
    }

    /** Judges a batch and writes what it came to. */
    judge(events: readonly FilterEvent[]): string[] {
      const { decisions, attempts } = this.#jails.judge(
        events,
        ({ time }) => time,
        this.#context(),
      );
      this.#unwritten.push(...attempts);
      const last = events.at(-1);
      const position = last && { cursor: last.cursor, time: last.time };
      this.#ledger.commit({
        decisions,
        attempts: this.#unwritten,
        ...(position && { source, position }),
      });
      this.#unwritten = [];
      return decisions.map(
        ({ jail, target, until, rule }) => `${jail} ${formatPrefix(target)} ${until} ${rule}`,
      );
    }

    /** Takes in logins of the past, as the agent does. */
    learn(logins: readonly FilterEvent[], first: readonly FilterEvent[]): void {
      const fresh = this.#jails.learn(logins, context());
      const attempts = [...new Set([...fresh, ...this.#jails.learn(first, context(), 'all')])];
      this.#ledger.commit({ decisions: [], attempts });
    }

    unban(time: EpochMicros): void {
      const target = prefixOf7;
      this.#ledger.commit({ decisions: [{ kind: 'unban', target, time, reason: 'operator' }] });
      this.#jails.forget(target, { upTo: time });
    }

    /**
     * Ends and starts anew; nothing of the windows of ordinary jails is read back, so they are left
     * out.
     */
    restart(now: EpochMicros): void {
      this.#ledger.close();
      this.#ledger = openLedger(this.#path, now).ledger;
      this.#ledger.attempts.forgetDigests(plus(now, -DIGEST_SECONDS));
      this.#jails = new Jails(POLICIES, { seed: Math.floor(now / 1e6) });
      const floors = this.#ledger.floors(at(0));
      this.#jails.recall(this.#ledger.attempts.since(at(-DAY)), floors, new Set([LOGIN]));
    }

    pointsOf(who: string, time: EpochMicros): number {
      return this.#jails.explain(prefix(who), time).find(isWeighed)?.points ?? 0;
    }

    close(): void {
      this.#ledger.close();
    }

    #context(): JailContext {
      return context({
        openBan: (jail, target) => this.#ledger.openBan(jail, target),
        previousBans: (jail, target) => this.#ledger.previousBans(jail, target),
      });
    }
  }

  test('knows the passwords of the last day again, and the sprays of before', () => {
    const host = new Host('digests');
    const old = (n: number) => failure('198.51.100.7', at(n), { user: 'bob', digest: 'd390c1' });
    expect(host.judge([old(0)])).toEqual([]);
    for (let n = 1; n < 10; n++) {
      host.restart(at(n));
      expect(host.judge([old(n)])).toEqual([]);
    }
    for (let n = 0; n < 8; n++)
      host.judge([failure(`203.0.${n}.7`, at(20 + n), { user: `user${n}`, digest: '3546d6' })]);
    host.restart(at(2 * DAY));
    // Three points of the spray have faded a little, and two more make five.
    const bans = ['x', 'y'].flatMap((user, n) =>
      host.judge([failure('203.0.7.7', at(2 * DAY + n), { user, cause: 'unknown-user' })]),
    );
    expect(bans.some((ban) => ban.startsWith('login 203.0.7.7'))).toBe(true);
    host.close();
  });

  test('knows the guesses behind an office, though their digests are forgotten', () => {
    const host = new Host('many');
    const office = '203.0.113.10';
    const who = (user: string, n: number) => success(office, at(n), user);
    host.judge(['anna', 'ben'].map((user, n) => who(user, n)));
    const guess = (n: number) =>
      failure(office, at(n * 3_600), { user: 'carl', digest: `00000${n.toString(16)}` });
    for (let n = 1; n < 14; n++) host.judge([guess(n)]);
    host.restart(at(3 * DAY));
    const steady = host.pointsOf(office, at(3 * DAY));
    // Nine of thirteen count: four may be a phone's.
    expect(steady).toBeGreaterThan(9 * 2 ** (-3 / 7));
    host.close();
  });

  test('knows since when logins of the past are known, though only the newest of each is new', () => {
    const host = new Host('past');
    const now = at(10 * DAY);
    const daily = (day: number) => success('203.0.113.9', plus(now, -day * DAY), 'anna');
    host.learn([daily(0)], [daily(0)]);
    for (let day = 1; day < 10; day++) host.learn([], [daily(day)]);
    const dead = (from: number) =>
      Array.from({ length: 5 }, (_, n) =>
        host.judge([failure(`45.${from + n}.0.1`, plus(now, n), { user: `ghost${from}` })]),
      ).flat();
    expect(dead(10)).toHaveLength(1);
    host.restart(plus(now, 60));
    expect(dead(20)).toHaveLength(1);
    host.close();
  });

  test('changes no decision of the jail that weighs', () => {
    const who = fc.constantFrom(
      '198.51.100.7',
      '198.51.100.8',
      '203.0.113.1',
      '2001:db8:1::1',
      '2001:db8:1:9::1',
      '192.0.2.1',
    );
    const user = fc.constantFrom('anna', 'anna@example.org', 'ben', 'scanner', 'admin');
    const event = fc.record({
      op: fc.constantFrom('fail', 'fail', 'fail', 'login', 'unban', 'restart'),
      who,
      user,
      digest: fc.constantFrom(undefined, 'd390c1', 'd390c1', '3546d6'),
      cause: fc.constantFrom(undefined, 'unknown-user' as const, 'wrong-password' as const),
      wait: fc.integer({ min: 0, max: 2 * DAY }),
    });
    let run = 0;
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (ops) => {
        const steady = new Host(`steady-${run}`);
        const restarted = new Host(`restarted-${run++}`);
        let time = at(0);
        for (const { op, who: from, user: name, digest, cause, wait } of ops) {
          time = plus(time, wait);
          if (op === 'restart') restarted.restart(time);
          else if (op === 'unban') for (const host of [steady, restarted]) host.unban(time);
          else {
            const made =
              op === 'fail'
                ? failure(from, time, {
                    user: name,
                    ...(digest !== undefined && { digest }),
                    ...(cause !== undefined && { cause }),
                  })
                : success(from, time, name);
            const [a, b] = [steady.judge([made]), restarted.judge([made])];
            const ofLogin = (list: string[]) => list.filter((line) => line.startsWith('login'));
            expect(ofLogin(b)).toEqual(ofLogin(a));
          }
        }
        steady.close();
        restarted.close();
      }),
      { numRuns: 60, seed: 20261129 },
    );
  });
});
