import { describe, expect, test } from '@jest/globals';
import { formatPrefix, hostPrefix } from '../../src/core/address.js';
import type { FilterEvent, WeighedAttempt } from '../../src/core/decision.js';
import { ATTEMPTS_KEPT_MAX } from '../../src/core/limits.js';
import { cursor } from '../../src/core/names.js';
import { at, attempt, opened, SOURCE } from './support.js';

const position = { cursor: cursor('p'), time: at(9) };
const shown = (events: Iterable<FilterEvent>) =>
  [...events].map(
    ({ kind, address: who, user, count }) =>
      `${kind} ${formatPrefix(hostPrefix(who))} ${user} ${count}`,
  );

describe('attempts', () => {
  test('are read back in the order in which they were judged, with what was weighed of them', () => {
    const { ledger } = opened();
    const attempts = [
      attempt('192.0.2.1', 5, { user: 'anna\u001b[2J', count: 3 }),
      attempt('2001:db8::1', 2, { kind: 'success', user: 'ben' }),
      attempt('192.0.2.2', 3),
    ];
    ledger.commit({ decisions: [], attempts, source: SOURCE, position });
    expect(shown(ledger.attempts.since(at(0)))).toEqual([
      'failure 192.0.2.1 anna\u001b[2J 3',
      'success 2001:db8::1 ben 1',
      'failure 192.0.2.2 undefined 1',
    ]);
    expect(shown(ledger.attempts.since(at(4)))).toHaveLength(1);
  });

  test('bring back what the filter knew; of a password only its digest, and that for a day', () => {
    const { ledger } = opened();
    const known = { cause: 'unknown-user', digest: 'd390c1', isSpray: true } as const;
    const attempts: WeighedAttempt[] = [
      { ...attempt('192.0.2.1', 1), ...known },
      { ...attempt('192.0.2.1', 2), ...known },
      attempt('192.0.2.1', 3),
    ];
    ledger.commit({ decisions: [], attempts, source: SOURCE, position });
    const facts = () =>
      [...ledger.attempts.since(at(0))].map(({ cause, digest, isSpray }) => [
        cause,
        digest,
        isSpray,
      ]);
    const whole = ['unknown-user', 'd390c1', true];
    expect(facts()).toEqual([whole, whole, [undefined, undefined, undefined]]);
    ledger.attempts.forgetDigests(at(2));
    expect(facts()[0]).toEqual(['unknown-user', undefined, true]);
    expect(facts()[1]).toEqual(whole);
  });

  test('of older versions name no service of a login, those of this one do', () => {
    const { ledger } = opened();
    const attempts = [
      attempt('192.0.2.1', 1, { kind: 'success', user: 'anna' }),
      { ...attempt('192.0.2.2', 2, { kind: 'success', user: 'anna' }), isOfAnyService: true },
      attempt('192.0.2.3', 3, { user: 'anna' }),
    ];
    ledger.commit({ decisions: [], attempts, source: SOURCE, position });
    const known = [...ledger.attempts.since(at(0))].map(({ isOfAnyService }) => isOfAnyService);
    expect(known).toEqual([undefined, true, undefined]);
  });

  test('are there with the position or not at all', () => {
    const { ledger } = opened();
    const broken = [
      attempt('192.0.2.1', 1),
      attempt('192.0.2.2', 2, { kind: 'nonsense' as 'failure' }),
    ];
    expect(() =>
      ledger.commit({ decisions: [], attempts: broken, source: SOURCE, position }),
    ).toThrow(/CHECK/);
    expect(shown(ledger.attempts.since(at(0)))).toEqual([]);
    expect(ledger.position(SOURCE)).toBeUndefined();
  });

  test('a page has an end, and so have many pages', () => {
    const { ledger } = opened();
    const many = Array.from({ length: 25_001 }, (_, i) => attempt('192.0.2.1', i));
    ledger.commit({ decisions: [], attempts: many, source: SOURCE, position });
    expect(shown(ledger.attempts.since(at(0)))).toHaveLength(25_001);
  });

  test('old ones go, and the oldest beyond the bound', () => {
    const { ledger } = opened();
    const many = Array.from({ length: 10 }, (_, i) => attempt(`192.0.2.${i}`, i));
    ledger.commit({ decisions: [], attempts: many, source: SOURCE, position });
    ledger.attempts.prune(at(3));
    expect(shown(ledger.attempts.since(at(0)))).toHaveLength(7);
    ledger.attempts.prune(at(0), 5);
    expect(shown(ledger.attempts.since(at(0)))[0]).toContain('192.0.2.5');
    ledger.attempts.prune(at(0), 4);
    expect(shown(ledger.attempts.since(at(0)))).toHaveLength(4);
    expect(ATTEMPTS_KEPT_MAX * 120).toBeLessThan(100_000_000);
  });

  test('failures push out no logins, nor logins failures, from the half that each has', () => {
    const { ledger } = opened();
    const keep = (kind: 'failure' | 'success', count: number) => {
      const many = Array.from({ length: count }, (_, i) => attempt('192.0.2.1', i, { kind }));
      ledger.commit({ decisions: [], attempts: many, source: SOURCE, position });
    };
    const kept = (most: number) => {
      ledger.attempts.prune(at(0), most);
      const all = [...ledger.attempts.since(at(0))];
      const of = (which: string) => all.filter(({ kind }) => kind === which).length;
      return [of('success'), of('failure')];
    };
    keep('success', 4);
    keep('failure', 20);
    expect(kept(10)).toEqual([4, 6]);
    keep('success', 20);
    expect(kept(10)).toEqual([5, 5]);
    keep('success', 3);
    expect(kept(12)).toEqual([7, 5]);
    expect([...ledger.attempts.since(at(0))].map(({ time }) => time)).toContain(at(19));
  });
});
