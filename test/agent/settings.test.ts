import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test as plain } from '@jest/globals';
import { ledgerPathOf } from '../../src/setup/setup.js';
import { AgentHost, canHost, SSHD } from '../support/agent-host.js';
import { needs } from '../support/require.js';

const test = needs(...canHost);

plain('the ledger is where dbfile says, else where the command line says', () => {
  expect(ledgerPathOf({ dbfile: '/var/lib/banjour/ledger.sqlite3' }, '/state/ledger.sqlite3')).toBe(
    '/state/ledger.sqlite3',
  );
  expect(ledgerPathOf({ dbfile: '/srv/bans.sqlite3' }, '/state/ledger.sqlite3')).toBe(
    '/srv/bans.sqlite3',
  );
  expect(ledgerPathOf({ dbfile: null }, '/state/ledger.sqlite3')).toBe(':memory:');
  expect(ledgerPathOf({ dbfile: '/srv/bans.sqlite3' }, ':memory:')).toBe(':memory:');
});

describe('the settings of a running agent', () => {
  let host: AgentHost;
  beforeEach(() => {
    host = new AgentHost();
  });
  afterEach(() => host.dispose());

  const settings = (...lines: readonly string[]) =>
    host.write('etc/banjour.local', ['[Definition]', ...lines, ''].join('\n'));

  test('allowipv6 = no leaves IPv6 alone until a reload says otherwise', async () => {
    host.configure();
    settings('allowipv6 = no');
    await host.start();
    host.fail('2001:db8:1::1', 3);
    host.fail('198.51.100.1', 3);
    await host.heard('Ban', 1);
    expect(host.announced('Ban')).toEqual(['sshd 198.51.100.1']);
    expect(host.said).toContain('Ignore 2001:db8:1::1 by allowipv6 = no');
    settings('allowipv6 = auto');
    expect((await host.control.reload()).changes).toEqual(['IPv6 addresses count']);
    host.fail('2001:db8:1::2', 3);
    await host.heard('Ban', 2);
    expect(host.announced('Ban').at(-1)).toBe('sshd 2001:db8:1::/64');
  });

  test('dbfile names the ledger, and None keeps it in memory', async () => {
    host.configure();
    settings(`dbfile = ${host.path('elsewhere.sqlite3')}`);
    const first = await host.start();
    expect([
      existsSync(host.path('elsewhere.sqlite3')),
      existsSync(host.path('state/ledger.sqlite3')),
    ]).toEqual([true, false]);
    await host.end(first, 'SIGTERM');
    settings('dbfile = None');
    const second = await host.start();
    host.fail('198.51.100.1', 3);
    await host.heard('Ban', 1);
    await host.end(second, 'SIGTERM');
    expect(existsSync(host.path('state/ledger.sqlite3'))).toBe(false);
    // Nothing is remembered, yet nobody is let in: the kernel's own bans are taken over.
    await host.start();
    expect(host.said).toContain('1 ban that the kernel holds is taken over');
    expect(host.ruleset()).toContain('198.51.100.1');
  });

  test('maxmatches bounds the entries that a ban remembers', async () => {
    host.configure('maxmatches = 2');
    await host.start();
    host.fail('198.51.100.1', 3);
    await host.heard('Ban', 1);
    const [ban] = await host.status.history({ jail: 'sshd' });
    expect(ban?.failures).toBe(3);
    expect(ban?.evidence).toHaveLength(2);
  });

  test('each jail judges packets in its own hook, also when a reload moves it', async () => {
    host.configure('blocktype = drop', '[sshd]', 'hook = forward');
    await host.start();
    host.fail('198.51.100.1', 3);
    const sasl = {
      ...SSHD,
      _SYSTEMD_UNIT: 'postfix@-.service',
      SYSLOG_IDENTIFIER: 'postfix/smtpd',
    };
    for (let i = 0; i < 3; i++)
      host.append(
        'warning: unknown[198.51.100.2]: SASL LOGIN authentication failed: (reason unavailable)',
        sasl,
      );
    await host.heard('Ban', 2);
    const chain = (name: string) =>
      host.namespace.run(['nft', 'list', 'chain', 'inet', 'banjour', name]);
    expect(chain('bans4.forward')).toContain('@ban4.sshd');
    expect(chain('bans4.forward')).not.toContain('@ban4.postfix-sasl');
    expect(chain('bans4.input')).toContain('@ban4.postfix-sasl');
    expect(chain('bans4.input')).not.toContain('@ban4.sshd');
    expect(chain('forward')).toContain('jump bans4.forward');
    host.configure('blocktype = drop');
    expect((await host.control.reload()).changes.join()).toContain(
      'jail sshd: hook forward -> none',
    );
    expect(chain('bans4')).toContain('@ban4.sshd');
    expect(host.ruleset()).not.toContain('forward');
    expect(host.ruleset()).toContain('198.51.100.1');
    expect(host.ruleset()).toContain('198.51.100.2');
  });
});
