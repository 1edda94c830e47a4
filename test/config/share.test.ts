import { describe, expect, test } from '@jest/globals';
import { SHARE_PREFIX_MIN } from '../../src/core/service-limits.js';
import { load } from './support.js';

const SHARED = '[shared]\nenabled = true\nfilter =\n';
const jailOf = (keys: string) => load({ 'jail.local': `${SHARED}${keys}` }).config?.jails[0];

describe('the jail shared', () => {
  test('takes what hosts decided, no lists, and tells of all bans', () => {
    const { config, diagnostics } = load({ 'jail.local': SHARED });
    expect(diagnostics).toEqual([]);
    expect(config?.jails[0]?.policy).toMatchObject({
      counts: 'nothing',
      share: {
        accept: ['banjour', 'crowdsec', 'cscli'],
        bantimeMax: 7 * 86_400,
        prefix: [24, 48],
        publish: { jails: 'all', operator: true },
      },
    });
    expect(config?.jails[0]?.rule.lists).toBeUndefined();
  });

  test.each([
    ['accept = lists, Banjour', { accept: ['banjour', 'lists'] }],
    ['accept = none', { accept: [] }],
    ['accept-bantime-max = 1d12h', { bantimeMax: 129_600 }],
    ['accept-prefix = /32 /64', { prefix: [32, 64] }],
    [
      `accept-prefix = ${SHARE_PREFIX_MIN[4]} ${SHARE_PREFIX_MIN[6]}`,
      { prefix: [SHARE_PREFIX_MIN[4], SHARE_PREFIX_MIN[6]] },
    ],
    ['publish = none', { publish: { jails: [], operator: false } }],
    ['publish = operator', { publish: { jails: [], operator: true } }],
    ['publish = sshd, dovecot', { publish: { jails: ['sshd', 'dovecot'], operator: false } }],
    ['publish = ALL', { publish: { jails: 'all', operator: false } }],
  ])('reads %s', (line, share) => {
    expect(jailOf(line)?.policy.share).toMatchObject(share);
  });

  test('has a second rule only where it takes lists', () => {
    expect(jailOf('accept = banjour lists')?.rule.lists).toBe(true);
  });

  test.each([
    ['accept = everybody', 'accept'],
    ['accept = banjour everybody', 'accept'],
    ['accept-bantime-max = -1', 'accept-bantime-max'],
    ['accept-bantime-max = 0', 'accept-bantime-max'],
    ['accept-bantime-max = soon', 'accept-bantime-max'],
    [`accept-prefix = ${SHARE_PREFIX_MIN[4] - 1} 48`, 'accept-prefix'],
    [`accept-prefix = 24 ${SHARE_PREFIX_MIN[6] - 1}`, 'accept-prefix'],
    ['accept-prefix = 24', 'accept-prefix'],
    ['accept-prefix = 24 48 64', 'accept-prefix'],
    ['accept-prefix = 33 48', 'accept-prefix'],
    ['publish = ../etc', 'publish'],
  ])('an error names the line, the key and the remedy of: %s', (line, key) => {
    const { config, diagnostics } = load({ 'jail.local': `${SHARED}${line}\n` });
    expect(config).toBeUndefined();
    expect(diagnostics).toMatchObject([
      { level: 'error', key, place: { file: '/etc/jail.local', line: 4 }, fix: expect.any(String) },
    ]);
  });

  test('is one by its name and by reading no log: other jails take nothing', () => {
    const policy = (text: string) => load({ 'jail.local': text }).config?.jails[0]?.policy;
    expect(policy('[shared]\nenabled = true\nfilter = x\n')).toBeDefined();
    expect(policy('[shared]\nenabled = true\nfilter = x\n')?.share).toBeUndefined();
    expect(policy('[byhand]\nenabled = true\nfilter =\n')?.share).toBeUndefined();
  });

  test('the name of what lists bring is no jail’s', () => {
    const { diagnostics } = load({ 'jail.local': '[shared.lists]\nenabled = true\nfilter =\n' });
    expect(diagnostics).toMatchObject([{ level: 'error', id: 'jail.name' }]);
  });
});
