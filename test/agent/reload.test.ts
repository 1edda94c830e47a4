import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { AgentHost, canHost, SSHD } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
});
afterEach(() => host.dispose());

const POSTFIX = { ...SSHD, _SYSTEMD_UNIT: 'postfix@-.service', SYSLOG_IDENTIFIER: 'postfix/smtpd' };
const sasl = (address: string, count: number, ago = 0) => {
  for (let i = 0; i < count; i++)
    host.append(
      `warning: unknown[${address}]: SASL LOGIN authentication failed: (reason unavailable)`,
      POSTFIX,
      ago,
    );
};
const reload = async () => (await host.control.reload()).changes;

describe('a reload', () => {
  test('warms a new jail up like a start: what failed before it was there counts', async () => {
    host.configure('[postfix-sasl]', 'enabled = false');
    await host.start();
    sasl('198.51.100.1', 2);
    host.fail('198.51.100.2', 1);
    await host.heard('Found', 1);
    host.configure();
    expect(await reload()).toContain('jail postfix-sasl: new');
    sasl('198.51.100.1', 1);
    await host.heard('Ban', 1);
    expect(host.announced('Ban')).toEqual(['postfix-sasl 198.51.100.1']);
    // The other jail of the same source counted nothing twice.
    host.fail('198.51.100.2', 1);
    await host.heard('Found', 3);
    expect((await host.status.jail({ jail: 'sshd' })).jail.currentlyFailed).toBe(1);
    expect(host.announced('Ban')).toHaveLength(1);
  });

  test('that widens findtime counts the older failures too', async () => {
    host.configure('findtime = 10m');
    host.fail('198.51.100.1', 2, 1_500);
    host.fail('198.51.100.9', 1);
    await host.start();
    await host.heard('Found', 1);
    host.configure('findtime = 1h');
    expect(await reload()).toContain('jail sshd: findtime 600 -> 3600');
    host.fail('198.51.100.1', 1);
    await host.heard('Ban', 1);
    expect(host.announced('Ban')).toEqual(['sshd 198.51.100.1']);
  });

  test('that changes ports and verdict changes the kernel and lets nobody in', async () => {
    host.configure('blocktype = drop');
    await host.start();
    host.fail('198.51.100.1', 3);
    await host.heard('Ban', 1);
    host.configure('blocktype = reject', '[sshd]', 'port = 22,2222');
    const { changes } = await host.control.reload({ dryRun: true });
    expect(changes).toContain('jail sshd: verdict drop -> reject');
    expect(host.ruleset()).not.toContain('2222');
    expect(await reload()).toEqual(changes);
    const rules = host.ruleset();
    expect(rules).toMatch(/tcp dport \{ 22, 2222 \} ip saddr @ban4\.sshd .*goto rejects/);
    expect(rules).toContain('198.51.100.1');
    expect(host.announced('Unban')).toEqual([]);
  });

  test('that removes a jail lifts its bans and leaves the others', async () => {
    host.configure();
    await host.start();
    host.fail('198.51.100.1', 3);
    sasl('198.51.100.2', 3);
    await host.heard('Ban', 2);
    host.configure('[sshd]', 'enabled = false');
    expect(await reload()).toContain('jail sshd: removed; its bans are lifted');
    expect(host.announced('Unban')).toEqual(['sshd 198.51.100.1']);
    expect(host.ruleset()).not.toContain('198.51.100.1');
    expect(host.ruleset()).toContain('198.51.100.2');
    const past = await host.status.history({ address: '198.51.100.1', limit: 5 });
    expect(past[0]?.ended?.reason).toBe('reload');
  });

  test('that allows an address lifts its ban, and its failures count no more', async () => {
    host.configure();
    await host.start();
    host.fail('198.51.100.1', 3);
    await host.heard('Ban', 1);
    host.configure('ignoreip = 198.51.100.0/24');
    await reload();
    await host.heard('Unban', 1);
    expect(host.ruleset()).not.toContain('elements = { 198.51.100.1 ');
    host.fail('198.51.100.1', 3);
    await host.heard('Ignore', 3);
    expect(host.announced('Ban')).toHaveLength(1);
  });

  test('by SIGHUP does the same and says it in the log; a broken file changes nothing', async () => {
    host.configure();
    const agent = await host.start();
    host.configure('maxretry = 2');
    agent.kill('SIGHUP');
    await until('it is said', () => host.said.includes('reload: '));
    expect(host.said).toContain('jail sshd: maxretry 3 -> 2');
    host.configure('maxretry = none');
    agent.kill('SIGHUP');
    await until('it is refused', () => host.said.includes('reload refused'));
    host.fail('198.51.100.1', 2);
    await host.heard('Ban', 1);
  });
});

describe('bans of a running agent', () => {
  test('grow for those who come back, by the multipliers, also over a restart', async () => {
    // Long enough that the kernel has it before it is over: what is over by then is never a ban.
    host.configure(
      'bantime = 4',
      'bantime.increment = true',
      'bantime.multipliers = 1 2 3600',
      'bantime.overalljails = true',
    );
    const first = await host.start();
    host.fail('198.51.100.1', 3);
    await host.heard('Unban', 1);
    sasl('198.51.100.1', 3);
    await host.heard('Ban', 2);
    await host.heard('Unban', 2);
    await host.end(first, 'SIGTERM');
    await host.start();
    host.fail('198.51.100.1', 3);
    await host.heard('Ban', 3);
    const past = await host.status.history({ address: '198.51.100.1', limit: 5 });
    const seconds = past.map(
      ({ time, until: end }) => (Date.parse(end ?? '') - Date.parse(time)) / 1000,
    );
    expect(seconds).toEqual([14_400, 8, 4]);
  });

  test('of IPv6 hold for the /64, but never for one that holds an allowed address', async () => {
    host.configure('ignoreip = 2001:db8:0:2::53');
    await host.start();
    for (const last of ['a', 'b', 'c']) host.fail(`2001:db8:0:1::${last}`);
    await host.heard('Ban', 1);
    for (const last of ['a', 'b', 'c']) host.fail(`2001:db8:0:2::${last}`);
    await host.heard('Found', 6);
    host.fail('2001:db8:0:2::53', 3);
    host.fail('2001:db8:0:2::a', 2);
    await host.heard('Ban', 2);
    expect(host.announced('Ban')).toEqual(['sshd 2001:db8:0:1::/64', 'sshd 2001:db8:0:2::a']);
  });

  test('by hand are refused for large prefixes and allowed addresses unless forced', async () => {
    host.configure('ignoreip = 198.51.100.7');
    await host.start();
    const ban = async (target: string, force = false) => {
      const { results } = await host.control.ban({ jail: 'sshd', targets: [target], force });
      return [results[0]?.done, results[0]?.message];
    };
    expect(await ban('11.0.0.0/7')).toEqual([false, expect.stringContaining('wider than /8')]);
    expect(await ban('2400::/31')).toEqual([false, expect.stringContaining('wider than /32')]);
    expect(await ban('198.51.100.7')).toEqual([
      false,
      expect.stringContaining('ignoreip 198.51.100.7'),
    ]);
    expect(await ban('198.51.100.0/24')).toEqual([false, expect.stringContaining('never banned')]);
    expect(await ban('11.0.0.0/8')).toEqual([true, 'banned']);
    expect(await ban('2400::/32')).toEqual([true, 'banned']);
    expect(await ban('198.51.100.0/24', true)).toEqual([true, 'banned']);
    const kernel = host.ruleset();
    expect(kernel).toContain('11.0.0.0');
    // Forced or not: the allow set stands before every ban.
    expect(kernel).toMatch(/chain bans4 \{\s*ip saddr @allow4 return/);
  });

  test('never fall on the default gateway, whatever the log says', async () => {
    host.namespace.run(['ip', 'link', 'add', 'mail0', 'type', 'veth', 'peer', 'name', 'mail1']);
    host.namespace.run(['ip', 'link', 'set', 'mail1', 'up']);
    host.namespace.run(['ip', 'address', 'add', '198.51.100.20/24', 'dev', 'mail0']);
    host.namespace.run(['ip', 'link', 'set', 'mail0', 'up']);
    host.namespace.run(['ip', 'route', 'add', 'default', 'via', '198.51.100.1']);
    host.configure();
    await host.start();
    host.fail('198.51.100.1', 3);
    host.fail('198.51.100.20', 3);
    host.fail('198.51.100.3', 3);
    await host.heard('Ban', 1);
    expect(host.announced('Ban')).toEqual(['sshd 198.51.100.3']);
    expect(host.said).toMatch(/Ignore 198\.51\.100\.1 by default gateway/);
    expect(host.said).toMatch(/Ignore 198\.51\.100\.20 by own address/);
  });
});
