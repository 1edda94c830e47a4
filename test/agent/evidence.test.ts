/**
 * The jail that weighs evidence in a real agent: what it decides is in the kernel, and a kill
 * forgets nothing.
 */
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

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
/** Waits for words in the log. */
const said = (words: string) =>
  until(
    () => `${words} in:\n${host.said}`,
    () => host.said.includes(words),
  );
const DAY = 86_400;
const enter = (user: string, address: string, ago = 0) =>
  host.append(`Accepted password for ${user} from ${address} port 22 ssh2`, undefined, ago);
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

test('a mailbox that logs in from many networks is told at once, and nobody is banned', async () => {
  login('enabled = true');
  host.configure();
  await host.start();
  for (let n = 1; n < 6; n++) enter('anna', `198.51.${n}.7`);
  enter('anna', '198.51.99.7');
  await said('Takeover? anna logs in from 6 networks within a day, now from 198.51.99.7');
  expect(host.announced('Ban')).toEqual([]);
});

describe('logins of the past', () => {
  const evidence = async () => (await host.status.jail({ jail: 'login' })).jail.evidence;

  test('are read at a first start and excuse a user; a restart knows them and reads no more', async () => {
    login('enabled = true');
    host.configure();
    enter('old', '198.51.100.1', 40 * DAY);
    enter('anna', '198.51.100.7', 20 * DAY);
    enter('ben', '198.51.100.8', 2 * DAY);
    const agent = await host.start();
    await said('learnt from the journal: 2 logins of the last 30 days');
    expect(await evidence()).toMatchObject({ users: 2, credits: 2 });
    for (let n = 0; n < 6; n++) fail('anna', '198.51.100.7');
    for (let n = 0; n < 3; n++) fail('anna', '203.0.113.9');
    await host.heard('Ban', 1);
    expect(host.announced('Ban')).toEqual(['sshd 203.0.113.9']);
    await host.end(agent);
    await host.start();
    expect(await evidence()).toMatchObject({ users: 2, credits: 2 });
    expect(host.said.split('learnt from the journal')).toHaveLength(2);
  });

  test('are read when the jail is switched on by a reload', async () => {
    login('enabled = false');
    host.configure();
    enter('anna', '198.51.100.7', 20 * DAY);
    await host.start();
    login('enabled = true');
    await host.control.reload();
    await said('learnt from the journal: 1 login of the last 30 days');
    expect(await evidence()).toMatchObject({ users: 1, credits: 1 });
  });
});
