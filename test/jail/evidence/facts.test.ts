/** What is known of a login before its password is looked at. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { prefixOf } from '../../../src/core/address.js';
import { EVIDENCE_RIGHT_PASSWORDS_MAX, EVIDENCE_WAVE_ADDRESSES } from '../../../src/core/limits.js';
import { mustJailName } from '../../../src/core/names.js';
import { seconds } from '../../../src/core/time.js';
import {
  DEAD_NAME_REST_SECONDS,
  SHARED_REOPEN_SECONDS,
  TRIED_AGAIN_SECONDS,
} from '../../../src/core/timeouts.js';
import { Evidence } from '../../../src/jail/evidence/evidence.js';
import type { Attempt } from '../../../src/jail/evidence/rules.js';
import { DEFAULT_RULES } from '../../../src/jail/evidence/rules.js';
import { address, at } from '../support.js';

const DAY = 86_400;
/** Long enough after the first event for names to be known. */
const LATER = 10 * DAY;
const IMAP = mustJailName('dovecot');
const SMTP = mustJailName('postfix-sasl');
let evidence: Evidence;

const attempt = (who: string, user: string | undefined, second: number): Attempt => ({
  address: address(who),
  service: IMAP,
  target: prefixOf(address(who), 32),
  time: at(second),
  user,
});
const facts = (who: string, user: string | undefined, second: number) =>
  evidence.facts(attempt(who, user, second));
/** So many addresses fail for a user at a time. */
const spray = (user: string, count: number, second: number, more: Partial<Attempt> = {}) => {
  for (let n = 0; n < count; n++)
    evidence.failure({ ...attempt(`203.0.${n}.7`, user, second), ...more });
};

beforeEach(() => {
  evidence = new Evidence({ ...DEFAULT_RULES, honeypot: new Set(['trap']) }, 1);
  evidence.login(attempt('192.0.2.1', 'anna', 0));
});

test('who logged in from the address, or near it, has credit; others make it a shared one', () => {
  expect(facts('192.0.2.1', 'Anna', DAY)).toMatchObject({ credit: 'address', others: 0 });
  expect(facts('192.0.2.9', 'anna', DAY)).toMatchObject({ credit: 'network', others: 0 });
  expect(facts('192.0.2.1', 'bert', DAY)).toMatchObject({ others: 1 });
  for (const [who, user] of [
    ['192.0.2.1', 'bert'],
    ['198.51.100.1', 'anna'],
    ['192.0.2.1', undefined],
  ] as const)
    expect(facts(who, user, DAY).credit).toBeUndefined();
  expect(facts('192.0.2.1', 'anna', 31 * DAY).credit).toBeUndefined();
});

test('a service that others use and the user never did from the network is an odd one', () => {
  const isOdd = (who: string, user: string, service = SMTP, second = DAY) =>
    evidence.facts({ ...attempt(who, user, second), service }).isOddService;
  // Where nobody logs in at all, nothing is known of who does not.
  expect([isOdd('192.0.2.9', 'anna'), isOdd('192.0.2.9', 'anna', IMAP)]).toEqual([false, false]);
  evidence.login({ ...attempt('198.51.100.1', 'bert', 0), service: SMTP });
  expect(isOdd('192.0.2.9', 'anna')).toBe(true);
  expect(isOdd('198.51.100.9', 'bert')).toBe(false);
  expect(isOdd('198.51.100.9', 'bert', IMAP)).toBe(true);
  evidence.login({ ...attempt('192.0.2.1', 'anna', 0), service: SMTP });
  expect(isOdd('192.0.2.9', 'Anna')).toBe(false);
  evidence.login({ ...attempt('198.51.100.1', 'bert', 20 * DAY), service: SMTP });
  expect([isOdd('192.0.2.9', 'anna', SMTP, 30 * DAY), isOdd('192.0.2.9', '', SMTP)]).toEqual([
    false,
    false,
  ]);
  expect(isOdd('192.0.2.9', 'anna', SMTP, 30 * DAY + 1)).toBe(true);
});

test('a login of the past whose service is not known vouches for each of them', () => {
  const isOdd = (who: string, service = SMTP, second = DAY) =>
    evidence.facts({ ...attempt(who, 'anna', second), service }).isOddService;
  evidence.login({ ...attempt('198.51.100.1', 'bert', 20 * DAY), service: SMTP });
  expect(isOdd('192.0.2.9')).toBe(true);
  evidence.login({ ...attempt('192.0.2.1', 'anna', 0), isOfAnyService: true });
  expect([isOdd('192.0.2.9'), isOdd('192.0.2.9', SMTP, 30 * DAY)]).toEqual([false, false]);
  expect([isOdd('192.0.2.9', SMTP, 30 * DAY + 1), isOdd('198.51.100.9')]).toEqual([true, true]);
  // It is none of any service that was seen since.
  const seen = evidence.login({ ...attempt('192.0.2.1', 'anna', 60), service: SMTP });
  expect(seen.isNew).toBe(true);
});

test('a password is another one where those of the user are known, until it comes again', () => {
  const ask = (digest: string | undefined, second = DAY, user = 'anna') =>
    evidence.facts({ ...attempt('192.0.2.9', user, second), digest }).isOtherPassword;
  expect(ask('aaaa')).toBe(false);
  const accept = (digest: string, second: number) =>
    evidence.accepted({ ...attempt('198.51.100.1', 'Anna', second), digest });
  accept('aaaa', 0);
  expect([ask('aaaa'), ask('bbbb'), ask(undefined)]).toEqual([false, true, false]);
  expect([ask('bbbb', DAY, 'bert'), ask('bbbb', DAY, 'anna@example.org')]).toEqual([false, true]);
  // A device with a new password goes on with it.
  const refused = { ...attempt('192.0.2.7', 'anna', DAY), digest: 'bbbb', isRefused: true };
  evidence.attempted(refused);
  expect([ask('bbbb'), ask('cccc')]).toEqual([false, true]);
  // Several devices may have passwords of their own; those that nobody uses any more are forgotten.
  accept('dddd', 1);
  expect([ask('aaaa'), ask('dddd')]).toEqual([false, false]);
  expect([ask('eeee', 30 * DAY + 1), ask('eeee', 30 * DAY + 2)]).toEqual([true, false]);
});

test('of a user so many passwords are known, and of so many users', () => {
  const other = (user: string, digest: string) =>
    evidence.facts({ ...attempt('192.0.2.9', user, DAY), digest }).isOtherPassword;
  const accept = (user: string, digest: string, second: number) =>
    evidence.accepted({ ...attempt('192.0.2.1', user, second), digest });
  for (let n = 0; n < EVIDENCE_RIGHT_PASSWORDS_MAX; n++) accept('anna', `a${n}`, n + 1);
  expect(other('anna', 'a0')).toBe(false);
  accept('anna', 'last', 10);
  expect(other('anna', 'a0')).toBe(true);
  evidence = new Evidence(DEFAULT_RULES, 1, { rights: 8 });
  for (let n = 0; n < 9; n++) accept(`user${n}`, 'right', n + 1);
  expect([other('user0', 'wrong'), other('user8', 'wrong')]).toEqual([false, true]);
});

test('asking changes nothing', () => {
  spray('anna', 7, LATER);
  for (let n = 0; n < 20; n++) facts(`198.51.${n}.1`, 'anna', LATER);
  expect(facts('198.51.100.1', 'anna', LATER)).toMatchObject({ isUnderAttack: false, points: 0 });
});

test('a user is under attack from the eighth address of a day on, and for a day', () => {
  spray('anna', 8, LATER);
  expect(facts('198.51.100.1', 'anna', LATER + 1).isUnderAttack).toBe(true);
  expect(facts('198.51.100.1', 'anna', LATER + DAY + 1).isUnderAttack).toBe(false);
  evidence.rules = { ...evidence.rules, userOffenders: 0 };
  expect(facts('198.51.100.1', 'anna', LATER + 1).isUnderAttack).toBe(false);
});

test('a refused attempt bans nobody for the user, and its points count', () => {
  spray('anna', 8, LATER);
  const refused = { ...attempt('198.51.100.1', 'anna', LATER), isRefused: true };
  expect(evidence.failure(refused).findings).toEqual([]);
  expect(facts('198.51.100.1', 'anna', LATER).points).toBeCloseTo(1);
  const checked = evidence.failure(attempt('198.51.100.2', 'anna', LATER));
  expect(checked.findings.map(({ rule }) => rule)).toEqual(['user']);
});

test('a device that is refused in one place after the other prolongs no attack on its user', () => {
  spray('anna', 8, LATER);
  const refused = (n: number, second: number, digest: string) =>
    evidence.failure({
      ...attempt(`203.${n}.1.1`, 'anna', LATER + second),
      ...{ digest, isRefused: true },
    });
  for (let n = 0; n < 12; n++) refused(n, (n + 1) * 2 * 3_600, 'own old one');
  expect(facts('198.51.100.1', 'anna', LATER + DAY + 3_600).isUnderAttack).toBe(false);
  // Guesses do, refused or not.
  for (let n = 0; n < 8; n++) refused(n + 20, DAY + n, `guess ${n}`);
  expect(facts('198.51.100.1', 'anna', LATER + DAY + 3_600).isUnderAttack).toBe(true);
});

test('a password that was tried for a user elsewhere makes nobody one of her attackers', () => {
  const tried = (n: number, digest: string, second: number) =>
    evidence
      .failure({ ...attempt(`198.51.${n}.1`, 'anna', LATER + second), digest })
      .findings.map(({ rule }) => rule);
  for (let n = 0; n < 8; n++) tried(n, `guess ${n}`, n);
  expect(tried(20, 'guess 7', 20)).toEqual([]);
  expect(tried(21, 'guess 8', 21)).toEqual(['user']);
  // A day later it is one more guess.
  for (let n = 0; n < 8; n++) tried(30 + n, `other ${n}`, DAY + 7 + n);
  expect(tried(50, 'guess 8', DAY + 20)).toEqual(['user']);
});

test('a dead name is let through once in a while: the mailbox may be new', () => {
  spray('ghost', 5, LATER);
  const dead = (second: number) => facts('198.51.100.1', 'ghost', LATER + second).isDeadName;
  expect([dead(1), dead(DEAD_NAME_REST_SECONDS - 1)]).toEqual([true, true]);
  expect(dead(DEAD_NAME_REST_SECONDS)).toBe(false);
  // What was refused was not looked for.
  evidence.failure({ ...attempt('198.51.100.1', 'ghost', LATER + DAY), isRefused: true });
  expect(dead(DEAD_NAME_REST_SECONDS)).toBe(false);
  evidence.failure(attempt('198.51.100.1', 'ghost', LATER + DAY));
  expect(dead(DEAD_NAME_REST_SECONDS)).toBe(true);
});

test('a client that tries the same password at a dead name once more is let through', () => {
  spray('ghost', 5, LATER);
  const ask = (digest: string, second: number) =>
    evidence.facts({ ...attempt('198.51.100.1', 'ghost', LATER + second), digest }).isDeadName;
  expect(ask('aaaaaaaa', 1)).toBe(true);
  const refused = { ...attempt('198.51.100.1', 'ghost', LATER + 1), isRefused: true };
  expect(evidence.failure({ ...refused, digest: 'aaaaaaaa' }).findings).toEqual([]);
  expect([ask('aaaaaaaa', 2), ask('bbbbbbbb', 2)]).toEqual([false, true]);
});

test('no name is dead that a server knows, that logs in, or that too few tried', () => {
  spray('known', 9, LATER, { cause: 'wrong-password' });
  spray('few', 4, LATER);
  expect(facts('198.51.100.1', 'known', LATER)).toMatchObject({
    isDeadName: false,
    isUnderAttack: true,
  });
  expect(facts('198.51.100.1', 'few', LATER).isDeadName).toBe(false);
  spray('new', 5, LATER);
  expect(facts('198.51.100.1', 'new', LATER).isDeadName).toBe(true);
  evidence.login(attempt('198.51.100.1', 'new', LATER));
  expect(facts('198.51.100.2', 'new', LATER).isDeadName).toBe(false);
  evidence.rules = { ...evidence.rules, deadNameOffenders: 0, learning: seconds(0) };
  spray('off', 9, LATER);
  expect(facts('198.51.100.1', 'off', LATER).isDeadName).toBe(false);
});

test('a name that nobody ever logged in with is refused once while strangers try such names', () => {
  const ask = (user: string, digest?: string, who = '198.51.100.1', second = 60) =>
    evidence.facts({ ...attempt(who, user, LATER + second), ...(digest && { digest }) }).isNewName;
  const strangers = (count: number, second: number) => {
    for (let n = 0; n < count; n++) evidence.failure(attempt(`10.9.${n}.1`, `made${n}`, second));
  };
  strangers(EVIDENCE_WAVE_ADDRESSES - 1, LATER);
  expect(ask('new', 'aaaaaaaa')).toBe(false);
  evidence.failure(attempt('10.8.0.1', 'one more', LATER));
  expect(ask('new', 'aaaaaaaa')).toBe(true);
  // The same password once more, a password that nobody tells, and after the wave.
  const refused = { ...attempt('198.51.100.1', 'new', LATER + 60), isRefused: true };
  evidence.failure({ ...refused, digest: 'aaaaaaaa' });
  expect([ask('new', 'aaaaaaaa'), ask('new')]).toEqual([false, false]);
  const late = 61 + TRIED_AGAIN_SECONDS;
  expect(ask('new', 'aaaaaaaa', '198.51.100.1', late)).toBe(false);
  expect(ask('new', 'bbbbbbbb', '198.51.100.1', late)).toBe(true);
  expect(ask('new', 'bbbbbbbb', '198.51.100.1', DAY + 1)).toBe(false);
  // A name that logs in or that the server knows, and a network that somebody logs in from.
  evidence.login(attempt('203.0.113.7', 'anna', LATER));
  evidence.failure({ ...attempt('10.7.0.1', 'known', LATER), cause: 'wrong-password' });
  expect(['anna', 'known'].map((name) => ask(name, 'cccccccc'))).toEqual([false, false]);
  expect(ask('new', 'cccccccc', '203.0.113.9')).toBe(false);
});

test('where a stranger failed at a shared address, a name that nobody has is refused once', () => {
  const ask = (user: string, digest?: string, who = '192.0.2.1', second = 60) =>
    evidence.facts({ ...attempt(who, user, LATER + second), ...(digest && { digest }) }).isNewName;
  evidence.login(attempt('192.0.2.1', 'bert', LATER));
  expect(ask('ghost', 'aaaaaaaa')).toBe(false);
  // One name may be that of a phone with an old password.
  evidence.failure(attempt('192.0.2.1', 'carla', LATER));
  expect(ask('ghost', 'aaaaaaaa')).toBe(false);
  evidence.failure(attempt('192.0.2.1', 'dora', LATER));
  expect(ask('ghost', 'aaaaaaaa')).toBe(true);
  expect([ask('ghost'), ask('bert', 'aaaaaaaa')]).toEqual([false, false]);
  expect(ask('ghost', 'aaaaaaaa', '192.0.2.9')).toBe(false);
  evidence.failure({
    ...attempt('192.0.2.1', 'ghost', LATER + 60),
    ...{ isRefused: true, digest: 'aaaaaaaa' },
  });
  const late = 61 + TRIED_AGAIN_SECONDS;
  const later = ['aaaaaaaa', 'bbbbbbbb'].map((digest) => ask('ghost', digest, '192.0.2.1', late));
  expect(later).toEqual([false, true]);
});

describe('a shared address at which strangers guess', () => {
  const HERE = '192.0.2.1';
  const HOUR = SHARED_REOPEN_SECONDS;
  const isQuiet = (second: number) => facts(HERE, 'eva', LATER + second).isQuiet;
  const refuse = (user: string, digest: string, second: number) =>
    evidence.attempted({ ...attempt(HERE, user, LATER + second), digest, isRefused: true });
  /** So many points, of names that nobody has. */
  const guess = (points: number, second = 0) => {
    for (let n = 0; n < points / 2; n++)
      evidence.failure(attempt(HERE, `made${second}.${n}`, LATER + second));
  };

  beforeEach(() => {
    evidence.login(attempt(HERE, 'anna', LATER - DAY));
    evidence.login(attempt(HERE, 'bert', LATER - DAY));
    // One name may be that of a phone with an old password.
    evidence.failure(attempt(HERE, 'carla', LATER - 60));
  });

  test('is quiet an hour after the last guess, and twice as long after each further one', () => {
    expect(isQuiet(0)).toBe(true);
    guess(4);
    expect(facts(HERE, 'eva', LATER).points).toBe(4);
    expect([isQuiet(HOUR), isQuiet(1.2 * HOUR)]).toEqual([false, true]);
    guess(2, 2 * HOUR);
    expect([isQuiet(5 * HOUR), isQuiet(6 * HOUR)]).toEqual([false, true]);
    guess(8, 6 * HOUR);
    expect([isQuiet(2 * DAY), isQuiet(3 * DAY)]).toEqual([false, true]);
  });

  test('stays closed while names that nobody has are refused there, each guess once', () => {
    guess(4);
    refuse('ghost', 'aaaaaaaa', HOUR);
    expect([isQuiet(2 * HOUR), isQuiet(2.2 * HOUR)]).toEqual([false, true]);
    // A program that goes on with one password says nothing new, nor does a user's new place.
    refuse('ghost', 'aaaaaaaa', 2 * HOUR);
    refuse('anna', 'bbbbbbbb', 2 * HOUR);
    expect(isQuiet(2.2 * HOUR)).toBe(true);
    refuse('ghost', 'bbbbbbbb', 2 * HOUR);
    expect(isQuiet(2.2 * HOUR)).toBe(false);
    evidence.attempted({ ...attempt(HERE, 'ghost', LATER + 3.2 * HOUR), isRefused: true });
    expect(isQuiet(3.3 * HOUR)).toBe(true);
    // Two devices of one new mailbox, each with its own password.
    for (const digest of ['aaaaaaaa', 'bbbbbbbb', 'aaaaaaaa', 'bbbbbbbb'])
      refuse('ghost', digest, 3.2 * HOUR);
    expect(isQuiet(3.3 * HOUR)).toBe(true);
  });

  test('a guess that is looked at closes it again, where what was refused is forgotten', () => {
    guess(4);
    refuse('ghost', 'aaaaaaaa', HOUR);
    // As after a restart: the ledger knows what was looked at alone.
    evidence = new Evidence(DEFAULT_RULES, 2);
    for (const user of ['anna', 'bert']) evidence.login(attempt(HERE, user, LATER - DAY));
    evidence.login(attempt(HERE, 'anna', 0));
    evidence.failure(attempt(HERE, 'carla', LATER - 60));
    guess(4);
    expect(isQuiet(2 * HOUR)).toBe(true);
    evidence.failure({ ...attempt(HERE, 'ghost', LATER + 2 * HOUR), digest: 'bbbbbbbb' });
    expect([isQuiet(3.2 * HOUR), isQuiet(5 * HOUR)]).toEqual([false, false]);
  });

  describe('what weighs nothing', () => {
    /** How passwords weigh nothing there: what each of them does, and the points that it gives. */
    const WAYS: Readonly<Record<string, (digest: string, second: number) => number>> = {
      'of one name, as a phone': (digest, second) => fail('carla', digest, second),
      'of a user of the address': (digest, second) => fail('anna', digest, second),
      'of a user of the network': (digest, second) => fail('nora', digest, second),
      'refused unseen, of a user from elsewhere': (digest, second) => {
        refuse('dora', digest, second);
        return 0;
      },
      'looked at, and counted by its line': (digest, second) => {
        evidence.attempted({ ...attempt(HERE, 'dora', LATER + second), digest });
        return 0;
      },
    };
    const fail = (user: string, digest: string, second: number) => {
      const { points } = evidence.facts(attempt(HERE, 'eva', LATER + second));
      evidence.failure({ ...attempt(HERE, user, LATER + second), digest });
      return facts(HERE, 'eva', LATER + second).points - points;
    };
    /** Different passwords from one moment on; none of them gives the address a point. */
    const passwords = (way: string, count: number, second: number, first = 0) => {
      for (let n = first; n < first + count; n++)
        expect(WAYS[way]?.(`${n}`.padStart(8, 'a'), second + n)).toBe(0);
    };

    beforeEach(() => {
      for (const user of ['carla', 'dora'])
        evidence.login(attempt('198.51.100.7', user, LATER - DAY));
      evidence.login(attempt('192.0.2.50', 'nora', LATER - DAY));
      guess(4);
    });

    test.each(Object.keys(WAYS))('is guessing from the fourth password on: %s', (way) => {
      passwords(way, 3, HOUR);
      expect(isQuiet(1.2 * HOUR)).toBe(true);
      passwords(way, 1, HOUR, 3);
      expect([isQuiet(2 * HOUR), isQuiet(2.2 * HOUR)]).toEqual([false, true]);
      // And each further one, as long as others of that day are remembered.
      WAYS[way]?.('bbbbbbbb', 3 * HOUR);
      expect(isQuiet(4 * HOUR)).toBe(false);
      passwords(way, 1, 2 * DAY, 5);
      expect(isQuiet(2 * DAY + 60)).toBe(true);
    });

    test.each(Object.keys(WAYS))('is no guessing where old passwords come again: %s', (way) => {
      // With points that keep it closed for as long as somebody guesses.
      guess(4, 0.5 * HOUR);
      for (let second = HOUR; second < 5 * DAY; second += 0.5 * HOUR) passwords(way, 2, second);
      expect(isQuiet(5 * DAY)).toBe(true);
    });
  });
});

describe('a name that nobody ever logged in with', () => {
  const again = (user: string, second: number, who = '192.0.2.1') =>
    evidence.facts({ ...attempt(who, user, LATER + second), digest: 'bbbbbbbb' }).isTriedAgain;
  const refuse = (user: string, second: number) =>
    evidence.attempted({
      ...attempt('192.0.2.1', user, LATER + second),
      digest: 'aaaaaaaa',
      isRefused: true,
    });

  test('is tried again soon after it was refused there, also with another password', () => {
    expect(again('ghost', 0)).toBe(false);
    refuse('ghost', 0);
    refuse('anna', 0);
    expect([again('Ghost', 1), again('ghost', TRIED_AGAIN_SECONDS)]).toEqual([true, true]);
    expect(again('ghost', TRIED_AGAIN_SECONDS + 1)).toBe(false);
    expect([again('ghost', 1, '198.51.100.1'), again('other', 1), again('anna', 1)]).toEqual([
      false,
      false,
      false,
    ]);
    evidence.login(attempt('203.0.113.1', 'ghost', LATER));
    expect(again('ghost', 1)).toBe(false);
  });

  test('is looked at for that once a day', () => {
    refuse('ghost', 0);
    evidence.failure({ ...attempt('192.0.2.1', 'ghost', LATER + 5), digest: 'bbbbbbbb' });
    expect(again('ghost', 6)).toBe(false);
    refuse('ghost', DAY);
    expect([again('ghost', DAY + 4), again('ghost', DAY + 5)]).toEqual([false, true]);
  });

  test('is no new name then', () => {
    for (let n = 0; n < EVIDENCE_WAVE_ADDRESSES; n++)
      evidence.failure(attempt(`10.9.${n}.1`, `made${n}`, LATER));
    const isNew = (digest: string) =>
      evidence.facts({ ...attempt('198.51.100.1', 'new', LATER + 5), digest }).isNewName;
    expect(isNew('aaaaaaaa')).toBe(true);
    const refused = { ...attempt('198.51.100.1', 'new', LATER + 4), isRefused: true };
    evidence.failure({ ...refused, digest: 'aaaaaaaa' });
    expect(isNew('bbbbbbbb')).toBe(false);
  });
});

test('an address that one other user logs in from is no shared one', () => {
  evidence.failure(attempt('192.0.2.1', 'carla', LATER));
  const asked = { ...attempt('192.0.2.1', 'ghost', LATER + 60), digest: 'aaaaaaaa' };
  expect(evidence.facts(asked).isNewName).toBe(false);
});

test('no name is held for dead or new by tables that forgot names', () => {
  evidence = new Evidence(evidence.rules, 1, { names: 4 });
  evidence.failure(attempt('10.6.0.1', 'first', 0));
  spray('ghost', 5, LATER);
  for (let n = 0; n < EVIDENCE_WAVE_ADDRESSES; n++)
    evidence.failure(attempt(`10.9.${n}.1`, 'ghost', LATER));
  const ask = () =>
    evidence.facts({ ...attempt('198.51.100.1', 'ghost', LATER + 60), digest: 'aaaaaaaa' });
  expect(ask()).toMatchObject({ isDeadName: true, isNewName: true });
  evidence.login(attempt('203.0.113.7', 'anna', LATER));
  expect(ask()).toMatchObject({ isDeadName: true, isNewName: true });
  evidence.login(attempt('203.0.113.8', 'bert', LATER));
  expect(ask()).toMatchObject({ isDeadName: false, isNewName: false });
});

test('points, their limit, and a honeypot', () => {
  evidence.failure(attempt('198.51.100.1', 'bert', LATER), 3);
  expect(facts('198.51.100.1', 'Trap ', LATER)).toMatchObject({ limit: 5, isHoneypot: true });
  expect(facts('198.51.100.1', 'bert', LATER)).toMatchObject({ isHoneypot: false });
  expect(facts('198.51.100.1', 'bert', LATER).points).toBeGreaterThanOrEqual(3);
});
