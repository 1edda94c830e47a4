import { describe, expect, test } from '@jest/globals';
import { type Address, bitsOf, fromBits, parseAddress } from '../../src/core/address.js';
import {
  TALLY_ADDRESSES_MAX,
  TALLY_ALL_ATTEMPTS_MAX,
  TALLY_ATTEMPTS_MAX,
  TALLY_NETWORK_BITS,
  TALLY_NETWORKS_MAX,
  TALLY_SESSIONS_MAX,
  TALLY_TELLINGS_PROOFS,
  TALLY_TROUBLES_MAX,
  TALLY_USER_CHARS_MAX,
  TALLY_WITNESSES_MAX,
} from '../../src/core/limits.js';
import { epochMicros } from '../../src/core/time.js';
import {
  TALLY_CONTRADICTION_SECONDS,
  TALLY_DOUBT_SECONDS,
  TALLY_ELSEWHERE_SECONDS,
  TALLY_LATE_SECONDS,
  TALLY_PAIR_LEAST_SECONDS,
  TALLY_PAIR_SECONDS,
  TALLY_REPEAT_SECONDS,
  TALLY_SAME_SECONDS,
  TALLY_SECONDS,
  TALLY_SLACK_SECONDS,
  TALLY_TELLINGS_SECONDS,
  TALLY_TROUBLE_SECONDS,
  TALLY_UNSURE_QUIET_SECONDS,
  TALLY_UNSURE_SECONDS,
  TALLY_WAIT_SECONDS,
} from '../../src/core/timeouts.js';
import type { Part, Told } from '../../src/filter/match-groups.js';
import { Tally } from '../../src/filter/tally.js';

interface Given {
  readonly user?: string;
  readonly address?: string;
  readonly session?: string;
  readonly process?: string;
  readonly count?: number;
  readonly seconds?: number;
  readonly boot?: string;
}

/** A tally and short words for its lines; times in seconds. */
function bench() {
  const tally = new Tally();
  const line = (part: Part, time: number, given: Given, witness = '') => {
    const { session, process, seconds } = given;
    const told: Told = { part, session, process, witness, seconds };
    const { address = '192.0.2.1', boot = 'b', user = 'alice', count = 1 } = given;
    return { address, boot, user, count, time: epochMicros(Math.round(time * 1e6)), told };
  };
  const say =
    (part: Part) =>
    (time: number, given: Given = {}) =>
      tally.failure(line(part, time, given));
  return {
    tally,
    pam: (time: number, given: Given = {}) =>
      tally.failure(line('witness', time, given, 'pam_unix')),
    auth: (time: number, session: string, given: Given = {}, store = 'pam') =>
      tally.failure(line('witness', time, { ...given, session }, store)),
    sum: (time: number, count: number, given: Given = {}) =>
      tally.failure(line('sum', time, { seconds: 60, session: 's', ...given, count })),
    trouble: (time: number, session: string) => tally.trouble(line('trouble', time, { session })),
    login: (time: number, given: Given = {}) => tally.success(line('plain', time, given)),
    looked: (time: number, given: Given = {}) =>
      tally.failure(line('elsewhere', time, given, 'pam_unix')),
    plain: say('plain'),
    unsure: say('unsure'),
    opened: say('opened'),
    closed: say('closed'),
    elsewhere: say('elsewhere'),
  };
}

test('two modules of PAM in one process tell of one attempt, each time', () => {
  const { tally, pam } = bench();
  const sss = (time: number) =>
    tally.failure({
      ...{ address: '192.0.2.1', boot: 'b', user: 'alice', count: 1 },
      time: epochMicros(time * 1e6),
      told: {
        ...{ part: 'witness', session: undefined, process: '9' },
        ...{ witness: 'pam_sss', seconds: undefined },
      },
    });
  for (const time of [100, 110, 120, 130])
    expect([pam(time, { process: '9' }), sss(time)]).toEqual([1, 0]);
});

test('a guess at another user is no doubt of the witness, though its connection then logs in', () => {
  const { auth, login } = bench();
  expect(auth(100, 's')).toBe(1);
  login(103, { session: 's', user: 'mallory' });
  expect(auth(130, 't')).toBe(1);
});

describe('an attempt that several lines tell', () => {
  test('counts with the first of them, whatever their order', () => {
    const { pam, auth, sum } = bench();
    expect([pam(100), auth(102, 's'), sum(104, 1)]).toEqual([1, 0, 0]);
    expect([auth(200, 't'), pam(201), sum(204, 1, { session: 't' })]).toEqual([1, 0, 0]);
  });

  test('is one though several stores refuse it, and the next guess of the connection is another', () => {
    const { auth, sum } = bench();
    expect([auth(100, 's', {}, 'passwd-file'), auth(100, 's', {}, 'sql')]).toEqual([1, 0]);
    expect([auth(104, 's', {}, 'passwd-file'), auth(104, 's', {}, 'sql')]).toEqual([1, 0]);
    expect(sum(106, 2)).toBe(0);
  });

  test('is one though stores of one kind refuse it, and another after the pause that a server makes', () => {
    const { auth, pam, sum } = bench();
    expect([auth(100, 's'), auth(100.1, 's'), auth(100 + TALLY_REPEAT_SECONDS, 's')]).toEqual([
      1, 0, 0,
    ]);
    expect([auth(101, 's'), sum(103, 2)]).toEqual([1, 0]);
    // Another user, another connection, or a line without one, is another guess.
    expect([auth(200, 't'), auth(200, 't', { user: 'bob' }), auth(200, 'u')]).toEqual([1, 1, 1]);
    expect([pam(300), pam(300)]).toEqual([1, 1]);
    // Where the server makes no pause, the sum tells what was taken for one.
    expect([auth(400, 'v'), auth(400.5, 'v'), sum(401, 2, { session: 'v' })]).toEqual([1, 0, 1]);
  });

  test('is another where the witnesses are too far apart, or the user is another', () => {
    const { pam, auth } = bench();
    expect([pam(100), auth(100 + TALLY_SAME_SECONDS, 's')]).toEqual([1, 0]);
    expect([
      pam(200, { user: 'bob' }),
      auth(201 + TALLY_SAME_SECONDS, 't', { user: 'bob' }),
    ]).toEqual([1, 1]);
    expect([pam(300, { user: 'a' }), auth(301, 'u', { user: 'b' })]).toEqual([1, 1]);
  });

  test('has one user, in any case, with or without a domain', () => {
    const { pam, auth } = bench();
    const long = 'x'.repeat(TALLY_USER_CHARS_MAX);
    expect([pam(100, { user: 'alice' }), auth(101, 's', { user: 'Alice@example.org' })]).toEqual([
      1, 0,
    ]);
    expect([pam(200, { user: 'a@example.org' }), auth(201, 't', { user: 'A' })]).toEqual([1, 0]);
    expect([pam(300, { user: `${long}` }), auth(301, 'u', { user: long })]).toEqual([1, 0]);
    expect([pam(400, { user: `${long}y` }), auth(401, 'v', { user: `${long}...` })]).toEqual([
      1, 0,
    ]);
    const short = 'x'.repeat(TALLY_USER_CHARS_MAX - 1);
    expect([pam(500, { user: `${short}y` }), auth(501, 'w', { user: `${short}z` })]).toEqual([
      1, 1,
    ]);
  });
});

describe('the sum of a connection', () => {
  test('counts what no line told, all of it where there are no witnesses', () => {
    const { pam, sum } = bench();
    expect(sum(100, 3, { address: '192.0.2.2' })).toBe(3);
    expect([pam(100), pam(104), sum(110, 4)]).toEqual([1, 1, 2]);
  });

  test('takes its own session first, then lines without one, of any user', () => {
    const { auth, pam, sum } = bench();
    expect([auth(100, 's'), auth(101, 't'), auth(102, 't')]).toEqual([1, 1, 1]);
    expect(sum(104, 1, { session: 's' })).toBe(0);
    expect(sum(105, 2, { session: 't' })).toBe(0);
    expect([pam(200, { user: 'a' }), pam(204, { user: 'b' }), sum(206, 2, { user: 'b' })]).toEqual([
      1, 1, 0,
    ]);
    expect([auth(300, 'x'), sum(302, 1, { session: 'y' })]).toEqual([1, 1]);
  });

  test('is one with its parallels, in sum, whichever ends first', () => {
    const { pam, sum } = bench();
    let counted = 0;
    for (let i = 0; i < 40; i++) counted += pam(100 + i / 10);
    for (let i = 0; i < 20; i++) counted += sum(106 + i, 2, { session: `s${i}` });
    expect(counted).toBe(40);
  });

  test('reaches back as far as it says', () => {
    const { pam, sum } = bench();
    expect([pam(100), sum(110 + TALLY_SLACK_SECONDS, 1, { seconds: 10 })]).toEqual([1, 0]);
    expect([pam(200), sum(211 + TALLY_SLACK_SECONDS, 1, { seconds: 10 })]).toEqual([1, 1]);
  });

  test('may come a moment before the witness', () => {
    const { pam, auth, sum } = bench();
    expect([sum(100, 2), auth(100 + TALLY_LATE_SECONDS, 's'), pam(100.5)]).toEqual([2, 0, 0]);
    expect([sum(200, 1), auth(201 + TALLY_LATE_SECONDS, 's')]).toEqual([1, 1]);
  });

  test('of another address or another boot is another', () => {
    const { pam, sum } = bench();
    expect([pam(100), sum(104, 1, { address: '192.0.2.2' }), sum(105, 1, { boot: 'c' })]).toEqual([
      1, 1, 1,
    ]);
  });
});

describe('a server that asks two stores of PAM in turn', () => {
  /** Addresses whose connections show it: two lines for each attempt. */
  function learned() {
    const words = bench();
    for (let i = 0; i < TALLY_TELLINGS_PROOFS; i++) {
      const given = { address: `198.51.100.${i}`, session: `s${i}`, seconds: 9 };
      for (const time of [10, 13, 16, 19]) words.pam(20 * i + time, { address: given.address });
      words.sum(20 * i + 19, 2, given);
    }
    return words;
  }

  test('counts each attempt once, with its first line, once that is known', () => {
    const { pam, sum } = learned();
    expect([pam(200), pam(203), pam(206), pam(209), sum(209, 2, { seconds: 10 })]).toEqual([
      1, 0, 1, 0, 0,
    ]);
  });

  test('also where the auth service tells of each store by its name', () => {
    const { pam, auth, sum } = learned();
    const attempt = (time: number) => [
      pam(time),
      auth(time + 2, 's', {}, 'one'),
      pam(time + 3),
      auth(time + 5, 's', {}, 'two'),
    ];
    expect([...attempt(200), ...attempt(210), sum(216, 2, { seconds: 17 })]).toEqual([
      1, 0, 0, 0, 1, 0, 0, 0, 0,
    ]);
  });

  test('tells the second time within a minute, or it is another attempt', () => {
    const { pam } = learned();
    expect([pam(200), pam(200 + TALLY_TELLINGS_SECONDS)]).toEqual([1, 0]);
    expect([pam(400), pam(401 + TALLY_TELLINGS_SECONDS)]).toEqual([1, 1]);
  });

  test('is believed of a pair that one process tells, as long as nothing says otherwise', () => {
    const { pam, sum } = bench();
    const given = { process: '7' };
    expect([pam(100, given), pam(100 + TALLY_PAIR_SECONDS, given)]).toEqual([1, 0]);
    expect([pam(108, given), pam(111, given), pam(114, given)]).toEqual([1, 0, 1]);
    expect(sum(120, 3, { seconds: 21 })).toBe(0);
    for (const [user, process] of [
      ['alice', '8'],
      ['bob', '7'],
    ] as const) {
      const other = bench();
      expect([other.pam(100, given), other.pam(102, { user, process })]).toEqual([1, 1]);
    }
    const late = bench();
    expect([late.pam(100, given), late.pam(100.01 + TALLY_PAIR_SECONDS, given)]).toEqual([1, 1]);
    const nameless = bench();
    expect([nameless.pam(100), nameless.pam(102)]).toEqual([1, 1]);
  });

  test('is not believed behind one line and silence, and then both of a pair count', () => {
    const { pam } = bench();
    const given = { process: '7' };
    const other = { process: '9', address: '192.0.2.2' };
    expect([pam(100, given), pam(102, given), pam(102.5, other)]).toEqual([1, 0, 1]);
    expect(pam(102.6 + TALLY_PAIR_SECONDS, other)).toBe(1);
    expect([pam(110, given), pam(112, given)]).toEqual([2, 1]);
  });

  test('is still believed behind lines that came as a second store makes them', () => {
    const { pam } = bench();
    const process = (name: string) => ({ process: name });
    expect([pam(100, process('1')), pam(100 + TALLY_PAIR_LEAST_SECONDS, process('2'))]).toEqual([
      1, 1,
    ]);
    expect([pam(110, process('1')), pam(112, process('1'))]).toEqual([1, 0]);
    const shorter = bench();
    shorter.pam(100, process('1'));
    shorter.pam(99.99 + TALLY_PAIR_LEAST_SECONDS, process('2'));
    expect([shorter.pam(110, process('1')), shorter.pam(112, process('1'))]).toEqual([1, 1]);
  });

  test('is not believed after a sum of as many attempts as lines', () => {
    const { pam, sum } = bench();
    const given = { process: '7' };
    expect([pam(100, given), sum(103, 1), pam(104, given), pam(106, given)]).toEqual([1, 0, 1, 1]);
  });

  test('is believed where the auth service tells of each store too, and not of the next guess', () => {
    const { pam, auth, sum } = bench();
    const attempt = (time: number) => [
      pam(time, { process: '7' }),
      auth(time + 2, 's'),
      pam(time + 2.1, { process: '7' }),
      auth(time + 4, 's'),
    ];
    expect([...attempt(100), ...attempt(108)]).toEqual([1, 0, 0, 0, 1, 0, 0, 0]);
    expect(sum(115, 2, { seconds: 16 })).toBe(0);
  });

  test('is not what two connections of one address look like', () => {
    const { pam, sum } = bench();
    for (let i = 0; i <= TALLY_TELLINGS_PROOFS; i++) {
      const address = `198.51.100.${i}`;
      pam(100 * i + 10, { address });
      pam(100 * i + 11, { address });
      sum(100 * i + 12, 1, { address, session: 'one', seconds: 3 });
      sum(100 * i + 13, 1, { address, session: 'two', seconds: 4 });
    }
    expect([pam(900), pam(903), pam(906)]).toEqual([1, 1, 1]);
  });
});

describe('a login that may be another service', () => {
  test('waits while a connection to it is open, and the other jail counts it', () => {
    const { opened, pam, elsewhere, closed, sum } = bench();
    expect([opened(100), pam(101), elsewhere(104), closed(105)]).toEqual([0, 0, 0, 0]);
    expect([pam(106), sum(110, 1)]).toEqual([1, 0]);
  });

  test('is not the one that the other jail counted where the user is another', () => {
    const { elsewhere, pam } = bench();
    elsewhere(100, { user: 'bob' });
    expect([pam(101, { user: 'alice' }), pam(101, { user: 'bob' })]).toEqual([1, 0]);
    elsewhere(200, { user: '' });
    expect(pam(201, { user: 'alice' })).toBe(0);
  });

  test('counts though its address was silent for long before its next line', () => {
    const { opened, pam, plain } = bench();
    opened(100);
    expect([pam(101), plain(102 + TALLY_SECONDS, { count: 0 })]).toEqual([0, 1]);
  });

  test('may be told after the other jail counted it, when its connection has ended', () => {
    const { opened, elsewhere, closed, pam, auth } = bench();
    opened(100);
    expect([
      elsewhere(110),
      closed(111),
      auth(112, 's'),
      pam(110 + TALLY_ELSEWHERE_SECONDS),
    ]).toEqual([0, 0, 1, 0]);
    expect([elsewhere(200), pam(201 + TALLY_ELSEWHERE_SECONDS)]).toEqual([0, 1]);
  });

  test('waits until the last of the connections has ended', () => {
    const { opened, pam, closed } = bench();
    opened(100);
    opened(100);
    closed(101);
    expect(pam(102)).toBe(0);
    closed(103);
    expect(pam(104, { user: 'bob' })).toBe(1);
  });

  test('counts when it names its session, with its sum, or when it waited too long', () => {
    const { opened, pam, auth, sum } = bench();
    opened(100);
    expect([pam(101), auth(102, 's'), sum(104, 1)]).toEqual([0, 1, 0]);
    expect([pam(110), sum(114, 1, { session: 't' })]).toEqual([0, 1]);
    expect([pam(200), pam(200 + TALLY_WAIT_SECONDS), pam(201 + TALLY_WAIT_SECONDS)]).toEqual([
      0, 0, 1,
    ]);
  });

  test('is told by the names of the connections', () => {
    const { opened, closed, pam } = bench();
    opened(100, { session: 'smtpd[1]' });
    opened(100, { session: 'smtpd[2]' });
    closed(101, { session: 'smtpd[1]' });
    expect(pam(102)).toBe(0);
    closed(103, { session: 'smtpd[2]' });
    expect(pam(104, { user: 'bob' })).toBe(1);
  });
});

describe('a witness that is contradicted', () => {
  test('is believed when the next password is right', () => {
    const { pam, login } = bench();
    expect(pam(100)).toBe(1);
    login(101 + TALLY_CONTRADICTION_SECONDS, { session: 's' });
    expect(pam(110)).toBe(1);
  });

  test('is in doubt for an hour: it waits, and a login takes it back', () => {
    const { pam, login } = bench();
    pam(100);
    login(100 + TALLY_CONTRADICTION_SECONDS, { session: 's' });
    expect(pam(200, { address: '192.0.2.2' })).toBe(0);
    login(202, { address: '192.0.2.2', session: 't' });
    expect(pam(220, { address: '192.0.2.2' })).toBe(0);
    expect(pam(202 + TALLY_DOUBT_SECONDS, { address: '192.0.2.3' })).toBe(0);
    expect(pam(203 + TALLY_DOUBT_SECONDS, { address: '192.0.2.4' })).toBe(1);
  });

  test('still counts by the sum, by another witness, and in the end by itself', () => {
    const { pam, auth, sum, login } = bench();
    pam(100);
    login(101, { session: 's' });
    expect([pam(200), sum(204, 1)]).toEqual([0, 1]);
    expect([pam(300), auth(301, 't'), sum(304, 1, { session: 't' })]).toEqual([0, 1, 0]);
    expect([pam(400), pam(401 + TALLY_WAIT_SECONDS)]).toEqual([0, 1]);
  });

  test('is not the only one that can be: the oldest doubt goes when there are too many', () => {
    const { auth, login } = bench();
    for (let i = 0; i <= TALLY_WITNESSES_MAX; i++) {
      auth(100 + i, `s${i}`, {}, `store${i}`);
      login(100 + i, { session: `s${i}` });
    }
    expect(auth(200, 't', { user: 'x' }, 'store1')).toBe(0);
    expect(auth(200, 'u', { user: 'y' }, 'store0')).toBe(1);
  });
});

describe('an unsure line', () => {
  test('counts after a failure of its address, on a connection that was silent', () => {
    const { plain, unsure, opened } = bench();
    expect(unsure(100, { session: 'p1' })).toBe(0);
    expect(plain(200, { session: 'p1' })).toBe(1);
    expect(unsure(200 + TALLY_UNSURE_QUIET_SECONDS, { session: 'p1' })).toBe(0);
    expect(unsure(210 + 2 * TALLY_UNSURE_QUIET_SECONDS, { session: 'p1' })).toBe(1);
    opened(300, { session: 'p2' });
    expect([unsure(301, { session: 'p2' }), unsure(311, { session: 'p2' })]).toEqual([0, 1]);
    expect(unsure(311 + TALLY_UNSURE_SECONDS, { session: 'p2' })).toBe(1);
    expect(unsure(312 + 2 * TALLY_UNSURE_SECONDS, { session: 'p2' })).toBe(0);
  });
});

test('an unsure line of an IPv6 address counts after a failure in its /48, which waits as a whole', () => {
  const { plain, unsure } = bench();
  const failed = parseAddress('2001:db8:1:2::3') as Address;
  // Another bit behind the last one of the network, and its last one.
  const [inside, outside] = [TALLY_NETWORK_BITS + 1, TALLY_NETWORK_BITS].map(
    (bit) => fromBits(6, bitsOf(failed) ^ (1n << BigInt(128 - bit))).text,
  );
  plain(100, { address: failed.text });
  expect(unsure(110, { session: 'p', address: inside as string })).toBe(1);
  expect(unsure(110, { session: 'q', address: outside as string })).toBe(0);
  // What is unsure itself is no evidence against others.
  expect(unsure(110 + TALLY_UNSURE_SECONDS, { session: 'r', address: '2001:db8:1::4' })).toBe(0);
  plain(2000, { address: '192.0.2.7' });
  expect(unsure(2010, { session: 's', address: '192.0.2.8' })).toBe(0);
});

test('an unsure line counts when a witness tells soon after that the server looked at the password', () => {
  const { unsure, looked, elsewhere, plain } = bench();
  expect([unsure(110, { session: 'p' }), unsure(110, { session: 'q' })]).toEqual([0, 0]);
  // A failure of another service tells of no attempt here.
  expect(elsewhere(111)).toBe(0);
  expect([looked(112), looked(113), looked(114)]).toEqual([1, 1, 0]);
  const other = { address: '192.0.2.2' };
  expect([
    unsure(200, { session: 'r', ...other }),
    looked(201 + TALLY_ELSEWHERE_SECONDS, other),
  ]).toEqual([0, 0]);
  const third = { address: '192.0.2.3', user: 'bob' };
  expect([
    unsure(300, { session: 's', ...third }),
    looked(301, { ...third, user: 'alice' }),
  ]).toEqual([0, 0]);
  expect(looked(302, third)).toBe(1);
  expect(plain(400, { count: 2 })).toBe(2);
});

test('so many networks are known by their last failure', () => {
  const { plain, unsure } = bench();
  const address = (n: number) => `2001:db8:${(n + 1).toString(16)}::1`;
  for (let n = 0; n <= TALLY_NETWORKS_MAX; n++) plain(100, { address: address(n) });
  const other = (n: number) => address(n).replace(/1$/, '2');
  expect([0, 1].map((n) => unsure(110, { session: 'p', address: other(n) }))).toEqual([0, 1]);
});

test('an unsure line counts after a failure that another jail counts', () => {
  const { elsewhere, unsure } = bench();
  expect([elsewhere(100), unsure(110, { session: 'p' })]).toEqual([0, 1]);
});

describe('trouble of the server', () => {
  test('takes the failure that its session tells in the same moment', () => {
    const { trouble, plain, unsure, tally } = bench();
    trouble(100, 'p1');
    expect(plain(100 + TALLY_TROUBLE_SECONDS, { session: 'p1' })).toBe(0);
    expect(tally.size).toBe(1);
    expect(plain(101 + TALLY_TROUBLE_SECONDS, { session: 'p1' })).toBe(1);
    trouble(200, 'p1');
    expect([plain(200, { session: 'p2' }), plain(200, { session: 'p1', boot: 'c' })]).toEqual([
      1, 1,
    ]);
    expect(unsure(200, { session: 'p1' })).toBe(0);
  });

  test('of the session that was silent longest is forgotten when there are too many', () => {
    const { trouble, plain } = bench();
    for (let i = 0; i <= TALLY_TROUBLES_MAX; i++) trouble(100, `p${i}`);
    expect([plain(100, { session: 'p0' }), plain(100, { session: 'p1' })]).toEqual([1, 0]);
  });
});

describe('the bounds', () => {
  test('an attempt is forgotten after its time, and so is a silent address', () => {
    const { pam, sum, tally } = bench();
    expect([pam(100), sum(100 + TALLY_SECONDS, 1, { seconds: TALLY_SECONDS })]).toEqual([1, 0]);
    expect([pam(10_000), sum(10_001 + TALLY_SECONDS, 1, { seconds: TALLY_SECONDS })]).toEqual([
      1, 1,
    ]);
    pam(20_000, { address: '192.0.2.9' });
    expect(tally.size).toBe(1);
  });

  test('the oldest attempt of an address goes when there are too many', () => {
    const { pam, sum } = bench();
    for (let i = 0; i <= TALLY_ATTEMPTS_MAX; i++) pam(100);
    expect(sum(101, TALLY_ATTEMPTS_MAX)).toBe(0);
    for (let i = 0; i <= TALLY_ATTEMPTS_MAX; i++) pam(200);
    expect(sum(201, TALLY_ATTEMPTS_MAX + 1, { session: 't' })).toBe(1);
  });

  test('the longest silent address goes when there are too many, of them or of their attempts', () => {
    const many = bench();
    for (let i = 0; i <= TALLY_ADDRESSES_MAX; i++) many.plain(100, { address: `a${i}` });
    expect(many.tally.size).toBe(TALLY_ADDRESSES_MAX);
    const full = bench();
    const needed = Math.ceil(TALLY_ALL_ATTEMPTS_MAX / TALLY_ATTEMPTS_MAX);
    for (let a = 0; a <= needed; a++)
      for (let i = 0; i < TALLY_ATTEMPTS_MAX; i++) full.pam(100, { address: `a${a}` });
    expect(full.sum(101, 1, { address: 'a0' })).toBe(1);
    expect(full.sum(101, 1, { address: `a${needed}` })).toBe(0);
  });

  test('so many connections of an address are known by name', () => {
    const { opened, closed, pam } = bench();
    for (let i = 0; i <= TALLY_SESSIONS_MAX; i++) opened(100, { session: `p${i}` });
    for (let i = 1; i <= TALLY_SESSIONS_MAX; i++) closed(101, { session: `p${i}` });
    expect(pam(102)).toBe(1);
  });

  test('an address of which nothing is left to know takes no room', () => {
    const { opened, closed, tally } = bench();
    opened(100, { session: 'p' });
    expect(tally.size).toBe(1);
    closed(101, { session: 'p' });
    expect(tally.size).toBe(0);
  });
});
