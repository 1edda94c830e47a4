import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  expandGlobs,
  fieldsOf,
  forgeableGroups,
  formatMatch,
  isWholeJournal,
  type MatchExpression,
  matches,
  parseMatch,
  unionOf,
  WHOLE_JOURNAL,
  withoutGlobs,
} from '../../src/core/match.js';

function parsed(text: string): MatchExpression {
  const { expression, problem } = parseMatch(text);
  if (expression === undefined) throw new Error(problem?.message ?? 'empty');
  return expression;
}

const wants = (text: string, fields: Record<string, string>) =>
  matches(parsed(text), (name) => fields[name]);

describe('a match expression', () => {
  test('the same field twice is OR, different fields are AND', () => {
    const text = '_SYSTEMD_UNIT=ssh.service _SYSTEMD_UNIT=sshd.service _UID=0';
    expect(wants(text, { _SYSTEMD_UNIT: 'ssh.service', _UID: '0' })).toBe(true);
    expect(wants(text, { _SYSTEMD_UNIT: 'sshd.service', _UID: '0' })).toBe(true);
    expect(wants(text, { _SYSTEMD_UNIT: 'sshd.service', _UID: '1' })).toBe(false);
    expect(wants(text, { _SYSTEMD_UNIT: 'sshd.service' })).toBe(false);
  });

  test('"+" and new lines join by OR', () => {
    for (const text of ['A=1 + B=2', 'A=1\nB=2', '\n A=1 \n\n B=2\n']) {
      expect(wants(text, { A: '1' })).toBe(true);
      expect(wants(text, { B: '2' })).toBe(true);
      expect(wants(text, { A: '2', B: '1' })).toBe(false);
    }
  });

  test.each(['-u postfix', '-upostfix', '--unit=postfix', '--unit postfix.service'])(
    '%s is the unit only',
    (text) => {
      expect(formatMatch(parsed(text))).toBe('_SYSTEMD_UNIT=postfix.service');
    },
  );

  test('-u keeps the suffix of other kinds of unit', () => {
    expect(formatMatch(parsed('-u ssh.socket -u postfix@-.service'))).toBe(
      '_SYSTEMD_UNIT=ssh.socket _SYSTEMD_UNIT=postfix@-.service',
    );
  });

  test.each(['-t sshd', '-tsshd', '--identifier=sshd'])('%s is the identifier', (text) => {
    expect(formatMatch(parsed(text))).toBe('SYSLOG_IDENTIFIER=sshd');
  });

  test('quotes keep blanks in a value; an equals sign in it is part of it', () => {
    expect(wants(`'_COMM=a b' X=y=z`, { _COMM: 'a b', X: 'y=z' })).toBe(true);
  });

  test.each([
    ['sshd', 'sshd', /none of FIELD=value/],
    ['lower=1', 'lower=1', /upper-case/],
    ['A=1 +', '+', /both sides/],
    ['+ A=1', '+', /both sides/],
    ['-u', '-u', /needs a value/],
    ["A='1", "A='1", /quote/],
    [`${'A'.repeat(65)}=1`, `${'A'.repeat(65)}=1`, /upper-case/],
  ])('%s is refused, naming the term', (text, term, message) => {
    const { problem, expression } = parseMatch(text);
    expect(expression).toBeUndefined();
    expect(problem?.term).toBe(term);
    expect(problem?.message).toMatch(message);
  });

  test('an empty one is neither an expression nor a problem', () => {
    expect(parseMatch(' \n ')).toEqual({});
  });

  test('reads as what it was written as', () => {
    const value = fc.string({
      minLength: 1,
      maxLength: 8,
      unit: fc.constantFrom('a', 'B', ' ', "'", '"', '\\', '=', '+'),
    });
    const group = fc.dictionary(
      fc.constantFrom('A', '_B', 'C2'),
      fc.uniqueArray(value, { minLength: 1, maxLength: 3 }),
      { minKeys: 1 },
    );
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 3 }), (list) => {
        const expression = { groups: list.map((terms) => new Map(Object.entries(terms))) };
        expect(parsed(formatMatch(expression))).toEqual(expression);
      }),
    );
  });
});

describe('what an expression selects', () => {
  test('names its fields', () => {
    expect([...fieldsOf(parsed('A=1 B=2 + C=3'))]).toEqual(['A', 'B', 'C']);
  });

  test('the whole journal is an empty group', () => {
    expect(isWholeJournal(WHOLE_JOURNAL)).toBe(true);
    expect(isWholeJournal(parsed('A=1'))).toBe(false);
    expect(matches(WHOLE_JOURNAL, () => undefined)).toBe(true);
  });

  test('groups that a local user can forge are found', () => {
    const groups = forgeableGroups(
      parsed('SYSLOG_IDENTIFIER=sshd + SYSLOG_IDENTIFIER=sshd _UID=0 + -u ssh'),
    );
    expect(groups).toEqual([new Map([['SYSLOG_IDENTIFIER', ['sshd']]])]);
  });

  test('the union has each group once; with the whole journal it is that', () => {
    expect(formatMatch(unionOf([parsed('A=1 + B=2'), parsed('B=2 + C=3')]))).toBe(
      'A=1 + B=2 + C=3',
    );
    expect(unionOf([parsed('A=1'), WHOLE_JOURNAL])).toBe(WHOLE_JOURNAL);
  });
});

describe('wildcards in names of units and hosts', () => {
  const parsed = (text: string) => {
    const { expression } = parseMatch(text);
    if (expression === undefined) throw new Error(text);
    return expression;
  };
  const select = (text: string, fields: Record<string, string>) =>
    matches(parsed(text), (name) => fields[name]);

  test("-u 'postfix@*' means every instance, whatever its type", () => {
    expect(formatMatch(parsed("-u 'postfix@*'"))).toBe('_SYSTEMD_UNIT=postfix@*');
    expect(select("-u 'postfix@*'", { _SYSTEMD_UNIT: 'postfix@-.service' })).toBe(true);
    expect(select('_SYSTEMD_UNIT=postfix@*.service', { _SYSTEMD_UNIT: 'postfix@mx.service' })).toBe(
      true,
    );
    expect(select('_SYSTEMD_UNIT=postfix@*.service', { _SYSTEMD_UNIT: 'postfix.service' })).toBe(
      false,
    );
    expect(select('_HOSTNAME=mx?', { _HOSTNAME: 'mx1' })).toBe(true);
  });

  test('are ordinary characters in other fields', () => {
    expect(select('SYSLOG_IDENTIFIER=a*', { SYSLOG_IDENTIFIER: 'ab' })).toBe(false);
    expect(select('SYSLOG_IDENTIFIER=a*', { SYSLOG_IDENTIFIER: 'a*' })).toBe(true);
  });

  test('are expanded over the values that there are; one that fits none stands for itself', () => {
    const values = ['postfix@a.service', 'postfix@b.service', 'ssh.service'];
    const expanded = (text: string) => formatMatch(expandGlobs(parsed(text), () => values));
    expect(expanded('_SYSTEMD_UNIT=postfix@* _SYSTEMD_UNIT=ssh.service _UID=0')).toBe(
      '_SYSTEMD_UNIT=postfix@a.service _SYSTEMD_UNIT=postfix@b.service _SYSTEMD_UNIT=ssh.service _UID=0',
    );
    expect(expanded('_SYSTEMD_UNIT=exim@*')).toBe('_SYSTEMD_UNIT=exim@*');
  });

  test('are no part of what can be selected by values', () => {
    const rest = (text: string) => withoutGlobs(parsed(text));
    expect(formatMatch(rest('_SYSTEMD_UNIT=postfix@* _UID=0 + _SYSTEMD_UNIT=ssh.service'))).toBe(
      '_UID=0 + _SYSTEMD_UNIT=ssh.service',
    );
    expect(formatMatch(rest('_SYSTEMD_UNIT=a.service _SYSTEMD_UNIT=b@* _UID=0'))).toBe('_UID=0');
    expect(formatMatch(rest('SYSLOG_IDENTIFIER=a*'))).toBe('SYSLOG_IDENTIFIER=a*');
    expect(rest('_SYSTEMD_UNIT=postfix@* + _UID=0')).toBe(WHOLE_JOURNAL);
  });

  test('that fit units of ordinary users are as good as no unit', () => {
    const forgeable = (text: string) => forgeableGroups(parsed(text)).length > 0;
    expect(forgeable('_SYSTEMD_UNIT=*')).toBe(true);
    expect(forgeable('_SYSTEMD_UNIT=session-*.scope')).toBe(true);
    expect(forgeable('_SYSTEMD_UNIT=postfix@*')).toBe(false);
    expect(forgeable('_SYSTEMD_UNIT=* _UID=0')).toBe(false);
  });
});
