import { describe, expect, test } from '@jest/globals';
import { showConfig } from '../../src/config/show.js';
import { EVIDENCE_OFFENDERS_MAX, HONEYPOT_NAMES_MAX } from '../../src/core/limits.js';
import { load } from './support.js';

const LOGIN = '[login]\nenabled = true\nfilter = evidence\n';
const policyOf = (text: string) => load({ 'jail.local': text }).config?.jails[0]?.policy;

describe('a jail that weighs evidence', () => {
  test('needs nothing but its filter, and reads no log', () => {
    const { config, diagnostics } = load({ 'jail.local': LOGIN });
    expect(diagnostics).toEqual([]);
    expect(config?.jails[0]).toMatchObject({
      source: { kind: 'group' },
      policy: {
        counts: 'evidence',
        evidence: {
          credit: 30 * 86_400,
          subnet: 6,
          underattack: 8,
          deadnames: 5,
          takeover: 6,
          honeypot: [],
        },
      },
    });
    expect(config && showConfig(config)).toContain('# reads: what the jails of its group find');
  });

  test('takes its rules from keys; 0 switches one off', () => {
    const keys = `credit = 14d\nsubnet = 0\nunderattack = ${EVIDENCE_OFFENDERS_MAX}\ndeadnames = 0\ntakeover = 3\nhoneypot = Trap\n scan\n`;
    expect(policyOf(`${LOGIN}${keys}`)?.evidence).toEqual({
      ...{
        credit: 14 * 86_400,
        subnet: 0,
        underattack: EVIDENCE_OFFENDERS_MAX,
        deadnames: 0,
        takeover: 3,
      },
      honeypot: ['trap', 'scan'],
    });
  });

  test.each([
    ['subnet = 1', 'subnet'],
    [`underattack = ${EVIDENCE_OFFENDERS_MAX + 1}`, 'underattack'],
    ['deadnames = many', 'deadnames'],
    ['takeover = -1', 'takeover'],
    ['credit = soon', 'credit'],
    [`honeypot = ${'x '.repeat(HONEYPOT_NAMES_MAX + 1)}`, 'honeypot'],
    ['honeypot = trap file:/etc/banjour/traps', 'honeypot'],
    ['group = bad name!', 'group'],
  ])('%s is an error at its line', (line, key) => {
    const { diagnostics } = load({ 'jail.local': `${LOGIN}${line}\n` });
    expect(diagnostics.map((one) => [one.level, one.place?.line, one.key])).toEqual([
      ['error', 4, key],
    ]);
  });

  test(`as many as ${HONEYPOT_NAMES_MAX} honeypot names are taken`, () => {
    expect(
      policyOf(`${LOGIN}honeypot = ${'x '.repeat(HONEYPOT_NAMES_MAX)}\n`)?.evidence?.honeypot,
    ).toHaveLength(HONEYPOT_NAMES_MAX);
  });

  test('the jails of a group name it', () => {
    const jail =
      '[one]\nenabled = true\nfilter =\nfailregex = ^bad <HOST>$\nmatch = -u x\ngroup = login\n';
    expect(policyOf(jail)?.group).toBe('login');
    expect(policyOf(jail.replace('group = login\n', ''))?.group).toBeUndefined();
  });
});
