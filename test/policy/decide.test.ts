/** What a mail server is told of a login. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type PolicyFacts, REFUSAL_REASONS } from '../../src/control/policy-views.js';
import { SHARED_CLOSED_SHARE, SHARED_DOUBTED_SHARE } from '../../src/core/limits.js';
import { DEFAULT_POLICY_RULES, decide, REFUSAL_WORDS } from '../../src/policy/decide.js';
import { NOTHING_KNOWN } from '../support/policy-facts.js';

const facts = (changes: Partial<PolicyFacts> = {}): PolicyFacts => ({
  ...NOTHING_KNOWN,
  ...changes,
});
const told = (changes: Partial<PolicyFacts>, rules = {}) => {
  const verdict = decide(facts(changes), { ...DEFAULT_POLICY_RULES, ...rules });
  return 'reason' in verdict ? `${verdict.action} ${verdict.reason}` : verdict.action;
};
const bad: Partial<PolicyFacts> = {
  banned: 'login',
  isHoneypot: true,
  isUnderAttack: true,
  isDeadName: true,
  isNewName: true,
  points: 50,
  failures: 30,
  others: 3,
};

test('who is allowed, who has credit, and where nobody weighs, is served whatever else is known', () => {
  expect(told({ ...bad, allowed: 'ignoreip' })).toBe('serve allowed');
  expect(told({ ...bad, credit: 'address' })).toBe('serve credit');
  expect(told({ ...bad, credit: 'network' })).toBe('serve credit');
  const { jail: _, ...unknown } = facts(bad);
  expect(decide(unknown, DEFAULT_POLICY_RULES)).toEqual({ action: 'serve' });
  expect(told({})).toBe('serve');
});

test('each reason to refuse, and the keys that switch it off', () => {
  expect(told({ banned: 'login' })).toBe('refuse banned');
  expect(told({ isHoneypot: true })).toBe('refuse honeypot');
  expect(told({ isUnderAttack: true })).toBe('refuse under-attack');
  expect(told({ isUnderAttack: true }, { underAttack: 'delay' })).toBe('delay under-attack');
  expect(told({ isUnderAttack: true }, { underAttack: 'serve' })).toBe('serve');
  expect(told({ isDeadName: true })).toBe('refuse dead-name');
  expect(told({ isDeadName: true }, { deadName: 'serve' })).toBe('serve');
  expect(told({ isNewName: true })).toBe('refuse new-name');
  expect(told({ isNewName: true }, { newName: 'serve' })).toBe('serve');
});

test('an address that only its other users keep from a ban serves those alone', () => {
  const full = SHARED_CLOSED_SHARE * NOTHING_KNOWN.limit;
  expect(full).toBe(3.75);
  expect(told({ points: full, others: 2 })).toBe('refuse shared-address');
  expect(told({ failures: 3, others: 2 })).toBe('refuse shared-address');
  expect(told({ points: 3.74, others: 2 })).toBe('delay near-limit');
  expect(told({ failures: 2, others: 2 })).toBe('delay near-limit');
  expect(told({ points: 5, others: 1 })).toBe('delay near-limit');
  expect(told({ points: 5, others: 2 }, { sharedAddress: 'serve' })).toBe('delay near-limit');
});

test('it serves strangers again once nobody guesses there, as far as its points go', () => {
  const closed = { points: 4, others: 2 } as const;
  expect(told({ ...closed, isQuiet: true })).toBe('delay near-limit');
  expect(told({ ...closed, failures: 3, isQuiet: true })).toBe('refuse shared-address');
});

test('it serves the new name that comes again at once', () => {
  expect(told({ points: 4, others: 2, isTriedAgain: true })).toBe('delay near-limit');
  expect(told({ failures: 3, others: 2, isTriedAgain: true })).toBe('delay near-limit');
  expect(told({ banned: 'login', others: 2, isTriedAgain: true })).toBe('refuse banned');
});

test('behind such an address the network vouches for nobody at a service that is new to them', () => {
  const odd = { ...{ points: 4, others: 2 }, isOddService: true } as const;
  expect(told({ ...odd, credit: 'network' })).toBe('refuse shared-address');
  expect(told({ ...odd, credit: 'address' })).toBe('serve credit');
  for (const change of [
    { isOddService: false },
    { points: 3 },
    { others: 1 },
    { isLearnt: false },
    { isQuiet: true },
  ])
    expect(told({ ...odd, ...change, credit: 'network' })).toBe('serve credit');
  expect(told({ ...odd, credit: 'network' }, { sharedAddress: 'serve' })).toBe('serve credit');
  expect(told({ ...odd, credit: 'network', isWatching: true })).toBe('serve watch');
});

test('nor for a password that is none of theirs', () => {
  const other = { points: 4, others: 2, isOtherPassword: true } as const;
  expect(told({ ...other, credit: 'network' })).toBe('refuse shared-address');
  expect(told({ ...other, credit: 'network', isOtherPassword: false })).toBe('serve credit');
  const least = SHARED_DOUBTED_SHARE * NOTHING_KNOWN.limit;
  expect(least).toBe(0.75);
  expect(told({ ...other, credit: 'network', points: least })).toBe('refuse shared-address');
  for (const change of [
    { points: 0.74 },
    { isQuiet: true },
    { others: 1 },
    { isLearnt: false },
    { isOtherPassword: false },
  ])
    expect(told({ ...other, credit: 'network', ...change })).toBe('serve credit');
  expect(told({ ...other, credit: 'network' }, { sharedAddress: 'serve' })).toBe('serve credit');
  expect(told({ ...other, credit: 'network', banned: 'login' })).toBe('refuse banned');
  expect(told({ ...other, credit: 'address' })).toBe('serve credit');
});

test('in the first days, when nothing vouches for anybody, strangers wait', () => {
  expect(told({ isUnderAttack: true, isLearnt: false })).toBe('delay under-attack');
  expect(told({ points: 5, others: 2, isLearnt: false })).toBe('delay near-limit');
  expect(told({ banned: 'login', isLearnt: false })).toBe('refuse banned');
});

test('near the limit a login waits', () => {
  expect(decide(facts({ points: 3 }), { ...DEFAULT_POLICY_RULES, delay: 7 })).toEqual({
    action: 'delay',
    reason: 'near-limit',
    seconds: 7,
  });
  expect(told({ failures: 2 })).toBe('delay near-limit');
  expect(told({ points: 2.9, failures: 1 })).toBe('serve');
  expect(told({ points: 3 }, { nearLimit: 'serve' })).toBe('serve');
  expect(told({ points: 0, limit: 0, failures: 0, maxretry: 0 })).toBe('serve');
});

test('a jail that only watches turns nobody away', () => {
  expect(told({ ...bad, isWatching: true })).toBe('serve watch');
});

test('nobody with credit is ever refused or made to wait, and words are there for every reason', () => {
  const any = fc.record({
    jail: fc.constant('login'),
    isWatching: fc.boolean(),
    banned: fc.constantFrom('login', 'dovecot'),
    credit: fc.constantFrom('address' as const, 'network' as const),
    isOddService: fc.constant(false),
    isOtherPassword: fc.constant(false),
    others: fc.nat(9),
    points: fc.nat(99),
    limit: fc.nat(9),
    failures: fc.nat(99),
    maxretry: fc.nat(9),
    isQuiet: fc.boolean(),
    isUnderAttack: fc.boolean(),
    isDeadName: fc.boolean(),
    isNewName: fc.boolean(),
    isTriedAgain: fc.boolean(),
    isHoneypot: fc.boolean(),
    isLearnt: fc.boolean(),
  });
  fc.assert(fc.property(any, (one) => decide(one, DEFAULT_POLICY_RULES).action === 'serve'));
  expect(Object.keys(REFUSAL_WORDS).sort()).toEqual([...REFUSAL_REASONS].sort());
});
