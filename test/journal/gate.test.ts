import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GATE_FIELDS_MAX, GATE_ROUTES_MAX, GATE_TERM_BYTES_MAX } from '../../src/core/limits.js';
import { type MatchExpression, WHOLE_JOURNAL } from '../../src/core/match.js';
import { gateTest, routesOf, routesTest } from '../../src/journal/gate.js';
import { match } from './contract.js';

describe('the literal gate', () => {
  test('passes what contains one of the literals, every character of them taken as it is', () => {
    const literal = fc.string({
      unit: fc.constantFrom('a', 'b', '.', '*', '[', ']', '\\', '|', '^', '$', '(', '-'),
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        fc.array(literal, { maxLength: 4 }),
        fc.array(literal, { maxLength: 8 }),
        (literals, words) => {
          const text = words.join('');
          expect(gateTest({ literals })(text)).toBe(literals.some((each) => text.includes(each)));
        },
      ),
    );
  });

  test('passes everything without literals', () => {
    expect(gateTest({ literals: undefined })('')).toBe(true);
  });
});

describe('the routes of the gate', () => {
  const gateOf = (...matches: readonly MatchExpression[]) => ({
    literals: undefined,
    fields: [],
    routes: matches.map((each) => ({ match: each, literals: ['bad'] })),
  });
  const units = (count: number) =>
    Array.from({ length: count }, (_, i) => match(`_SYSTEMD_UNIT=u${i}.service`));
  const takes = (text: string, ...matches: readonly MatchExpression[]) =>
    routesTest(routesOf(gateOf(...matches)))('a bad login', new Map([['_SYSTEMD_UNIT', text]]));

  test('take an entry whose fields fit, and turn away one of another service', () => {
    const both = match('_SYSTEMD_UNIT=ssh.service _UID=0 + _SYSTEMD_UNIT=sshd.service');
    expect([
      takes('sshd.service', both),
      takes('ssh.service', both),
      takes('dovecot.service', both),
    ]).toEqual([true, false, false]);
    expect(
      routesTest(routesOf(gateOf(both)))(
        'a good login',
        new Map([['_SYSTEMD_UNIT', 'sshd.service']]),
      ),
    ).toBe(false);
  });

  test('leave to the source what the first value of a field cannot decide: wildcards, and fields that anybody sets', () => {
    expect(takes('dovecot.service', match("_SYSTEMD_UNIT='postfix@*.service'"))).toBe(true);
    expect(takes('dovecot.service', match('SYSLOG_IDENTIFIER=sshd'))).toBe(true);
    expect(
      takes('dovecot.service', match('SYSLOG_IDENTIFIER=sshd _SYSTEMD_UNIT=ssh.service')),
    ).toBe(false);
    expect(takes('dovecot.service', WHOLE_JOURNAL)).toBe(true);
  });

  test('are taken up to their bounds, and none of them beyond', () => {
    const count = (...matches: readonly MatchExpression[]) => routesOf(gateOf(...matches)).length;
    expect([count(...units(GATE_ROUTES_MAX)), count(...units(GATE_ROUTES_MAX + 1))]).toEqual([
      GATE_ROUTES_MAX,
      0,
    ]);
    const fields = (most: number) =>
      match(Array.from({ length: most }, (_, i) => `_F${i}=1`).join(' '));
    expect([count(fields(GATE_FIELDS_MAX)), count(fields(GATE_FIELDS_MAX + 1))]).toEqual([1, 0]);
    const term = (bytes: number) => match(`_A=${'x'.repeat(bytes - 3)}`);
    expect([count(term(GATE_TERM_BYTES_MAX)), count(term(GATE_TERM_BYTES_MAX + 1))]).toEqual([
      1, 0,
    ]);
    expect(routesOf({ literals: undefined, fields: [] })).toEqual([]);
  });
});
