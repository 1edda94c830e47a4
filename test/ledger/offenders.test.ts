/** Who failed in a network or for a user, out of the attempts that are kept. */
import { describe, expect, test } from '@jest/globals';
import { cursor } from '../../src/core/names.js';
import { EXPLAIN_CREDIT_MAX, EXPLAIN_OFFENDERS_MAX } from '../../src/core/service-limits.js';
import type { OffenderQuestion } from '../../src/ledger/offenders.js';
import { at, attempt, JAIL, OTHER, opened, SOURCE } from './support.js';

const asking = (of: OffenderQuestion['of'], more: Partial<OffenderQuestion> = {}) => ({
  ...{ of, jails: { [JAIL]: 64 }, since: at(0), until: at(1000), creditSince: at(-1000) },
  ...{ creditLengths: { 4: 24, 6: 48 } },
  ...more,
});
const { ledger } = opened();
function holding(...attempts: readonly Readonly<Parameters<typeof attempt>>[]) {
  ledger.attempts.prune(at(10_000));
  ledger.commit({
    decisions: [],
    attempts: attempts.map((one) => attempt(...one)),
    source: SOURCE,
    position: { cursor: cursor('p'), time: at(9) },
  });
  return (of: OffenderQuestion['of'], more: Partial<OffenderQuestion> = {}) => {
    const [answer] = ledger.database.offenders([asking(of, more)]);
    if (answer === undefined) throw new Error('no answer');
    return answer;
  };
}
const targets = ({ offenders }: { readonly offenders: readonly { readonly target: string }[] }) =>
  offenders.map(({ target }) => target).sort();

describe('offenders', () => {
  test('of a network are the addresses within it, whatever its length', () => {
    const ask = holding(
      ['10.7.7.1', 1],
      ['10.7.70.1', 1],
      ['10.77.7.1', 1],
      ['110.7.7.1', 1],
      ['2001:db8:1:2::3', 1],
      ['2001:db8:1:2::4', 1],
      ['2001:db8:1:3::4', 1],
      ['2001:db8:2::4', 1],
    );
    for (const [network, found] of [
      ['10.7.7.0/24', ['10.7.7.1']],
      ['10.7.0.0/16', ['10.7.7.1', '10.7.70.1']],
      ['10.7.64.0/18', ['10.7.70.1']],
      ['10.0.0.0/8', ['10.7.7.1', '10.7.70.1', '10.77.7.1']],
      ['10.7.7.1/32', ['10.7.7.1']],
      ['0.0.0.0/0', ['10.7.7.1', '10.7.70.1', '10.77.7.1', '110.7.7.1']],
      ['2001:db8:1::/48', ['2001:db8:1:2::/64', '2001:db8:1:3::/64']],
    ] as const)
      expect([network, targets(ask({ network }))]).toEqual([network, found]);
  });

  test('are told with what they tried, of the jails and the time that were asked for', () => {
    const ask = holding(
      ['10.7.7.1', 5, { user: 'b', count: 3 }],
      ['10.7.7.1', 7, { user: 'a' }],
      ['10.7.7.1', 9, { user: 'c' }],
      ['10.7.7.1', 8, { jail: OTHER }],
      ['10.7.7.2', 4],
      ['10.7.7.2', 11],
      ['10.7.7.3', 6, { kind: 'success' }],
    );
    expect(ask({ network: '10.7.7.0/24' }, { since: at(5), until: at(10) })).toEqual({
      found: 1,
      offenders: [
        { target: '10.7.7.1', attempts: 5, names: 3, users: ['a', 'c'], first: at(5), last: at(9) },
      ],
      networks: 0,
      credit: [],
    });
  });

  test('of a user are all but those in a network from which the user logged in', () => {
    const ask = holding(
      ['10.7.7.1', -5, { kind: 'success', user: 'Ännä' }],
      ['10.7.7.9', 5, { user: 'ännä' }],
      ['10.7.8.9', 5, { user: ' ÄNNÄ ' }],
      ['10.7.9.9', 5, { user: 'anna' }],
    );
    const answer = ask({ user: 'ännä' });
    expect(targets(answer)).toEqual(['10.7.8.9']);
    expect(answer.credit).toEqual([
      { network: '10.7.7.0/24', address: '10.7.7.1', service: JAIL, last: at(-5) },
    ]);
    // Credit that is over vouches for nobody.
    expect(targets(ask({ user: 'ännä' }, { creditSince: at(0) }))).toHaveLength(2);
  });

  test('of a user are told whether the name has its domain or not, where that is one user', () => {
    const failures = [
      ['10.7.1.1', 5, { user: 'anna' }],
      ['10.7.2.1', 5, { user: 'Anna@example.org' }],
      ['10.7.3.1', 5, { user: 'anna@other.example' }],
    ] as const;
    const login = (user: string) =>
      ['10.8.1.1', -5, { kind: 'success', user }] as Parameters<typeof attempt>;
    const found = (ask: ReturnType<typeof holding>) =>
      ['anna', 'anna@example.org', 'anna@other.example'].map((user) => targets(ask({ user })));
    const [bare, full, other] = failures.map(([address]) => address);
    expect(found(holding(...failures))).toEqual([[bare], [full], [other]]);
    expect(found(holding(login('anna@example.org'), ...failures))).toEqual([
      [bare, full],
      [bare, full],
      [other],
    ]);
    expect(found(holding(login('anna'), ...failures))).toEqual([
      [bare, full, other],
      [bare, full, other],
      [bare, full, other],
    ]);
    // She logs in under both forms.
    expect(found(holding(login('anna@example.org'), login('anna'), ...failures))).toEqual([
      [bare, full, other],
      [bare, full, other],
      [bare, full, other],
    ]);
    // Another mailbox of that name, from elsewhere.
    const elsewhere = ['10.9.1.1', -5, { kind: 'success', user: 'anna@example.org' }] as const;
    expect(found(holding(elsewhere, login('anna'), ...failures))).toEqual([
      [bare, other],
      [full],
      [bare, other],
    ]);
    const both = [login('anna@example.org'), login('anna@other.example')];
    expect(found(holding(...both, ...failures))).toEqual([[bare], [full], [other]]);
    expect(found(holding(...both, login('anna'), ...failures))).toEqual([[bare], [full], [other]]);
  });

  test('are named up to a bound, those that failed last; all are counted', () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, n) => [`10.7.7.${n}`, n] as Parameters<typeof attempt>);
    const network = '10.7.7.0/24';
    const all = holding(...many(EXPLAIN_OFFENDERS_MAX))({ network });
    expect([all.found, all.offenders.length]).toEqual([
      EXPLAIN_OFFENDERS_MAX,
      EXPLAIN_OFFENDERS_MAX,
    ]);
    const more = holding(...many(EXPLAIN_OFFENDERS_MAX + 1))({ network });
    expect([more.found, more.offenders.length]).toEqual([
      EXPLAIN_OFFENDERS_MAX + 1,
      EXPLAIN_OFFENDERS_MAX,
    ]);
    expect(targets(more)).not.toContain('10.7.7.0');
  });

  test('networks of a user are named up to a bound, those with the newest logins', () => {
    const many = (count: number) =>
      Array.from(
        { length: count },
        (_, n) =>
          [`10.7.${n}.1`, n, { kind: 'success', user: 'anna' }] as Parameters<typeof attempt>,
      );
    for (const count of [EXPLAIN_CREDIT_MAX, EXPLAIN_CREDIT_MAX + 1]) {
      const { networks, credit } = holding(...many(count))({ user: 'anna' });
      expect([networks, credit.length]).toEqual([count, EXPLAIN_CREDIT_MAX]);
      expect(credit[0]?.network).toBe(`10.7.${count - 1}.0/24`);
    }
  });
});
