import { describe, expect, test } from '@jest/globals';
import { formatPrefix } from '../../src/core/address.js';
import {
  EVENT_COUNT_MAX,
  EVIDENCE_CURSOR_BYTES_MAX,
  EVIDENCE_CURSORS_MAX,
  EVIDENCE_LOG_BYTES_MAX,
  UNSWEPT_TARGETS_MAX,
  WIDE_FLOORS_MAX,
} from '../../src/core/limits.js';
import { cursor, type JailName, mustJailName } from '../../src/core/names.js';
import type { JailPolicy } from '../../src/core/specs.js';
import type { EpochMicros, Seconds } from '../../src/core/time.js';
import { Jails } from '../../src/jail/jails.js';
import type { JailContext } from '../../src/jail/judgement.js';
import { address, at, context, failure, increment, JAIL, policy, prefix } from './support.js';

const SMALL = { evidenceLogBytesMax: 16_384 };

/**
 * Fails at these seconds, each judged at its own time; returns the seconds at which a ban was
 * decided.
 */
function bansAt(
  jails: Jails,
  who: string,
  seconds: readonly number[],
  ctx: JailContext = context(),
): number[] {
  return seconds.filter((s) => jails.step(failure(who, at(s)), at(s), ctx).decisions.length > 0);
}

function jailsOf(changes: Partial<JailPolicy> = {}): Jails {
  return new Jails([policy(changes)], SMALL);
}

describe('when a ban is decided', () => {
  test('the third failure within ten minutes bans, with maxretry 3', () => {
    expect(bansAt(jailsOf(), '192.0.2.1', [0, 100, 200])).toEqual([200]);
  });

  test('a failure exactly findtime after the first still counts with it', () => {
    expect(bansAt(jailsOf(), '192.0.2.1', [0, 300, 600])).toEqual([600]);
  });

  test('a microsecond later it does not', () => {
    expect(bansAt(jailsOf(), '192.0.2.1', [0, 300, 600.000001])).toEqual([]);
  });

  test('the window slides: old failures fall out one by one, newer ones stay', () => {
    expect(bansAt(jailsOf(), '192.0.2.1', [0, 500, 700, 1_000])).toEqual([1_000]);
  });

  test('two addresses do not add up', () => {
    const jails = jailsOf();
    expect(bansAt(jails, '192.0.2.1', [0, 1])).toEqual([]);
    expect(bansAt(jails, '192.0.2.2', [2])).toEqual([]);
  });

  test('two jails do not add up', () => {
    const sshd = mustJailName('sshd');
    const jails = new Jails([policy(), policy({ jail: sshd })], SMALL);
    const kinds = [JAIL, sshd, JAIL].map((jail, i) => {
      const { outcomes } = jails.step(failure('192.0.2.1', at(i), { jail }), at(i), context());
      return outcomes[0]?.kind;
    });
    expect(kinds).toEqual(['counted', 'counted', 'counted']);
  });

  test('an entry that reports several attempts counts as many', () => {
    const { decisions } = jailsOf().step(
      failure('192.0.2.1', at(0), { count: 3 }),
      at(0),
      context(),
    );
    expect(decisions.map(({ failures }) => failures)).toEqual([3]);
  });

  test('the largest count that an entry may report is counted whole', () => {
    const jails = jailsOf({ maxretry: EVENT_COUNT_MAX + 1 });
    const first = jails.step(
      failure('192.0.2.1', at(0), { count: EVENT_COUNT_MAX }),
      at(0),
      context(),
    );
    expect(first.outcomes[0]).toMatchObject({ kind: 'counted', failures: EVENT_COUNT_MAX });
    expect(bansAt(jails, '192.0.2.1', [1])).toEqual([1]);
  });

  test('maxretry 1 bans at the first failure', () => {
    expect(bansAt(jailsOf({ maxretry: 1 }), '192.0.2.1', [0])).toEqual([0]);
  });

  test('entries that arrive out of order are counted by their own time', () => {
    const jails = jailsOf();
    for (const s of [300, 0])
      expect(jails.step(failure('192.0.2.1', at(s)), at(301), context()).decisions).toEqual([]);
    expect(jails.step(failure('192.0.2.1', at(150)), at(301), context()).decisions).toHaveLength(1);
  });

  test('a late entry between others that are too far apart completes no window that it is not in', () => {
    const jails = jailsOf();
    for (const s of [0, 1, 700]) jails.step(failure('192.0.2.1', at(s)), at(700), context());
    expect(jails.step(failure('192.0.2.1', at(650)), at(700), context()).decisions).toEqual([]);
  });

  test('an entry older than findtime decides nothing, but helps a later one', () => {
    const jails = jailsOf();
    const old = [0, 1, 2].map((s) => jails.step(failure('192.0.2.1', at(s)), at(700), context()));
    expect(old.flatMap(({ outcomes, decisions }) => [outcomes[0]?.kind, decisions.length])).toEqual(
      ['stale', 0, 'stale', 0, 'stale', 0],
    );
    expect(jails.step(failure('192.0.2.1', at(500)), at(701), context()).decisions).toHaveLength(1);
  });

  test('after a week without the agent, last week bans nobody', () => {
    const jails = jailsOf();
    const week = 7 * 86_400;
    for (let s = 0; s < 50; s++)
      expect(jails.step(failure('192.0.2.1', at(s)), at(week + s), context()).decisions).toEqual(
        [],
      );
  });

  test('an event of a jail that does not exist is passed over', () => {
    const event = failure('192.0.2.1', at(0), { jail: mustJailName('gone') });
    expect(jailsOf().step(event, at(0), context()).outcomes[0]?.kind).toBe('unknown');
  });
});

describe('the decision', () => {
  test('says whom, until when, why: time, end, failures, user, cursors of the entries', () => {
    const jails = jailsOf();
    const events = [0, 1, 2].map((s) => failure('192.0.2.1', at(s), { user: `user${s}` }));
    const decisions = events.flatMap((event) => jails.step(event, event.time, context()).decisions);
    expect(decisions).toEqual([
      {
        kind: 'ban',
        jail: JAIL,
        target: prefix('192.0.2.1'),
        time: at(2),
        until: at(3_602),
        failures: 3,
        evidence: events.map(({ cursor }) => cursor),
        counts: [1, 1, 1],
        needed: 3,
        user: 'user2',
        origin: 'journal',
        previousBans: 0,
      },
    ]);
  });

  test('bantime -1 bans for good', () => {
    const { decisions } = jailsOf({ bantime: null, maxretry: 1 }).step(
      failure('192.0.2.1', at(0)),
      at(0),
      context(),
    );
    expect(decisions[0]?.until).toBeNull();
  });

  test('names the newest entries when there are more than fit', () => {
    const jails = jailsOf({ maxretry: EVIDENCE_CURSORS_MAX + 1 });
    const events = Array.from({ length: EVIDENCE_CURSORS_MAX + 1 }, (_, s) =>
      failure('192.0.2.1', at(s)),
    );
    const decisions = events.flatMap((event) => jails.step(event, event.time, context()).decisions);
    expect(decisions[0]?.evidence).toEqual(events.slice(1).map(({ cursor }) => cursor));
    expect(decisions[0]?.failures).toBe(EVIDENCE_CURSORS_MAX + 1);
  });

  test('failures are settled by it: the next ban needs as many again', () => {
    expect(bansAt(jailsOf(), '192.0.2.1', [0, 1, 2, 3, 4, 5, 6])).toEqual([2, 5]);
  });

  test('attempts of the same burst that are read after it belong to it', () => {
    const jails = jailsOf();
    const burst = Array.from({ length: 100 }, (_, i) => failure('192.0.2.1', at(i / 1_000)));
    const { decisions, outcomes } = jails.judge(burst, () => at(1), context());
    expect(decisions).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'settled')).toHaveLength(97);
  });

  test('repeat offenders are banned longer, by the bans that the ledger counts', () => {
    const asked: (JailName | undefined)[] = [];
    const ctx = context({
      previousBans: (jail) => {
        asked.push(jail);
        return 3;
      },
    });
    const one = { maxretry: 1, increment: increment() };
    const { decisions } = jailsOf(one).step(failure('192.0.2.1', at(0)), at(0), ctx);
    expect(decisions[0]).toMatchObject({ previousBans: 3, until: at(8 * 3_600) });
    const overall = { ...one, increment: increment({ overalljails: true }) };
    jailsOf(overall).step(failure('192.0.2.1', at(0)), at(0), ctx);
    expect(asked).toEqual([JAIL, undefined]);
  });
});

describe('an attack that goes on although it is banned', () => {
  const banned = (until: EpochMicros | null) =>
    context({ openBan: () => ({ until, previousBans: 0 }) });

  test('extends the ban when that moves its end by a tenth', () => {
    const jails = jailsOf();
    const ctx = banned(at(3_600));
    expect(bansAt(jails, '192.0.2.1', [300, 330, 359], ctx)).toEqual([]);
    const { decisions } = jails.step(failure('192.0.2.1', at(360)), at(360), ctx);
    expect(decisions).toEqual([expect.objectContaining({ until: at(3_960), previousBans: 0 })]);
  });

  test('does not touch a permanent ban', () => {
    expect(bansAt(jailsOf(), '192.0.2.1', [0, 1, 2, 3], banned(null))).toEqual([]);
  });

  test('does not shorten a longer ban that an operator made', () => {
    expect(bansAt(jailsOf(), '192.0.2.1', [0, 1, 2, 3], banned(at(86_400)))).toEqual([]);
  });

  test('makes the ban permanent when bantime has become -1', () => {
    expect(bansAt(jailsOf({ bantime: null }), '192.0.2.1', [0, 1, 2], banned(at(86_400)))).toEqual([
      2,
    ]);
  });

  test('counts anew after the end of the ban, also when nobody has noted the end yet', () => {
    const jails = jailsOf();
    const ctx = banned(at(10));
    expect(bansAt(jails, '192.0.2.1', [8, 9, 11, 12, 13], ctx)).toEqual([13]);
  });
});

describe('success and unban', () => {
  const success = (who: string, s: number) => failure(who, at(s), { kind: 'success' });

  test('a login forgets the failures before it where the jail says so', () => {
    const jails = jailsOf({ forgetOnSuccess: true });
    bansAt(jails, '192.0.2.1', [0, 1]);
    const { outcomes } = jails.step(success('192.0.2.1', 2), at(2), context());
    expect(outcomes[0]).toMatchObject({ kind: 'success', failures: 2 });
    expect(bansAt(jails, '192.0.2.1', [3, 4, 5])).toEqual([5]);
  });

  test('elsewhere it changes nothing', () => {
    const jails = jailsOf();
    bansAt(jails, '192.0.2.1', [0, 1]);
    jails.step(success('192.0.2.1', 2), at(2), context());
    expect(bansAt(jails, '192.0.2.1', [3])).toEqual([3]);
  });

  test('an unban forgets the failures up to then, also those that are read later', () => {
    const jails = jailsOf();
    bansAt(jails, '192.0.2.1', [0, 1]);
    expect(jails.forget(prefix('192.0.2.1'), { upTo: at(10) })).toBe(2);
    const late = jails.step(failure('192.0.2.1', at(9)), at(11), context());
    expect(late.outcomes[0]?.kind).toBe('settled');
    expect(bansAt(jails, '192.0.2.1', [11, 12, 13])).toEqual([13]);
  });

  test('an unban of one jail leaves the others alone', () => {
    const jails = jailsOf();
    bansAt(jails, '192.0.2.1', [0, 1]);
    expect(jails.forget(prefix('192.0.2.1'), { jail: mustJailName('sshd'), upTo: at(10) })).toBe(0);
    expect(bansAt(jails, '192.0.2.1', [11])).toEqual([11]);
  });

  test('an unban of a network forgets every host in it, also one that is heard of only now', () => {
    const jails = jailsOf({ maxretry: 1 });
    jails.forget(prefix('192.0.2.0/24'), { upTo: at(10) });
    expect(jails.step(failure('192.0.2.7', at(9)), at(11), context()).outcomes[0]?.kind).toBe(
      'settled',
    );
    expect(jails.step(failure('198.51.100.1', at(9)), at(11), context()).outcomes[0]?.kind).toBe(
      'decided',
    );
  });

  test('an unban of everything forgets everything, however much that is', () => {
    const jails = new Jails([policy()], SMALL);
    for (let i = 0; i < 150_000; i++)
      jails.observe(failure(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, at(0)), context());
    expect(jails.forget(prefix('0.0.0.0/0'), { upTo: at(10) })).toBe(150_000);
    expect(jails.stats(JAIL, at(10))?.currentlyFailed).toBe(0);
  });

  test('an unban of an IPv6 host forgets the failures of its prefix', () => {
    const jails = jailsOf();
    bansAt(jails, '2001:db8::1', [0, 1]);
    expect(jails.forget(prefix('2001:db8::2'), { upTo: at(10) })).toBe(2);
  });
});

describe('clocks', () => {
  test('put back by a day: a new attack is banned at once, not in a day', () => {
    const jails = jailsOf();
    expect(bansAt(jails, '192.0.2.1', [86_400, 86_401, 86_402])).toEqual([86_402]);
    expect(bansAt(jails, '192.0.2.1', [0, 1, 2])).toEqual([2]);
  });

  test('put back by a day after an unban: the same', () => {
    const jails = jailsOf();
    jails.forget(prefix('192.0.2.1'), { upTo: at(86_400) });
    jails.forget(prefix('192.0.2.0/24'), { upTo: at(86_400) });
    expect(bansAt(jails, '192.0.2.1', [0, 1, 2])).toEqual([2]);
  });

  test('put forward: what lies before is too old, what comes counts', () => {
    const jails = jailsOf();
    bansAt(jails, '192.0.2.1', [0, 1]);
    expect(bansAt(jails, '192.0.2.1', [86_400, 86_401, 86_402])).toEqual([86_402]);
  });
});

describe('IPv6', () => {
  test('is counted and banned by prefix', () => {
    const jails = jailsOf();
    const found = ['2001:db8::1', '2001:db8::2', '2001:db8::3'].flatMap(
      (who, s) => jails.step(failure(who, at(s)), at(s), context()).decisions,
    );
    expect(found.map(({ target }) => formatPrefix(target))).toEqual(['2001:db8::/64']);
  });

  test('by host with ipv6prefix 128', () => {
    const jails = jailsOf({ ipv6prefix: 128 });
    for (const [s, who] of ['2001:db8::1', '2001:db8::2', '2001:db8::3'].entries())
      expect(jails.step(failure(who, at(s)), at(s), context()).decisions).toEqual([]);
  });

  test('by host where the prefix holds an allowed address: neighbours do not add up, nobody else is shut out', () => {
    const jails = jailsOf();
    const ctx = context({ coversAllowed: (_, wide) => wide.base === '2001:db8::' });
    expect(bansAt(jails, '2001:db8::1', [0, 1], ctx)).toEqual([]);
    expect(bansAt(jails, '2001:db8::2', [2], ctx)).toEqual([]);
    const { decisions } = jails.step(failure('2001:db8::1', at(3)), at(3), ctx);
    expect(decisions.map(({ target }) => formatPrefix(target))).toEqual(['2001:db8::1']);
  });
});

describe('IPv6 prefixes that hold strangers', () => {
  /** Three failures, one of each address. */
  const targets = (jails: Jails, ...who: string[]) =>
    who
      .flatMap((one, s) => jails.step(failure(one, at(s)), at(s), context()).decisions)
      .map(({ target }) => formatPrefix(target));

  test.each([
    ['NAT64', '64:ff9b::c633:6401', '64:ff9b::c633:6402', '64:ff9b::c633:6403'],
    ['local NAT64', '64:ff9b:1::c633:6401', '64:ff9b:1::c633:6402', '64:ff9b:1::c633:6403'],
    ['Teredo', '2001:0:102:304::1', '2001:0:102:304::2', '2001:0:102:304::3'],
    ['the link', 'fe80::1', 'fe80::2', 'fe80::3'],
    ['6to4', '2002:c633:6401::1', '2002:c633:6402::1', '2002:c633:6403::1'],
  ])('%s: three hosts with one failure each are three hosts', (_, ...who) => {
    expect(targets(jailsOf(), ...who)).toEqual([]);
    const [first = ''] = who;
    const banned = formatPrefix(prefix(first.startsWith('2002') ? '2002:c633:6401::/64' : first));
    expect(targets(jailsOf(), first, first, first)).toEqual([banned]);
  });

  test("the network's own NAT64 prefix is told by a key", () => {
    const who = ['2001:db8:64::c633:6401', '2001:db8:64::c633:6402', '2001:db8:64::c633:6403'];
    expect(targets(jailsOf(), ...who)).toEqual(['2001:db8:64::/64']);
    const own = jailsOf({ nat64: [prefix('2001:db8:64::/96')] });
    expect(targets(own, ...who)).toEqual([]);
    expect(targets(own, '2001:db8:64::c633:6401', '2001:db8:64::c633:6401')).toEqual([
      '2001:db8:64::c633:6401',
    ]);
  });

  test.each(['0.0.0.0', '224.0.0.1', '255.255.255.255', '::', 'ff02::1'])('%s is nobody', (who) => {
    const jails = jailsOf({ maxretry: 1 });
    const { outcomes, decisions } = jails.step(failure(who, at(0)), at(0), context());
    expect(decisions).toEqual([]);
    expect(outcomes[0]).toMatchObject({
      kind: 'ignored',
      reason: expect.stringContaining('no remote host'),
    });
  });
});

describe('an IPv6 prefix in which another address has logged in', () => {
  const login = (jails: Jails, who: string, s: number, changes = {}) =>
    jails.step(failure(who, at(s), { kind: 'success', ...changes }), at(s), context());
  const fail = (jails: Jails, who: string, s: number) =>
    jails
      .step(failure(who, at(s)), at(s), context())
      .decisions.map(({ target }) => formatPrefix(target));

  test('is not banned whole: the address that failed so often is', () => {
    const jails = jailsOf();
    login(jails, '2001:db8::a', 0);
    expect([1, 2, 3].flatMap((s) => fail(jails, '2001:db8::bad', s))).toEqual(['2001:db8::bad']);
  });

  test('nor for failures of many addresses, one each', () => {
    const jails = jailsOf();
    login(jails, '2001:db8::a', 0);
    expect([1, 2, 3, 4, 5].flatMap((s) => fail(jails, `2001:db8::b${s}`, s))).toEqual([]);
  });

  test('is banned whole when only the address itself has logged in', () => {
    const jails = jailsOf();
    login(jails, '2001:db8::bad', 0);
    expect([1, 2, 3].flatMap((s) => fail(jails, '2001:db8::bad', s))).toEqual(['2001:db8::/64']);
  });

  test('is banned whole again a microsecond after findtime, not before', () => {
    for (const [s, banned] of [
      [600, []],
      [600.000001, ['2001:db8::/64']],
    ] as const) {
      const jails = jailsOf();
      login(jails, '2001:db8::a', 0);
      expect(
        [598, 599, s].flatMap((one) => fail(jails, `2001:db8::${Math.floor(one)}`, one)),
      ).toEqual(banned);
    }
  });

  test('failures before the login count to the prefix, and after it to the address too', () => {
    const jails = jailsOf();
    fail(jails, '2001:db8::bad', 0);
    login(jails, '2001:db8::a', 1);
    expect([2, 3].flatMap((s) => fail(jails, '2001:db8::bad', s))).toEqual([]);
    expect(fail(jails, '2001:db8::bad', 4)).toEqual(['2001:db8::bad']);
  });

  test("a banned address's failures do not shut out its neighbours later", () => {
    const jails = jailsOf({ findtime: 600 as Seconds });
    login(jails, '2001:db8::a', 0);
    for (const s of [500, 501, 502]) fail(jails, '2001:db8::bad', s);
    expect([610, 611].flatMap((s) => fail(jails, '2001:db8::b', s))).toEqual([]);
  });

  test('a ban of the prefix settles what was counted of its addresses', () => {
    const jails = jailsOf();
    login(jails, '2001:db8::a', 0);
    expect([590, 595, 601].flatMap((s) => fail(jails, '2001:db8::bad', s))).toEqual([
      '2001:db8::/64',
    ]);
    login(jails, '2001:db8::a', 602);
    expect(fail(jails, '2001:db8::bad', 603)).toEqual([]);
  });

  test('a repeat offender is a single address there too: bans of single addresses add up to it, not to the prefix', () => {
    const again = mustJailName('again');
    const jails = new Jails(
      [
        policy({ maxretry: 1 }),
        policy({ jail: again, counts: 'bans', maxretry: 2, findtime: 86_400 as Seconds }),
      ],
      SMALL,
    );
    login(jails, '2001:db8::a', 0);
    expect(fail(jails, '2001:db8::b', 1)).toEqual(['2001:db8::b']);
    expect(fail(jails, '2001:db8::c', 2)).toEqual(['2001:db8::c']);
    expect(fail(jails, '2001:db8::b', 3)).toEqual(['2001:db8::b', '2001:db8::b']);
  });

  test('it is so after a restart', () => {
    const jails = new Jails(
      [
        policy(),
        policy({
          jail: mustJailName('again'),
          counts: 'bans',
          maxretry: 2,
          findtime: 86_400 as Seconds,
        }),
      ],
      SMALL,
    );
    jails.observe(failure('2001:db8::a', at(0), { kind: 'success' }), context());
    for (const s of [1, 2]) jails.observe(failure('2001:db8::bad', at(s)), context());
    const ban = { jail: JAIL, target: prefix('2001:db8::bad'), time: at(0), evidence: [] };
    jails.observeBan(ban, context());
    expect(fail(jails, '2001:db8::bad', 3)).toEqual(['2001:db8::bad', '2001:db8::bad']);
  });

  test('a login in any jail counts, and of IPv4 none does', () => {
    const other = mustJailName('dovecot');
    const jails = new Jails([policy(), policy({ jail: other })], SMALL);
    login(jails, '192.0.2.1', 0, { jail: other });
    login(jails, '2001:db8::a', 0, { jail: other });
    expect([1, 2, 3].flatMap((s) => fail(jails, '2001:db8::bad', s))).toEqual(['2001:db8::bad']);
  });
});

describe('allowed addresses', () => {
  test('are not counted at all', () => {
    const jails = jailsOf();
    const ctx = context({
      allowed: (_, { text }) => (text === '192.0.2.1' ? 'ignoreip 192.0.2.1' : undefined),
    });
    const { outcomes } = jails.step(failure('192.0.2.1', at(0)), at(0), ctx);
    expect(outcomes[0]).toMatchObject({ kind: 'ignored', reason: 'ignoreip 192.0.2.1' });
    expect(jails.stats(JAIL, at(0))).toMatchObject({
      currentlyFailed: 0,
      totalFailed: 0,
      totalIgnored: 1,
    });
  });
});

describe('recidive: a jail that counts bans', () => {
  test('does not count those that were taken back', () => {
    const jails = new Jails([
      policy({ maxretry: 1 }),
      policy({
        jail: mustJailName('again'),
        counts: 'bans',
        maxretry: 2,
        findtime: 86_400 as Seconds,
      }),
    ]);
    const ban = (second: number) =>
      jails.step(failure('192.0.2.1', at(second)), at(second), context()).decisions;
    const [first] = ban(0);
    if (first === undefined) throw new Error('no ban');
    jails.retract(first, context());
    // Twice is not more, nor is a ban that was never counted.
    jails.retract(first, context());
    jails.retract({ ...first, target: prefix('192.0.2.9') }, context());
    expect(ban(4_000).map(({ jail }) => jail)).toEqual([JAIL]);
    expect(ban(8_000).map(({ jail }) => jail)).toEqual([JAIL, 'again']);
  });

  const recidive = mustJailName('recidive');
  const both = [
    policy({ maxretry: 1, bantime: 10 as Seconds }),
    policy({
      jail: recidive,
      counts: 'bans',
      maxretry: 2,
      findtime: 86_400 as Seconds,
      bantime: null,
    }),
  ];

  test('bans who was banned twice within its findtime', () => {
    const jails = new Jails(both, SMALL);
    const found = [0, 100].map(
      (s) => jails.step(failure('192.0.2.1', at(s)), at(s), context()).decisions,
    );
    expect(found.map((decisions) => decisions.map(({ jail }) => jail))).toEqual([
      [JAIL],
      [JAIL, recidive],
    ]);
  });

  test('does not count an extension as a second ban', () => {
    const jails = new Jails(both, SMALL);
    jails.step(failure('192.0.2.1', at(0)), at(0), context());
    const ctx = context({
      openBan: (jail) => (jail === JAIL ? { until: at(10), previousBans: 0 } : undefined),
    });
    const { decisions } = jails.step(failure('192.0.2.1', at(5)), at(5), ctx);
    expect(decisions.map(({ jail }) => jail)).toEqual([JAIL]);
  });

  test('is warmed up from the bans of the ledger', () => {
    const jails = new Jails(both, SMALL);
    jails.observeBan(
      { jail: JAIL, target: prefix('192.0.2.1'), time: at(0), evidence: [] },
      context(),
    );
    const { decisions } = jails.step(failure('192.0.2.1', at(100)), at(100), context());
    expect(decisions.map(({ jail }) => jail)).toEqual([JAIL, recidive]);
  });
});

describe('warm-up', () => {
  test('counts and decides nothing; the next failure completes the window', () => {
    const jails = jailsOf();
    for (const s of [0, 1])
      expect(jails.observe(failure('192.0.2.1', at(s)), context()).kind).toBe('counted');
    expect(bansAt(jails, '192.0.2.1', [2])).toEqual([2]);
    expect(jails.stats(JAIL, at(2))?.totalFailed).toBe(1);
  });

  test('does not count again what the ledger says was settled', () => {
    const jails = jailsOf();
    jails.remember([{ jail: JAIL, target: prefix('192.0.2.1'), upTo: at(2), exact: true }]);
    for (const s of [0, 1, 2])
      expect(jails.observe(failure('192.0.2.1', at(s)), context()).kind).toBe('settled');
    expect(bansAt(jails, '192.0.2.1', [3, 4])).toEqual([]);
  });
});

describe('reload', () => {
  test('keeps the windows of kept jails and their totals', () => {
    const jails = jailsOf();
    bansAt(jails, '192.0.2.1', [0, 1]);
    expect(jails.reconfigure([policy({ bantime: 60 as Seconds })])).toEqual([]);
    expect(bansAt(jails, '192.0.2.1', [2])).toEqual([2]);
    expect(jails.stats(JAIL, at(2))?.totalFailed).toBe(3);
  });

  test('names the jails that must be warmed up: new ones and those that look further back', () => {
    const jails = jailsOf();
    const sshd = mustJailName('sshd');
    expect(
      jails.reconfigure([policy({ findtime: 700 as Seconds }), policy({ jail: sshd })]),
    ).toEqual([JAIL, sshd]);
    expect(jails.reconfigure([policy({ findtime: 700 as Seconds, maxretry: 4 })])).toEqual([JAIL]);
    expect(jails.names).toEqual([JAIL]);
    expect(
      jails.reconfigure([policy({ findtime: 700 as Seconds, maxretry: 4, ipv6prefix: 56 })]),
    ).toEqual([JAIL]);
  });

  test('a lower maxretry holds from the next failure on', () => {
    const jails = jailsOf({ maxretry: 5 });
    bansAt(jails, '192.0.2.1', [0, 1]);
    jails.reconfigure([policy({ maxretry: 3 })]);
    expect(bansAt(jails, '192.0.2.1', [2])).toEqual([2]);
  });
});

describe('explain', () => {
  test('shows the failures of an address in every jail, with the entries', () => {
    const jails = jailsOf();
    const event = failure('2001:db8::1', at(0));
    jails.step(event, at(0), context());
    const [view] = jails.explain(
      { family: 6, base: address('2001:db8::1').text, length: 128 },
      at(1),
    );
    expect(view).toEqual({
      jail: JAIL,
      target: prefix('2001:db8::/64'),
      failures: 1,
      maxretry: 3,
      needed: 3,
      last: at(0),
      evidence: [event.cursor],
      counts: [1],
    });
    expect(jails.explain(prefix('192.0.2.1'), at(1))).toEqual([]);
  });
});

describe('bounds', () => {
  test('past its number of addresses a jail forgets those with the oldest evidence, and only those', () => {
    const jails = new Jails([policy()], { ...SMALL, addressesMax: 3 });
    bansAt(jails, '192.0.2.1', [0]);
    bansAt(jails, '192.0.2.2', [1]);
    bansAt(jails, '192.0.2.1', [2]);
    bansAt(jails, '192.0.2.3', [3]);
    expect(jails.stats(JAIL, at(3))).toMatchObject({ tracked: 3, evicted: 0 });
    bansAt(jails, '192.0.2.4', [4]);
    expect(jails.stats(JAIL, at(4))).toMatchObject({ tracked: 3, evicted: 1 });
    expect(bansAt(jails, '192.0.2.1', [5])).toEqual([5]);
    expect(jails.explain(prefix('192.0.2.2'), at(5))).toEqual([]);
  });

  test.each([
    [WIDE_FLOORS_MAX, 'settled'],
    [WIDE_FLOORS_MAX + 1, 'counted'],
  ])('of %i prefixes that were unbanned by hand, the first is still %s', (count, kind) => {
    const jails = jailsOf();
    for (let i = 0; i < count; i++) jails.forget(prefix(`10.${i}.0.0/16`), { upTo: at(10) });
    const { outcomes } = jails.step(failure('10.0.0.1', at(5)), at(11), context());
    expect(outcomes[0]?.kind).toBe(kind);
    const last = jails.step(failure(`10.${count - 1}.0.1`, at(5)), at(11), context());
    expect(last.outcomes[0]?.kind).toBe('settled');
  });

  describe('a flood makes room for itself', () => {
    const MAX = 400;
    const small = () => new Jails([policy()], { ...SMALL, addressesMax: MAX });
    const six = (i: number) => `2001:db8:${i.toString(16)}::1`;
    const four = (i: number) => `10.0.${i >> 8}.${i & 255}`;

    test.each([
      ['of IPv6', six],
      ['of IPv4', four],
    ])('%s: who fails again is remembered', (_, who) => {
      const jails = small();
      bansAt(jails, '192.0.2.1', [0, 1]);
      bansAt(jails, '2001:db8:ffff::1', [0, 1]);
      for (let i = 0; i < 3 * MAX; i++) bansAt(jails, who(i), [2]);
      expect(bansAt(jails, '192.0.2.1', [3])).toEqual([3]);
      expect(bansAt(jails, '2001:db8:ffff::1', [3])).toEqual([3]);
    });

    test.each([
      ['IPv6', six, '192.0.2.1'],
      ['IPv4', four, '2001:db8:ffff::1'],
    ])('of %s: a first failure of the other family is remembered', (_, who, other) => {
      const jails = small();
      bansAt(jails, other, [0]);
      for (let i = 0; i < 3 * MAX; i++) bansAt(jails, who(i), [2, 2]);
      bansAt(jails, other, [3]);
      for (let i = 0; i < 3 * MAX; i++) bansAt(jails, who(i), [4]);
      expect(bansAt(jails, other, [5])).toEqual([5]);
    });

    test('each of the four has its quarter, and what nobody else needs', () => {
      const jails = small();
      const remembered = (who: (i: number) => string) =>
        Array.from(
          { length: 3 * MAX },
          (_, i) => jails.explain(prefix(who(i)), at(9)).length,
        ).filter((n) => n > 0).length;
      for (let i = 0; i < MAX; i++) bansAt(jails, four(i), [1]);
      expect(remembered(four)).toBe(MAX);
      for (let i = 0; i < 3 * MAX; i++) bansAt(jails, six(i), [2]);
      expect([remembered(four), remembered(six)]).toEqual([MAX / 2, MAX / 2]);
      for (let i = 0; i < MAX; i++) bansAt(jails, `172.16.${i >> 8}.${i & 255}`, [3, 3]);
      expect([remembered(four), remembered(six)].every((n) => n >= MAX / 4)).toBe(true);
      expect(jails.stats(JAIL, at(9))?.tracked).toBe(MAX);
    });
  });

  test('past its number of failures too', () => {
    const jails = new Jails([policy({ maxretry: 4 })], { ...SMALL, failuresMax: 4 });
    bansAt(jails, '192.0.2.1', [0, 1]);
    bansAt(jails, '192.0.2.2', [2, 3]);
    expect(jails.stats(JAIL, at(3))).toMatchObject({ evicted: 0 });
    expect(bansAt(jails, '192.0.2.2', [4])).toEqual([]);
    expect(jails.stats(JAIL, at(4))).toMatchObject({ evicted: 1, tracked: 1 });
    expect(bansAt(jails, '192.0.2.2', [5])).toEqual([5]);
  });

  test.each([
    [UNSWEPT_TARGETS_MAX, UNSWEPT_TARGETS_MAX + 1],
    [UNSWEPT_TARGETS_MAX + 1, UNSWEPT_TARGETS_MAX - 2],
  ])('of %i addresses with old failures an entry dated ahead leaves %i', (before, after) => {
    const jails = new Jails([policy()], SMALL);
    for (let i = 0; i < before; i++)
      bansAt(jails, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, [1]);
    expect(jails.tracking(JAIL).tracked).toBe(before);
    bansAt(jails, '192.0.2.9', [7_200]);
    expect(jails.tracking(JAIL).tracked).toBe(after);
  });
});

describe('the bounds that an agent has', () => {
  const evidence = (jails: Jails, who: string, second: number) =>
    jails.step(failure(who, at(second), { cursor: cursor('last') }), at(second), context())
      .decisions[0]?.evidence;

  test('a cursor of the longest length is evidence, a longer one is not', () => {
    const jails = new Jails([policy({ maxretry: 2 })]);
    const longest = cursor('x'.repeat(EVIDENCE_CURSOR_BYTES_MAX));
    jails.step(failure('192.0.2.1', at(0), { cursor: longest }), at(0), context());
    jails.step(failure('192.0.2.2', at(0), { cursor: cursor(`${longest}x`) }), at(0), context());
    expect(evidence(jails, '192.0.2.1', 1)).toEqual([longest, 'last']);
    expect(evidence(jails, '192.0.2.2', 1)).toEqual(['last']);
  });

  test('cursors are kept as long as they fit into so many bytes', () => {
    const record = EVIDENCE_CURSOR_BYTES_MAX + 2;
    const fit = Math.floor(EVIDENCE_LOG_BYTES_MAX / record);
    for (const [count, kept] of [
      [fit - 1, 2],
      [fit + 1, 1],
    ] as const) {
      const jails = new Jails([policy({ maxretry: 2 })]);
      for (let i = 0; i < count; i++) {
        const text = cursor(String(i).padStart(EVIDENCE_CURSOR_BYTES_MAX, 'x'));
        jails.step(failure(`10.0.${i >> 8}.${i & 255}`, at(0), { cursor: text }), at(0), context());
      }
      expect(evidence(jails, '10.0.0.0', 1)).toHaveLength(kept);
    }
  });
});
