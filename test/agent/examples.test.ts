import { describe, expect, test } from '@jest/globals';
import { loadSetup, verifyFilters } from '../../src/setup/load.js';
import { placeOf } from '../../src/setup/setup.js';

describe('the example of a bridging host', () => {
  test('is loaded without a warning: every jail reads what other hosts send, and judges what is forwarded', async () => {
    const { setup, warnings } = loadSetup({
      shippedRoot: 'config',
      adminRoot: 'examples/bridge/bridge/etc/banjour',
    });
    expect(warnings).toEqual([]);
    expect(setup.jails.map((jail) => [jail.policy.jail, placeOf(jail)])).toEqual([
      ...['postfix-sasl', 'dovecot', 'sshd'].map((jail) => [
        jail,
        'remote:/var/log/journal/remote',
      ]),
      ['login', 'group'],
    ]);
    expect([setup.firewall.hook, setup.firewall.bridge]).toEqual(['forward', true]);
    expect(await verifyFilters(setup)).toEqual([]);
  });
});

describe('the example of mail in a container of podman', () => {
  test('is loaded without a warning: packets are judged before their destination is rewritten', async () => {
    const { setup, warnings } = loadSetup({
      shippedRoot: 'config',
      adminRoot: 'examples/podman/etc/banjour',
    });
    expect(warnings).toEqual([]);
    expect(setup.firewall.hook).toBe('prerouting');
    expect(await verifyFilters(setup)).toEqual([]);
  });
});

describe('a date pattern', () => {
  test('that cannot be used is refused before anything is read', async () => {
    const { setup } = loadSetup(
      { shippedRoot: 'config', adminRoot: 'examples/seeds/qmail' },
      { jails: ['qmailadmin'], overrides: { datepattern: '%%Y(' } },
    );
    await expect(verifyFilters(setup)).rejects.toThrow('date pattern');
  });
});
