/**
 * The jail that weighs evidence in a real agent: what it decides is in the kernel, and a kill
 * forgets nothing.
 */
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { runCli } from '../../src/cli/cli.js';
import { caught } from '../control/host.js';
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
  await said('Takeover? logins from 6 networks within a day: anna, now from 198.51.99.7');
  expect(host.announced('Ban')).toEqual([]);
});

describe('explain tells of those who attacked together', () => {
  /** What it says in words, without times, once it says something. */
  const explained = async (who: string, words: string) => {
    let said = '';
    const ask = async () => {
      const { code, out, err } = await caught((terminal) =>
        runCli(host.placed(['explain', who]), terminal),
      );
      said = `${code} ${out}${err}`.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME');
      return said.includes(words);
    };
    await until(() => `${words} in:\n${said}`, ask);
    return said;
  };
  const start = async () => {
    login('enabled = true');
    host.configure('maxretry = 100');
    enter('anna', '203.0.113.9', 20 * DAY);
    await host.start();
    await said('learnt from the journal: 1 login');
  };

  test('in a network, also when its ban was lifted', async () => {
    await start();
    for (let n = 1; n < 7; n++) fail(`name${n}`, `77.7.7.${n}`);
    await host.heard('Ban', 1);
    expect(host.announced('Ban')).toEqual(['login 77.7.7.0/24']);
    const network = await explained('77.7.7.0/24', 'at the ban of TIME: 6, of the 6');
    expect(network).toMatch(/^0 /);
    expect(network).toContain('many addresses of its network fail, 6 of 6 offenders.');
    for (let n = 1; n < 7; n++) {
      expect(network).toContain(`77.7.7.${n}  1 failure as name${n}, the last at TIME, banned in`);
      expect(network).toContain(`Failed password for name${n} from 77.7.7.${n} port 22`);
    }
    // Of an address in it the same is told.
    expect(await explained('77.7.7.3', '77.7.7.1  1 failure as name1')).toMatch(/^0 /);
    await host.control.unban({ targets: ['77.7.7.0/24'] });
    const lifted = await explained('77.7.7.0/24', 'at the ban of TIME: 6, of the 6');
    expect(lifted).toMatch(/^0 /);
    expect(lifted).toContain('Not banned now.');
    expect(lifted).not.toContain(', banned in');
  });

  test('for a user, who has a story too', async () => {
    await start();
    expect(await explained('anna', 'Not under attack in login: 0 of 8')).toMatch(/^0 /);
    for (let n = 1; n < 10; n++) fail('anna', `45.${n}.1.7`);
    await host.heard('Ban', 2);
    expect(host.announced('Ban')).toEqual(['login 45.8.1.7', 'login 45.9.1.7']);
    const address = await explained('45.9.1.7', 'for anna, at the ban of TIME: 9, of the 8');
    expect(address).toContain('whom many addresses attack, anna, 9 of 8 offenders.');
    expect(address).toContain('Its ban added 5 points to what it failed for');
    expect(address).toContain('banned by the rule at once, whatever it weighed');
    const user = await explained('Anna', 'Addresses that failed for Anna, now: 9, of the 8');
    expect(user).toMatch(/^0 Anna /);
    expect(user).toContain('Under attack in login since TIME: each further address');
    expect(user).toContain('under attack: 8 addresses failed within a day, the last from 45.8.1.7');
    expect(user).toContain('45.9.1.7  1 failure, the last at TIME, banned in login');
    expect(user).toContain('Logs in from 1 network, which vouches for the user in login:');
    expect(user).toContain('203.0.113.0/24  the last from 203.0.113.9, sshd, at TIME');
    expect(await explained('nobody-knows', 'nothing is known of such a user')).toMatch(/^1 /);
  });
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
