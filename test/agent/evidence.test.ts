/**
 * The jail that weighs evidence in a real agent: what it decides is in the kernel, and a kill
 * forgets nothing.
 */
import { afterEach, beforeEach, expect } from '@jest/globals';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';

const test = needs(...canHost);

let host: AgentHost;
beforeEach(() => {
  if (!canHost[0]) return;
  host = new AgentHost();
  host.write('etc/jail.d/sshd.conf', '[sshd]\nenabled = true\n');
});
afterEach(() => host?.dispose());

const login = (...lines: readonly string[]) =>
  host.write('etc/jail.d/login.conf', ['[login]', ...lines, ''].join('\n'));
const fail = (user: string, address: string) =>
  host.append(`Failed password for ${user} from ${address} port 22 ssh2`);

test('a honeypot bans on all ports, and explain says why', async () => {
  login('enabled = true', 'honeypot = trap');
  host.configure();
  await host.start();
  fail('invalid user trap', '198.51.100.7');
  await host.heard('Ban', 1);
  expect(host.announced('Ban')).toEqual(['login 198.51.100.7']);
  expect(host.ruleset()).toContain('198.51.100.7');
  const told = await host.status.explain({ address: '198.51.100.7' });
  expect(told.bans.map(({ jail, rule }) => [jail, rule])).toEqual([['login', 'honeypot']]);
});

test('points outlive a kill: two names before it, one after it', async () => {
  login('enabled = true');
  host.configure('maxretry = 100');
  const agent = await host.start();
  for (const user of ['root', 'git']) fail(user, '198.51.100.7');
  await host.heard('Found', 2);
  // Whether the position behind them was stored by now or not, they are weighed once.
  await host.end(agent);
  expect(host.announced('Ban')).toEqual([]);
  await host.start();
  fail('deploy', '198.51.100.7');
  await host.heard('Ban', 1);
  expect(host.announced('Ban')).toEqual(['login 198.51.100.7']);
});

test('it runs unless it is switched off', async () => {
  login();
  host.configure();
  const agent = await host.start();
  expect((await host.status.status()).jails.map(({ jail }) => jail)).toContain('login');
  await host.end(agent);
  login('enabled = false');
  await host.start();
  expect((await host.status.status()).jails.map(({ jail }) => jail)).not.toContain('login');
});

test('with enabled = watch it says what it would ban, and the kernel and the ledger have nothing', async () => {
  login('enabled = watch', 'honeypot = trap');
  host.configure();
  await host.start();
  fail('invalid user trap', '198.51.100.7');
  await host.heard('Would ban', 1);
  expect(host.announced('Would ban')).toEqual(['login 198.51.100.7']);
  expect(host.ruleset()).not.toContain('198.51.100.7');
  const view = await host.status.jail({ jail: 'login' });
  expect([view.banned, view.jail.currentlyBanned, view.jail.watched]).toEqual([
    [],
    0,
    { current: 1, total: 1 },
  ]);
});
