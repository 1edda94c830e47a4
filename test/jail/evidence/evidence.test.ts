import { beforeEach, describe, expect, test } from '@jest/globals';
import { formatPrefix, prefixOf } from '../../../src/core/address.js';
import {
  ALLOWANCE_MAX,
  EVIDENCE_ADDRESSES_MAX,
  EVIDENCE_CREDITS_MAX,
  EVIDENCE_DIGESTS_MAX,
  EVIDENCE_GUESSES_MAX,
  EVIDENCE_NAMES_MAX,
  EVIDENCE_OFFENDERS_MAX,
  EVIDENCE_OLD_PASSWORDS_MAX,
  EVIDENCE_PREFIXES_MAX,
  EVIDENCE_RIGHT_PASSWORDS_MAX,
  EVIDENCE_RIGHT_USERS_MAX,
  NAME_DOMAINS_MAX,
  NEW_PLACES_MAX,
  PHONE_BURST,
} from '../../../src/core/limits.js';
import { mustJailName } from '../../../src/core/names.js';
import { seconds } from '../../../src/core/time.js';
import {
  DIGEST_SECONDS,
  LOGIN_REPEAT_SECONDS,
  NEW_PLACE_SECONDS,
  PHONE_PAUSE_SECONDS,
} from '../../../src/core/timeouts.js';
import { Evidence } from '../../../src/jail/evidence/evidence.js';
import { DEFAULT_RULES, type EvidenceRules } from '../../../src/jail/evidence/rules.js';
import { DEFAULT_POLICY_RULES, decide } from '../../../src/policy/decide.js';
import { address, at, prefix } from '../support.js';

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** Long enough after the first event for names to be known. */
const LATER = 10 * DAY;

const IMAP = mustJailName('dovecot');
const SMTP = mustJailName('postfix-sasl');

let evidence: Evidence;
const made = (rules: Partial<EvidenceRules> = {}) =>
  new Evidence({ ...DEFAULT_RULES, ...rules }, 1);

/** An attempt, counted by the address itself or its /64. */
function attempt(who: string, user: string | undefined, second: number) {
  const from = address(who);
  const target = prefixOf(from, from.family === 4 ? 32 : 64);
  const seen = { service: IMAP, address: from, target, time: at(second) };
  return { ...seen, ...(user === undefined ? {} : { user }) };
}
const fail = (who: string, user: string | undefined, second: number) =>
  evidence.failure(attempt(who, user, second));
const login = (who: string, user: string, second: number) =>
  evidence.login(attempt(who, user, second));
const rulesOf = ({ findings }: ReturnType<typeof fail>) =>
  findings.map(({ rule, target }) => `${rule} ${formatPrefix(target)}`);

beforeEach(() => {
  evidence = made();
  // The model begins to learn.
  login('192.0.2.1', 'anna', 0);
});

describe('the points of an address', () => {
  test('a user with logins, one failure a day: five days pass before the points suffice, and they fade', () => {
    const days = Array.from({ length: 20 }, (_, day) =>
      rulesOf(fail('198.51.100.7', 'anna', LATER + day * DAY)),
    );
    const first = days.findIndex((rules) => rules.includes('slow 198.51.100.7'));
    // 1 + 2^(-1/7) + 2^(-2/7) + ... reaches 5 with the seventh.
    expect(first).toBe(6);
  });

  test('one failure in two weeks never suffices', () => {
    for (let n = 0; n < 30; n++)
      expect(rulesOf(fail('198.51.100.7', 'anna', LATER + n * 14 * DAY))).toEqual([]);
  });

  test('a name that never logged in weighs twice, and so does every further name', () => {
    expect(fail('198.51.100.7', 'nobody', LATER).points).toBe(2);
    expect(fail('198.51.100.8', 'anna', LATER).points).toBe(1);
    login('192.0.2.2', 'ben', LATER);
    expect(fail('198.51.100.8', 'ben', LATER + 1).points).toBe(2);
  });

  test('before three days have passed no name is held for unknown', () => {
    evidence = made();
    expect([
      fail('198.51.100.7', 'nobody', 0).points,
      fail('198.51.100.7', 'nobody', 3 * DAY - 1).points,
    ]).toEqual([1, 1]);
    expect(fail('198.51.100.7', 'nobody', 3 * DAY).points).toBe(2);
  });

  test('an entry that reports three attempts gives three times the points', () => {
    expect(evidence.failure(attempt('198.51.100.7', 'anna', LATER), 3).points).toBe(3);
  });

  test('a late entry adds what is left of it', () => {
    fail('198.51.100.7', 'anna', LATER + 7 * DAY);
    fail('198.51.100.7', 'anna', LATER);
    expect(evidence.pointsOf(prefix('198.51.100.7'), at(LATER + 7 * DAY))).toBeCloseTo(1.5, 2);
  });

  test('an operator that lifts the ban of an address, or of its network, begins anew with it', () => {
    for (const target of ['198.51.100.7', '198.51.100.0/24']) {
      fail('198.51.100.7', 'nobody', LATER);
      evidence.forget(prefix(target), at(LATER + 1));
      fail('198.51.100.7', 'nobody', LATER + 2);
      expect(evidence.pointsOf(prefix('198.51.100.7'), at(LATER + 2))).toBeCloseTo(2, 2);
      evidence.forget(prefix('198.51.100.7'), at(LATER + 3));
    }
  });
});

describe('credit', () => {
  test('a forgetful user counts once in six hours, and earns no points', () => {
    const first = fail('192.0.2.1', 'anna', HOUR);
    const again = Array.from({ length: 50 }, (_, n) => fail('192.0.2.1', 'anna', 2 * HOUR + n));
    expect(first.points).toBe(1);
    expect(again.map(({ points }) => points)).toEqual(Array(50).fill(0));
    expect(fail('192.0.2.1', 'anna', 7 * HOUR).points).toBe(1);
    expect(evidence.pointsOf(prefix('192.0.2.1'), at(7 * HOUR))).toBe(0);
  });

  test('credit in the network around: failures count and weigh nothing, since leases change', () => {
    for (let n = 0; n < 50; n++)
      expect(fail('192.0.2.99', 'anna', HOUR + n)).toMatchObject({ points: 1, findings: [] });
    expect(evidence.pointsOf(prefix('192.0.2.99'), at(HOUR + 50))).toBe(0);
    fail('192.0.3.99', 'anna', HOUR + 2);
    expect(evidence.pointsOf(prefix('192.0.3.99'), at(HOUR + 2))).toBe(1);
  });

  test('IPv6: in the /48', () => {
    login('2001:db8:1:2::3', 'ben', 0);
    fail('2001:db8:1:ffff::9', 'ben', HOUR);
    expect(evidence.pointsOf(prefix('2001:db8:1:ffff::/64'), at(HOUR))).toBe(0);
    fail('2001:db8:2::9', 'ben', HOUR + 2);
    expect(evidence.pointsOf(prefix('2001:db8:2::/64'), at(HOUR + 2))).toBe(1);
  });

  test('it ends thirty days after the last login', () => {
    expect(fail('192.0.2.1', 'anna', 30 * DAY).findings).toEqual([]);
    fail('192.0.2.1', 'anna', 30 * DAY + 1);
    expect(evidence.pointsOf(prefix('192.0.2.1'), at(30 * DAY + 1))).toBe(1);
  });

  test('it is of one user: another name from there earns points', () => {
    login('192.0.2.2', 'ben', 0);
    expect(fail('192.0.2.1', 'ben', HOUR).points).toBe(0 + 1);
    expect(fail('192.0.3.1', 'anna', HOUR).points).toBe(1);
    expect(evidence.pointsOf(prefix('192.0.3.1'), at(HOUR))).toBe(1);
  });

  describe('an old phone in an office', () => {
    const OFFICE = '203.0.113.10';
    const staff = (...users: readonly string[]) => {
      for (const user of users) login(OFFICE, user, LATER);
    };
    const points = (user: string, times: readonly number[]) =>
      times.map((time) => fail(OFFICE, user, LATER + time).points);
    const every = (pause: number, count: number) =>
      Array.from({ length: count }, (_, n) => n * pause);

    test(`may try every ${PHONE_PAUSE_SECONDS} seconds for ever`, () => {
      staff('anna', 'ben');
      expect(points('carl', every(PHONE_PAUSE_SECONDS, 1_000)).filter((one) => one > 0)).toEqual(
        [],
      );
    });

    test(`has ${PHONE_BURST} failures at once, and not one more`, () => {
      staff('anna', 'ben');
      const first = points('carl', every(0, PHONE_BURST + 1)).findIndex((one) => one > 0);
      expect(first).toBe(PHONE_BURST);
    });

    test('is one phone: a second name counts, until the first has rested for a day', () => {
      staff('anna', 'ben');
      expect(points('carl', [0])).toEqual([0]);
      expect(points('dora', [1])[0]).toBeGreaterThan(0);
      expect(points('dora', [PHONE_PAUSE_SECONDS + DAY])).toEqual([0]);
    });

    test('needs two other users: one mailbox buys no immunity', () => {
      staff('anna');
      expect(points('carl', [0])[0]).toBeGreaterThan(0);
    });

    test('is none where the name is a honeypot', () => {
      evidence = made({ honeypot: new Set(['trap']) });
      staff('anna', 'ben');
      expect(rulesOf(fail(OFFICE, 'trap', LATER))).toEqual([`honeypot ${OFFICE}`]);
    });
  });

  test.each([
    ['a network', (n: number) => [`198.51.100.${n}`, 'ben'], 'subnet 198.51.100.0/24'],
    ['a user', (n: number) => [`198.51.${n}.1`, 'anna'], 'user 198.51.9.1'],
  ] as const)(
    'before three days have passed nothing is said against the next of %s',
    (_, who, rule) => {
      const all = (from: number) => {
        evidence = made();
        login('192.0.2.1', 'anna', 0);
        return Array.from({ length: 9 }, (__, n) => {
          const [address = '', user = ''] = who(n + 1);
          return rulesOf(fail(address, user, from + n));
        }).flat();
      };
      expect(all(3 * DAY - 9)).toEqual([]);
      expect(all(3 * DAY)).toContain(rule);
    },
  );

  test('an address with many users may fail more often, up to five times as often', () => {
    for (const user of ['b', 'c', 'd', 'e', 'f', 'g']) login('192.0.2.1', user, 0);
    expect(fail('192.0.2.1', 'x', HOUR).allowance).toBe(ALLOWANCE_MAX);
    login('192.0.2.3', 'h', 0);
    expect(fail('192.0.2.3', 'x', HOUR).allowance).toBe(2);
    expect(fail('198.51.100.7', 'x', HOUR).allowance).toBe(1);
  });

  test('a ban of an address that two others log in from is a short one', () => {
    login('192.0.2.1', 'ben', LATER);
    login('192.0.2.1', 'anna', LATER);
    const all = Array.from({ length: 20 }, (_, n) => fail('192.0.2.1', `stranger ${n}`, LATER + n));
    const found = all.flatMap(({ findings }) => findings);
    expect(found.length).toBeGreaterThan(0);
    expect(found.every(({ isShared }) => isShared)).toBe(true);
  });

  test('one mailbox of his own buys an attacker no short ban', () => {
    login('198.51.100.7', 'mallory', LATER);
    const all = Array.from({ length: 10 }, (_, n) =>
      fail('198.51.100.7', `stranger ${n}`, LATER + n),
    );
    const found = all.flatMap(({ findings }) => findings);
    expect(found.map(({ isShared }) => isShared)).toContain(false);
  });

  test('a login is news again after six hours, from elsewhere, or at another service', () => {
    expect(login('192.0.2.1', 'anna', LOGIN_REPEAT_SECONDS).isNew).toBe(false);
    expect(login('192.0.2.1', 'anna', 2 * LOGIN_REPEAT_SECONDS + 1).isNew).toBe(true);
    expect(login('192.0.9.1', 'anna', 2 * LOGIN_REPEAT_SECONDS + 2).isNew).toBe(true);
    const sent = (second: number) =>
      evidence.login({ ...attempt('192.0.9.1', 'anna', second), service: SMTP }).isNew;
    const second = 2 * LOGIN_REPEAT_SECONDS + 3;
    expect([sent(second), sent(second + LOGIN_REPEAT_SECONDS)]).toEqual([true, false]);
    expect(login('192.0.9.1', 'anna', second + 1).isNew).toBe(false);
  });
});

describe('the password that was tried', () => {
  /** A failure of which the line tells the digest. */
  const guess = (who: string, user: string, second: number, digest: string) =>
    evidence.failure({ ...attempt(who, user, second), digest });

  test('one old password again and again is one failure a day, also without any login', () => {
    const storm = Array.from({ length: 40 }, (_, n) =>
      guess('198.51.100.7', 'anna', LATER + n, 'd390c1'),
    );
    expect(storm.map(({ points }) => points)).toEqual([1, ...Array(39).fill(0)]);
    expect(storm.slice(1).every(({ guess: what }) => what === 'repeat')).toBe(true);
    const next = LATER + DIGEST_SECONDS;
    expect(guess('198.51.100.7', 'anna', next - 1, 'd390c1').points).toBe(0);
    expect(guess('198.51.100.7', 'anna', next, 'd390c1').points).toBe(1);
  });

  test('another password, another user, or another network is another guess', () => {
    guess('198.51.100.7', 'anna', LATER, 'd390c1');
    expect(guess('198.51.100.7', 'anna', LATER, 'd390c2').points).toBe(1);
    expect(guess('198.51.100.7', 'ben', LATER, 'd390c1').points).toBeGreaterThan(0);
    expect(guess('203.0.113.7', 'anna', LATER, 'd390c1').points).toBe(1);
    expect(guess('198.51.100.99', 'anna', LATER, 'd390c1').points).toBe(0);
  });

  test(`a user may have ${EVIDENCE_OLD_PASSWORDS_MAX} old passwords in use, and not one more`, () => {
    const round = (count: number, second: number) =>
      Array.from({ length: count }, (_, n) =>
        guess('198.51.100.7', 'anna', second + n, `00000${n}`),
      ).reduce((sum, { points }) => sum + points, 0);
    expect(round(EVIDENCE_OLD_PASSWORDS_MAX, LATER)).toBe(EVIDENCE_OLD_PASSWORDS_MAX);
    expect(round(EVIDENCE_OLD_PASSWORDS_MAX, LATER + 100)).toBe(0);
    expect(round(EVIDENCE_OLD_PASSWORDS_MAX + 1, LATER + 200)).toBeGreaterThan(0);
    expect(round(EVIDENCE_OLD_PASSWORDS_MAX + 1, LATER + 300)).toBeGreaterThan(0);
  });

  describe('behind an address that two others log in from', () => {
    const OFFICE = '203.0.113.10';
    const of = (count: number, pause: number, digest: (n: number) => string) =>
      Array.from({ length: count }, (_, n) =>
        guess(OFFICE, 'carl', LATER + n * pause, digest(n)),
      ).map(({ points }) => points);
    const sixDigits = (n: number) => n.toString(16).padStart(6, '0');
    beforeEach(() => {
      for (const user of ['anna', 'ben', 'carl']) login('192.0.2.2', user, LATER);
      for (const user of ['anna', 'ben']) login(OFFICE, user, LATER);
    });

    test(`a phone with ${EVIDENCE_OLD_PASSWORDS_MAX} old passwords counts nowhere, for a week`, () => {
      const old = (n: number) => sixDigits(n % EVIDENCE_OLD_PASSWORDS_MAX);
      const points = of((7 * DAY) / PHONE_PAUSE_SECONDS, PHONE_PAUSE_SECONDS, old);
      expect(points.filter((one) => one > 0)).toEqual([]);
    });

    test('from the next new password within a day on each counts: nobody tells a phone so many', () => {
      const points = of(600, PHONE_PAUSE_SECONDS, sixDigits);
      expect(points.slice(0, EVIDENCE_OLD_PASSWORDS_MAX)).toEqual(
        Array(EVIDENCE_OLD_PASSWORDS_MAX).fill(0),
      );
      expect(points.slice(EVIDENCE_OLD_PASSWORDS_MAX).every((one) => one > 0)).toBe(true);
    });

    test('the address is banned, for minutes, and those who log in from it keep their credit', () => {
      const found = Array.from({ length: 30 }, (_, n) =>
        guess(OFFICE, 'carl', LATER + n * PHONE_PAUSE_SECONDS, sixDigits(n)),
      ).flatMap(({ findings }) => findings);
      expect(found[0]).toMatchObject({ rule: 'slow', isShared: true });
      const told = (user: string) => {
        const known = evidence.facts(attempt(OFFICE, user, LATER + 30 * PHONE_PAUSE_SECONDS));
        const of = { jail: 'login', isWatching: false, failures: 0, maxretry: 3 };
        return decide({ ...known, ...of }, DEFAULT_POLICY_RULES);
      };
      expect(told('anna')).toEqual({ action: 'serve', reason: 'credit' });
      expect(told('carl')).toEqual({ action: 'refuse', reason: 'shared-address' });
    });
  });

  test('a user with a login, too, counts once a day with it instead of once in six hours', () => {
    const points = Array.from(
      { length: 4 },
      (_, n) => guess('192.0.2.1', 'anna', HOUR + n * 7 * HOUR, 'd390c1').points,
    );
    expect(points).toEqual([1, 0, 0, 0]);
  });

  test('a failure without a digest counts as ever, and so does a honeypot', () => {
    guess('198.51.100.7', 'anna', LATER, 'd390c1');
    expect(fail('198.51.100.7', 'anna', LATER + 1).points).toBe(1);
    evidence = made({ honeypot: new Set(['trap']) });
    for (const second of [0, 1])
      expect(rulesOf(guess('198.51.100.8', 'Trap', second, 'd390c1'))).toEqual([
        'honeypot 198.51.100.8',
      ]);
  });

  test('one password for eight users within a day is a spray: three points each from then on', () => {
    const spray = (n: number, second: number) =>
      guess(`198.51.${n}.7`, `user${n}`, second, 'd390c1');
    for (let n = 0; n < 8; n++) login(`192.0.2.${n + 10}`, `user${n}`, LATER);
    const points = Array.from({ length: 8 }, (_, n) => spray(n, LATER + n).points);
    expect(points).toEqual([1, 1, 1, 1, 1, 1, 1, 3]);
    expect(spray(7, LATER + 8).points).toBe(0);
    evidence = made();
    for (let n = 0; n < 8; n++) login(`192.0.2.${n + 10}`, `user${n}`, LATER);
    const slow = Array.from({ length: 8 }, (_, n) => spray(n, LATER + n * 4 * HOUR).points);
    expect(slow.at(-1)).toBe(1);
  });

  test('a stranger it is, for whom the live edge decides, unless it is a guess of before', () => {
    const one = { ...attempt('198.51.100.7', 'anna', LATER), digest: 'd390c1' };
    expect(evidence.isStranger(one)).toBe(true);
    evidence.failure(one);
    expect(evidence.isStranger(one)).toBe(false);
    expect(evidence.isStranger({ ...one, digest: 'd390c2' })).toBe(true);
  });

  test('a flood of guesses takes no more room than its bound', () => {
    evidence = new Evidence({ ...DEFAULT_RULES }, 1, { guesses: 64, names: 64, addresses: 64 });
    for (let n = 0; n < 3_000; n++) guess('198.51.100.7', `user${n}`, LATER, 'd390c1');
    expect(evidence.bytes).toBeLessThan(150_000);
  });
});

describe('what the server says of a failure', () => {
  const failed = (user: string, second: number, cause?: 'unknown-user' | 'wrong-password') =>
    evidence.failure({ ...attempt('198.51.100.7', user, second), ...(cause && { cause }) });

  test('a user that it does not know weighs twice at once, unless the name has logged in', () => {
    evidence = made();
    expect(failed('nobody', 0, 'unknown-user').points).toBe(2);
    login('192.0.2.1', 'anna', 1);
    evidence.forget(prefix('198.51.100.7'), at(2));
    expect(failed('anna', 3, 'unknown-user').points).toBe(1);
  });

  test('a user that it knows is no unknown one, and no dead name, but may be under attack', () => {
    const found = Array.from({ length: 8 }, (_, n) =>
      evidence.failure({
        ...attempt(`198.51.${n}.7`, 'mailbox', LATER + n),
        cause: 'wrong-password',
      }),
    );
    expect(found.map(({ points }) => points)).toEqual(Array(8).fill(1));
    expect(found.flatMap(rulesOf)).toEqual(['user 198.51.7.7']);
  });
});

test('who attacked a user, or tried a dead name, is banned at the next failure within days', () => {
  for (let n = 0; n < 8; n++) fail(`198.51.${n}.7`, 'anna', LATER + n);
  expect(rulesOf(fail('198.51.7.7', 'anna', LATER + 2 * DAY))).toEqual(['slow 198.51.7.7']);
  for (let n = 0; n < 5; n++) fail(`203.0.${n}.7`, 'scanner', LATER + n);
  expect(rulesOf(fail('203.0.4.7', 'carla', LATER + DAY))).toContain('slow 203.0.4.7');
  // Those that came first were not known to be of them.
  expect(rulesOf(fail('203.0.0.7', 'ben', LATER + DAY))).toEqual([]);
});

describe('offenders of a prefix', () => {
  const sweep = (n: number, second = LATER) =>
    Array.from({ length: n }, (_, i) =>
      rulesOf(fail(`198.51.100.${i + 1}`, 'anna', second + i * HOUR)),
    );

  test('the sixth offender of a /24 within a week bans it', () => {
    expect(sweep(6).map((rules) => rules.includes('subnet 198.51.100.0/24'))).toEqual([
      ...Array(5).fill(false),
      true,
    ]);
  });

  test('not when somebody logged in from there', () => {
    login('198.51.100.200', 'anna', LATER - DAY);
    expect(
      sweep(20)
        .flat()
        .filter((rule) => rule.startsWith('subnet')),
    ).toEqual([]);
  });

  test('not when they are spread over more than a week', () => {
    const rules = Array.from({ length: 6 }, (_, i) =>
      rulesOf(fail(`198.51.100.${i + 1}`, 'anna', LATER + i * 2 * DAY)),
    );
    expect(rules.flat().filter((rule) => rule.startsWith('subnet'))).toEqual([]);
  });

  test('from the second to the third day only many that try several names, as no old phone does', () => {
    const early = (names: readonly string[], count: number, from = DAY) => {
      evidence = made();
      login('192.0.2.1', 'anna', 0);
      return Array.from({ length: count }, (_, n) =>
        rulesOf(fail(`198.51.100.${n + 1}`, names[n % names.length], from + n)),
      ).flat();
    };
    const banned = 'subnet 198.51.100.0/24';
    expect(early(['ben', 'carla'], EVIDENCE_OFFENDERS_MAX)).toEqual([banned]);
    expect(early(['ben', 'carla'], EVIDENCE_OFFENDERS_MAX, DAY - 9)).toEqual([]);
    expect(early(['ben', 'carla'], EVIDENCE_OFFENDERS_MAX - 1)).toEqual([]);
    expect(early(['ben'], 4 * EVIDENCE_OFFENDERS_MAX)).toEqual([]);
    login('198.51.100.200', 'anna', DAY);
    const later = Array.from({ length: EVIDENCE_OFFENDERS_MAX }, (_, n) =>
      rulesOf(fail(`198.51.100.${n + 1}`, `user${n}`, DAY + n)),
    ).flat();
    expect(later).toEqual([]);
  });

  test('IPv6: the /56 before the /48', () => {
    const rules = Array.from({ length: 6 }, (_, i) =>
      rulesOf(fail(`2001:db8:1:${i}::1`, 'anna', LATER + i)),
    );
    expect(rules[5]).toContain('subnet 2001:db8:1::/56');
    const far = Array.from({ length: 6 }, (_, i) =>
      rulesOf(fail(`2001:db8:9:${i}00::1`, 'anna', LATER + i)),
    );
    expect(far[5]).toContain('subnet 2001:db8:9::/48');
  });
});

describe('users and names', () => {
  test('the eighth address against a user within a day is banned at its first failure, and an alarm is given once', () => {
    const all = Array.from({ length: 10 }, (_, i) =>
      fail(`198.${51 + i}.1.1`, 'anna', LATER + i * 60),
    );
    expect(all.map((one) => rulesOf(one).some((rule) => rule.startsWith('user')))).toEqual([
      ...Array(7).fill(false),
      ...Array(3).fill(true),
    ]);
    expect(all.flatMap(({ alarms }) => alarms)).toEqual([
      { kind: 'under-attack', user: 'anna', count: 8 },
    ]);
  });

  test('the user herself is spared where she logs in', () => {
    for (let i = 0; i < 10; i++) fail(`198.${51 + i}.1.1`, 'anna', LATER + i * 60);
    expect(fail('192.0.2.1', 'anna', LATER + HOUR).findings).toEqual([]);
  });

  test('the fifth address that tries a name nobody has is banned, and a login makes the name alive', () => {
    const all = Array.from({ length: 5 }, (_, i) =>
      rulesOf(fail(`198.${51 + i}.1.1`, 'scanner', LATER + i * DAY)),
    );
    expect(all.map((rules) => rules.some((rule) => rule.startsWith('dead-name')))).toEqual([
      ...Array(4).fill(false),
      true,
    ]);
    login('192.0.2.9', 'scanner', LATER + 5 * DAY);
    expect(rulesOf(fail('198.90.1.1', 'scanner', LATER + 5 * DAY + 1))).toEqual([]);
  });

  test('a honeypot bans at once', () => {
    evidence = made({ honeypot: new Set(['trap']) });
    expect(rulesOf(fail('198.51.100.7', 'TRAP', 0))).toContain('honeypot 198.51.100.7');
  });

  test('logins from six networks within a day are an alarm, once', () => {
    const alarms = Array.from(
      { length: 8 },
      (_, i) => login(`198.${51 + i}.1.1`, 'anna', LATER + i * HOUR).alarms,
    );
    expect(alarms.flat()).toEqual([{ kind: 'takeover', user: 'anna', count: 6 }]);
    expect(alarms[5]).toHaveLength(1);
  });

  describe('a login that looks like that of somebody who found the password', () => {
    const attack = (user: string, count = 12) => {
      for (let i = 0; i < count; i++) fail(`45.${10 + i}.1.7`, user, LATER + i * 600);
    };

    test('of a user under attack, from where nothing vouches for her, is an alarm at once', () => {
      attack('anna');
      const alarm = { kind: 'takeover', user: 'anna', count: 0, reason: 'attacked' };
      expect(login('91.7.7.7', 'anna', LATER + 2 * HOUR).alarms).toEqual([alarm]);
      expect(login('91.7.8.7', 'anna', LATER + 3 * HOUR).alarms).toEqual([]);
    });

    test('is none where she always logs in, nor of a user whom few fail for', () => {
      attack('anna');
      expect(login('192.0.2.1', 'anna', LATER + 2 * HOUR).alarms).toEqual([]);
      expect(login('192.0.2.77', 'anna', LATER + 2 * HOUR).alarms).toEqual([]);
      login('192.0.2.5', 'ben', LATER - DAY);
      attack('ben', 7);
      expect(login('91.7.7.7', 'ben', LATER + 2 * HOUR).alarms).toEqual([]);
    });

    test('is none of a user who comes from everywhere', () => {
      for (let n = 1; n < 4; n++) login(`100.64.${n}.9`, 'anna', LATER - n * DAY);
      attack('anna');
      expect(login('91.7.7.7', 'anna', LATER + 2 * HOUR).alarms).toEqual([]);
    });

    test('from an address that failed for two others before is an alarm', () => {
      const wait = (seconds: number, ...others: readonly string[]) => {
        for (const user of ['anna', 'ben', 'carl'])
          login(`192.0.2.${user.length}`, user, LATER - DAY);
        for (const user of others) fail('91.7.7.8', user, LATER);
        return login('91.7.7.8', 'carl', LATER + seconds).alarms;
      };
      const alarm = { kind: 'takeover', user: 'carl', count: 0, reason: 'guesser' };
      expect(wait(2 * HOUR, 'anna', 'ben')).toEqual([alarm]);
      evidence = made();
      login('192.0.2.1', 'anna', 0);
      // Who mistypes a name twice gets it right within minutes.
      expect(wait(600, 'ana', 'anna@exmple.org')).toEqual([]);
      evidence = made();
      login('192.0.2.1', 'anna', 0);
      expect(wait(2 * HOUR, 'anna', 'carl')).toEqual([]);
      evidence = made();
      login('192.0.2.1', 'anna', 0);
      login('91.7.7.8', 'dora', LATER - DAY);
      expect(wait(2 * HOUR, 'anna', 'ben')).toEqual([]);
    });

    test('from an address that failed for her alone for days is an alarm', () => {
      login('192.0.2.2', 'ben', LATER - DAY);
      const insisted = (days: number, ...others: readonly string[]) => {
        for (let day = 0; day < days; day++) fail('91.7.7.8', 'ben', LATER + day * DAY);
        for (const user of others) fail('91.7.7.8', user, LATER + HOUR);
        const { alarms } = login('91.7.7.8', 'ben', LATER + (days - 1) * DAY + HOUR);
        evidence = made();
        login('192.0.2.1', 'anna', 0);
        login('192.0.2.2', 'ben', LATER - DAY);
        return alarms;
      };
      const alarm = { kind: 'takeover', user: 'ben', count: 0, reason: 'insisted' };
      expect(insisted(3)).toEqual([alarm]);
      // Who has forgotten a password does not go on for days.
      expect(insisted(2)).toEqual([]);
      expect(insisted(3, 'anna')).toEqual([]);
      login('91.7.7.8', 'dora', LATER - DAY);
      expect(insisted(3)).toEqual([]);
      for (let n = 0; n < 3; n++) fail('91.7.7.8', 'ben', LATER + n * 600);
      expect(login('91.7.7.8', 'ben', LATER + 3 * HOUR).alarms).toEqual([]);
    });

    test('is none before enough is known', () => {
      evidence = made();
      for (let i = 0; i < 12; i++) fail(`45.${10 + i}.1.7`, 'anna', i * 600);
      expect(login('91.7.7.7', 'anna', 2 * HOUR).alarms).toEqual([]);
    });
  });

  test('0 switches a rule off', () => {
    evidence = made({
      subnetOffenders: 0,
      userOffenders: 0,
      deadNameOffenders: 0,
      takeoverNetworks: 0,
    });
    login('192.0.2.1', 'anna', 0);
    const failed = Array.from({ length: 20 }, (_, i) => [
      fail(`198.51.100.${i}`, 'anna', LATER + i),
      fail(`203.0.113.${i}`, 'scanner', LATER + i),
    ]).flat();
    const found = failed.flatMap(rulesOf).map((rule) => rule.split(' ')[0]);
    expect(new Set(found)).toEqual(new Set());
    expect(
      Array.from(
        { length: 9 },
        (_, i) => login(`198.${51 + i}.1.1`, 'anna', LATER + i).alarms,
      ).flat(),
    ).toEqual([]);
  });

  test('a failure without a user counts for the address only', () => {
    expect(fail('198.51.100.7', undefined, LATER)).toMatchObject({ points: 1, alarms: [] });
    expect(login('198.51.100.7', '', LATER)).toEqual({ isNew: false, alarms: [] });
  });
});

describe('a name without its domain', () => {
  beforeEach(() => {
    login('203.0.113.9', 'anna@example.org', LATER - DAY);
    login('203.0.113.8', 'bert@example.org', LATER - DAY);
  });
  /** So many strangers fail in turn for these names. */
  const strangers = (count: number, ...names: readonly string[]) =>
    Array.from({ length: count }, (_, i) =>
      rulesOf(fail(`45.${10 + i}.1.7`, names[i % names.length], LATER + i * 60)),
    ).flat();

  test('of a user is never dead: she may type it where nobody knows her', () => {
    expect(strangers(5, 'bert')).toEqual([]);
    expect(fail('198.51.100.77', 'BERT', LATER + 6 * HOUR)).toMatchObject({
      points: 1,
      findings: [],
    });
  });

  test('finds her credit', () => {
    expect(fail('203.0.113.8', 'bert', LATER).sum).toBeUndefined();
    expect(evidence.pointsOf(prefix('203.0.113.8'), at(LATER))).toBe(0);
  });

  test('counts for her as a user under attack, as does the whole name', () => {
    expect(strangers(8, 'bert', 'bert@example.org')).toEqual(['user 45.17.1.7']);
  });

  test('and the other way round: a domain is tried at a user without one', () => {
    expect(strangers(5, 'anna@elsewhere.org')).toEqual([]);
  });

  test('of one mailbox under both forms makes no shared address of hers', () => {
    const others = (user = 'zoe') => evidence.facts(attempt('192.0.2.1', user, LATER)).others;
    expect(others()).toBe(1);
    login('192.0.2.1', 'anna@example.org', LATER);
    login('192.0.2.1', 'Anna', LATER + 1);
    expect([others(), others('anna'), others('anna@example.org')]).toEqual([1, 0, 0]);
    for (const user of ['anna', 'anna@example.org'])
      expect(evidence.facts(attempt('192.0.2.1', user, LATER)).credit).toBe('address');
    expect(fail('192.0.2.1', 'zoe', LATER + 2).allowance).toBe(2);
    login('192.0.2.1', 'bert', LATER + 2);
    expect(others()).toBe(2);
  });

  test('is no other mailbox that somebody else named so in a domain of his own', () => {
    // Carl logs in without a domain; a customer of the same server makes carl@his.example.
    login('192.0.2.1', 'carl', LATER - DAY);
    login('198.51.100.66', 'carl@his.example', LATER - DAY);
    const knows = (who: string, user: string) => evidence.facts(attempt(who, user, LATER)).credit;
    expect(knows('198.51.100.66', 'carl@his.example')).toBe('address');
    expect(knows('198.51.100.66', 'carl')).toBeUndefined();
    expect(knows('192.0.2.1', 'carl')).toBe('address');
    expect(knows('192.0.2.1', 'carl@his.example')).toBeUndefined();
    expect(fail('198.51.100.66', 'carl', LATER).points).toBe(1);
    expect(evidence.pointsOf(prefix('198.51.100.66'), at(LATER))).toBeCloseTo(1);
  });

  test('counts for her with any domains behind it, where a server strips them', () => {
    const under = (domains: number) => `anna${'@a'.repeat(domains)}`;
    expect(strangers(8, under(1), under(2), under(3))).toEqual(['user 45.17.1.7']);
    const knows = (name: string) => evidence.facts(attempt('192.0.2.1', name, LATER)).credit;
    expect(knows(under(NAME_DOMAINS_MAX))).toBe('address');
    expect(knows(under(NAME_DOMAINS_MAX + 1))).toBeUndefined();
  });

  test('is a user of its own where several have it', () => {
    login('192.0.2.1', 'anna@example.net', LATER);
    login('192.0.2.1', 'anna@example.org', LATER);
    login('192.0.2.1', 'anna', LATER);
    expect(evidence.facts(attempt('192.0.2.1', 'zoe', LATER)).others).toBe(3);
  });

  test('which several users share is none of theirs, but neither dead nor unknown', () => {
    login('203.0.113.7', 'bert@example.net', LATER - DAY);
    expect(strangers(7, 'bert')).toEqual([]);
    expect(fail('198.51.100.77', 'bert', LATER + HOUR).points).toBe(1);
    expect(fail('203.0.113.8', 'bert', LATER + HOUR).sum).toBe(1);
    const { isDeadName, isNewName } = evidence.facts(attempt('203.0.113.1', 'bert', LATER + HOUR));
    expect({ isDeadName, isNewName }).toEqual({ isDeadName: false, isNewName: false });
  });

  test('of nobody is dead as ever', () => {
    expect(strangers(5, 'ghost')).toEqual(['dead-name 45.14.1.7']);
    expect(strangers(5, 'ghost@example.org')).toContain('dead-name 45.14.1.7');
  });

  describe('that is a honeypot', () => {
    beforeEach(() => {
      evidence = made({ honeypot: new Set(['trap', 'scan@example.org']) });
      login('192.0.2.1', 'anna', 0);
    });
    const isTrapped = (
      user: string,
      second = LATER,
      cause?: 'wrong-password' | 'unknown-user',
      who = '198.51.100.7',
    ) =>
      rulesOf(
        evidence.failure({ ...attempt(who, user, second), ...(cause && { cause }) }),
      ).includes(`honeypot ${who}`);

    test('is one in any domain; one with a domain is one there', () => {
      expect(
        ['trap', 'Trap@example.org', 'trap@elsewhere.net'].map((one) =>
          isTrapped(one, LATER, 'unknown-user'),
        ),
      ).toEqual([true, true, true]);
      expect(
        ['scan', 'scan@elsewhere.net', 'traps@example.org'].some((one) => isTrapped(one)),
      ).toBe(false);
      // The password of a mailbox that is new there is looked at.
      const { facts } = evidence;
      const asked = (user: string) =>
        facts.call(evidence, attempt('198.51.100.9', user, LATER)).isHoneypot;
      expect([asked('Trap'), asked('trap@a.org')]).toEqual([true, false]);
    });

    test('may be that of a new mailbox where no server says more: the second address is banned', () => {
      const ask = (who: string, second = LATER) =>
        isTrapped('trap@example.org', second, undefined, who);
      expect([ask('198.51.100.7'), ask('198.51.100.7', LATER + HOUR)]).toEqual([false, false]);
      expect([ask('198.51.100.8', LATER + HOUR), ask('198.51.100.7', LATER + DAY)]).toEqual([
        true,
        true,
      ]);
      // Two weeks later it is forgotten.
      expect(ask('198.51.100.9', LATER + 16 * DAY)).toBe(false);
      expect(isTrapped('trap', LATER, undefined, '198.51.100.10')).toBe(true);
    });

    test('is none where somebody logs in so, where the server knows it, or in the first days', () => {
      expect(isTrapped('trap@example.org', HOUR)).toBe(false);
      expect(isTrapped('trap@example.org', LATER, 'wrong-password')).toBe(false);
      login('203.0.113.5', 'trap@example.net', LATER);
      expect(isTrapped('trap@example.net')).toBe(false);
      expect(isTrapped('trap', HOUR)).toBe(true);
    });
  });
});

describe('bounds', () => {
  test('all tables at their bounds take less than 48 MiB', () => {
    const words = 4;
    const bytes =
      EVIDENCE_ADDRESSES_MAX * 8 * words +
      EVIDENCE_PREFIXES_MAX * 19 * words +
      EVIDENCE_NAMES_MAX * 39 * words +
      // Names without a domain.
      (EVIDENCE_NAMES_MAX / 2) * 6 * words +
      EVIDENCE_CREDITS_MAX * (17 + 3 + 3 + 2 * 3) * words +
      EVIDENCE_RIGHT_USERS_MAX * (2 + 2 * EVIDENCE_RIGHT_PASSWORDS_MAX) * words +
      EVIDENCE_GUESSES_MAX * (4 + 4 * EVIDENCE_OLD_PASSWORDS_MAX) * words +
      EVIDENCE_DIGESTS_MAX * (2 + 2 * EVIDENCE_OFFENDERS_MAX) * words;
    expect(bytes).toBeLessThan(48 * 1024 * 1024);
  });

  test('a flood of IPv6 pushes no IPv4 address out', () => {
    evidence = new Evidence({ ...DEFAULT_RULES }, 1, {
      addresses: 64,
      prefixes: 64,
      names: 64,
      credits: 64,
    });
    fail('198.51.100.7', 'anna', 0);
    for (let i = 0; i < 2_000; i++) fail(`2001:db8:${i.toString(16)}::1`, `made up ${i}`, 1);
    expect(evidence.pointsOf(prefix('198.51.100.7'), at(1))).toBeCloseTo(1, 2);
    expect(evidence.bytes).toBeLessThan(100_000);
  });

  test('one mailbox that logs in from everywhere pushes out nobody', () => {
    evidence = new Evidence({ ...DEFAULT_RULES }, 1, { credits: 256 });
    login('192.0.2.1', 'anna', 0);
    const from = (n: number) => `2001:db8:${n.toString(16)}::1`;
    for (let n = 0; n < 3_000; n++) login(from(n), 'own', LATER + n);
    const knows = (who: string, user: string, second = LATER + 3_000) =>
      evidence.facts(attempt(who, user, second)).credit;
    expect(knows('192.0.2.1', 'anna')).toBe('address');
    expect([knows(from(NEW_PLACES_MAX - 1), 'own'), knows(from(NEW_PLACES_MAX), 'own')]).toEqual([
      'address',
      undefined,
    ]);
    // Where he is known he stays so, and a new place is there each hour.
    const later = LATER + 3_000 + NEW_PLACE_SECONDS;
    expect(login(from(0), 'own', later).isNew).toBe(false);
    expect(login(from(5_000), 'own', later).isNew).toBe(true);
    expect(login(from(5_001), 'own', later).isNew).toBe(false);
  });

  test('logins of the past, the newest first, vouch for all of their places', () => {
    evidence = made();
    for (let day = 0; day < 29; day++)
      for (let n = 0; n < 3; n++)
        evidence.login(
          attempt(`198.${51 + day}.${n}.1`, 'anna', (30 - day) * DAY + n * HOUR),
          true,
        );
    const places = Array.from(
      { length: 29 },
      (_, day) => evidence.facts(attempt(`198.${51 + day}.2.1`, 'anna', 30 * DAY + HOUR)).credit,
    );
    expect(places).toEqual(Array(29).fill('address'));
  });

  test('made-up names push out no user', () => {
    evidence = new Evidence({ ...DEFAULT_RULES, learning: seconds(0) }, 1, { names: 64 });
    login('192.0.2.1', 'anna', 0);
    for (let i = 0; i < 2_000; i++) fail('198.51.100.7', `made up ${i}`, 1);
    expect(fail('203.0.113.9', 'anna', 2).points).toBe(1);
  });
});
