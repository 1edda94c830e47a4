/** Bans of other hosts in a real agent, with the kernel's own sets. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { ControlClient } from '../../src/control/client.js';
import type { RequestFor } from '../../src/control/endpoints.js';
import { SHARE_REFUSALS_TOLD_MAX } from '../../src/core/service-limits.js';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);
type Told = RequestFor<'shareDecisions'>['decisions'][number];

let host: AgentHost;
beforeEach(() => {
  if (!canHost[0]) return;
  host = new AgentHost();
  host.configure('[sshd]', 'enabled = true');
});
afterEach(() => host?.dispose());

/** The jail `shared` with these lines more. */
const sharing = (...lines: readonly string[]) =>
  host.write(
    'etc/jail.d/z.conf',
    ['[shared]', 'enabled = true', 'filter =', ...lines, ''].join('\n'),
  );
const inFrom = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
const told = (target: string, more: Partial<Told> = {}): Told => ({
  target,
  until: inFrom(600),
  origin: 'banjour',
  host: 'mx2',
  scenario: 'banjour/sshd',
  ...more,
});
const share = (decisions: Told[], more: Partial<RequestFor<'shareDecisions'>> = {}) =>
  new ControlClient(host.path('run/share.sock')).shareDecisions({
    engine: 'valkey',
    decisions,
    lifted: [],
    ...more,
  });
/** Elements of the sets whose names begin so, in the kernel. */
const kernel = (name: string) =>
  [
    ...host
      .ruleset()
      .matchAll(new RegExp(`set ${name}\\S* \\{([^}]*(?:\\{[^}]*\\}?)?[^}]*)\\}`, 'g')),
  ]
    .flatMap(([text]) => [...text.matchAll(/([\da-f.:]+) timeout/g)].map(([, address]) => address))
    .sort();
const states = async () =>
  (await host.status.history({ jail: 'shared' })).map(({ target, state, origin }) => [
    target,
    state,
    origin,
  ]);

test('a ban of another host is in force, told apart everywhere, and lifted by it', async () => {
  sharing();
  await host.start();
  const long = told('198.51.100.7', { until: '9999-12-31T23:59:59Z' });
  expect(await share([long, told('203.0.113.0/24', { origin: 'crowdsec' })])).toEqual({
    taken: 2,
    lifted: 0,
    refused: [],
    refusedCount: 0,
  });
  expect(kernel('ban4.shared')).toEqual(['198.51.100.7']);
  expect(kernel('net4.24.shared')).toEqual(['203.0.113.0']);
  const [second, first] = await host.status.history({ jail: 'shared' });
  expect(first).toMatchObject({
    target: '198.51.100.7',
    origin: 'shared',
    source: 'banjour',
    host: 'mx2',
    scenario: 'banjour/sshd',
    state: 'in-force',
  });
  expect(second).toMatchObject({ source: 'crowdsec' });
  const week = (Date.parse(first?.until ?? '') - Date.now()) / 86_400_000;
  expect(week).toBeGreaterThan(6.9);
  expect(week).toBeLessThanOrEqual(7);
  const { bans } = await host.status.explain({ address: '198.51.100.7' });
  expect(bans).toMatchObject([{ host: 'mx2', scenario: 'banjour/sshd', source: 'banjour' }]);
  expect(await host.status.shareStatus()).toMatchObject({
    enabled: true,
    engine: 'valkey',
    inForce: [
      { host: 'mx2', origin: 'banjour', bans: 1 },
      { host: 'mx2', origin: 'crowdsec', bans: 1 },
    ],
    publish: { jails: expect.arrayContaining(['sshd']), operator: true },
    taken: 2,
    refused: {},
  });
  // Another host’s is not theirs to lift.
  const target = '198.51.100.7';
  for (const one of [
    { target, origin: 'banjour', host: 'mx3' },
    { target: '198.51.100.8', origin: 'banjour' },
    { target: 'x', origin: 'banjour' },
  ])
    expect(await share([], { lifted: [one] })).toMatchObject({ lifted: 0 });
  expect(await share([], { lifted: [{ target, origin: 'banjour', host: 'mx2' }] })).toMatchObject({
    lifted: 1,
  });
  expect(kernel('ban4.shared')).toEqual([]);
  expect((await host.status.history({ address: target }))[0]?.ended).toMatchObject({ by: 'mx2' });
});

test('the same again is no second ban, a longer one is; nobody counts it twice', async () => {
  sharing();
  host.write('etc/jail.d/r.conf', '[recidive]\nenabled = true\nfilter = recidive\nmaxretry = 2\n');
  await host.start();
  const who = '198.51.100.7';
  const ends = [600, 601, 599, 300, 300].map(inFrom);
  for (const end of ends)
    expect(await share([told(who, { until: end })])).toMatchObject({ taken: 1 });
  await share([told(who, { until: inFrom(3000) }), told(who, { until: inFrom(4000) })]);
  // A century is cut anew whenever it is told, and no other ban each time.
  for (let n = 0; n < 3; n++)
    await share([told('198.51.100.8', { until: '9999-01-01T00:00:00Z' })]);
  expect(await states()).toEqual([
    ['198.51.100.8', 'in-force', 'shared'],
    [who, 'in-force', 'shared'],
    [who, 'ended', 'shared'],
    [who, 'ended', 'shared'],
  ]);
  // Others' bans make no repeat offender here, nor a longer ban.
  expect((await host.status.bans({})).map(({ jail }) => jail)).toEqual(['shared', 'shared']);
  host.fail(who, 3);
  await host.heard('Ban', 1);
  const own = await host.status.history({ jail: 'sshd' });
  expect(own).toMatchObject([{ origin: 'journal', target: who }]);
});

test('what an operator lifts here stays lifted, of bans and of lists', async () => {
  sharing('accept = banjour lists');
  const agent = await host.start();
  const decisions = [
    told('198.51.100.7'),
    told('198.51.100.0/24', { origin: 'lists' }),
    told('203.0.113.7', { origin: 'lists' }),
  ];
  await share(decisions);
  const answer = await host.control.unban({ targets: ['198.51.100.7', '203.0.113.9'] });
  expect(answer).toMatchObject({ changed: 2, results: [{ done: true }, { done: false }] });
  const isStillLifted = async () => {
    expect(await share(decisions)).toMatchObject({
      refused: [
        { target: '198.51.100.7', why: 'an operator lifted it here' },
        { target: '198.51.100.0/24', why: 'an operator lifted 198.51.100.7 here' },
      ],
    });
    expect([...kernel('ban4.shared'), ...kernel('net')]).toEqual(['203.0.113.7']);
  };
  await isStillLifted();
  await host.control.unban({ targets: ['203.0.113.7'] });
  expect(kernel('ban4.shared')).toEqual([]);
  await host.end(agent);
  await host.start();
  await share(decisions);
  expect([...kernel('ban4.shared'), ...kernel('net')]).toEqual([]);
});

test('what is refused is told, and the rest is taken', async () => {
  sharing();
  host.configure('ignoreip = 192.0.2.0/28', '[sshd]', 'enabled = true');
  await host.start();
  const bad = ['0.0.0.0/0', '192.0.2.5', '10.0.0.1', '"; flush ruleset', 'x'.repeat(9999)];
  const answer = await share([...bad.map((target) => told(target)), told('198.51.100.7')]);
  expect(answer).toMatchObject({ taken: 1, refusedCount: 5 });
  expect(answer.refused.map(({ why }) => why)).toEqual([
    expect.stringContaining('wider than /24'),
    expect.stringContaining('never banned: ignoreip 192.0.2.0/28'),
    expect.stringContaining('name another machine'),
    'not an address or prefix',
    'not an address or prefix',
  ]);
  expect(answer.refused[4]?.target.length).toBeLessThan(100);
  const many = Array.from({ length: 500 }, () => told('0.0.0.0/0'));
  expect((await share(many)).refused.length).toBe(SHARE_REFUSALS_TOLD_MAX);
  expect(kernel('ban4.shared')).toEqual(['198.51.100.7']);
  expect((await host.status.shareStatus()).refused).toEqual({
    prefix: 501,
    allowed: 1,
    local: 1,
    target: 2,
  });
});

test('hostile words of others stay words', async () => {
  sharing();
  await host.start();
  const scenario = '\u001b[2Jx\n[sshd] Ban 192.0.2.1\u202e';
  await share([told('198.51.100.7', { host: scenario, scenario, origin: 'cscli' })]);
  const [ban] = await host.status.history({ jail: 'shared' });
  expect(ban).toMatchObject({ host: scenario, scenario });
  expect(host.said).toMatch(/Shared bans \(valkey\): took 1 of/);
  expect(host.said).not.toMatch(/\u001b|\u202e|^\[sshd\] Ban/m);
});

test('an exemption or a login that comes later ends it, also that of a prefix', async () => {
  sharing('accept = banjour lists');
  host.write('etc/jail.d/login.conf', '[login]\nenabled = true\n');
  host.write('etc/jail.d/mail.conf', '[dovecot]\nenabled = true\n');
  await host.start();
  const list = { origin: 'lists' };
  await share([
    told('198.51.100.0/24'),
    told('192.0.2.0/25', list),
    told('203.0.113.0/24'),
    told('203.0.113.5', list),
    told('198.18.0.1'),
    told('198.18.0.2', list),
  ]);
  const login = (address: string) =>
    host.append(
      `imap-login: Login: user=<anna>, method=PLAIN, rip=${address}, lip=192.0.2.1, mpid=1, TLS, session=<s0>`,
      { _SYSTEMD_UNIT: 'dovecot.service', SYSLOG_IDENTIFIER: 'dovecot', _UID: '0', _PID: '9' },
    );
  login('198.51.100.9');
  login('192.0.2.9');
  await until(
    () => `those who logged in are let in:\n${host.said}\n${host.ruleset()}`,
    () => !/198\.51\.100\.0|192\.0\.2\.0/.test(host.ruleset()),
  );
  host.configure('ignoreip = 203.0.113.5', '[sshd]', 'enabled = true');
  await host.control.reload({});
  expect(kernel('net4.24.shared')).toEqual([]);
  await until('the list’s too', () => !host.ruleset().includes('203.0.113.5 timeout'));
  expect(kernel('ban4.shared')).toEqual(['198.18.0.1', '198.18.0.2']);
  expect(await share([told('198.51.100.9'), told('203.0.113.5', list)])).toMatchObject({
    taken: 0,
  });
});

test('lists are beside the bans: in no history, healed behind them, kept by a restart', async () => {
  sharing('accept = banjour lists');
  const agent = await host.start();
  const listed = Array.from({ length: 950 }, (_, i) =>
    told(`198.18.${i >> 8}.${i & 255}`, { origin: 'lists', scenario: 'blocklist', host: 'capi' }),
  );
  const more = [
    told('203.0.113.0/24', { origin: 'lists' }),
    told('2001:db8:9::/64', { origin: 'lists' }),
  ];
  expect(
    await share([...listed, ...more], { snapshot: 'a', begins: true, ends: true }),
  ).toMatchObject({
    taken: 952,
  });
  await share([told('198.51.100.7')]);
  expect(kernel('ban4.shared.lists').length).toBe(950);
  expect(kernel('net').length).toBe(2);
  expect((await states()).length).toBe(1);
  const { listed: found } = await host.status.explain({ address: '198.18.0.5' });
  expect(found).toMatchObject([{ target: '198.18.0.5', host: 'capi', scenario: 'blocklist' }]);
  host.namespace.run(['nft', 'flush', 'ruleset']);
  await until(
    'all is back',
    () => kernel('ban4.shared').length === 951 && kernel('net').length === 2,
  );
  // A reload and an exemption touch nothing of it.
  host.configure('ignoreip = 192.0.2.1', '[sshd]', 'enabled = true');
  await host.control.reload({});
  expect(kernel('ban4.shared.lists').length).toBe(950);

  await host.end(agent);
  expect(kernel('ban4.shared.lists').length).toBe(950);
  host.configure('ignoreip = 198.18.0.5', '[sshd]', 'enabled = true');
  await host.start();
  await until('it is known again', async () => {
    const { lists } = await host.status.shareStatus();
    return lists.inForce === 951 && !lists.complete;
  });
  expect(kernel('ban4.shared.lists').length).toBe(949);
  expect((await states()).length).toBe(1);
  // A complete list: what it has not, goes.
  await share(listed.slice(0, 400), { snapshot: 'b', begins: true });
  await share([told('198.51.100.9')], { snapshot: 'b', ends: true });
  expect(kernel('ban4.shared.lists').length).toBe(399);
  expect(kernel('net')).toEqual([]);
  expect((await host.status.bans({})).map(({ target }) => target)).toEqual(['198.51.100.9']);
  await share([], { lifted: [{ target: '198.18.0.6', origin: 'lists' }] });
  expect(kernel('ban4.shared.lists').length).toBe(398);

  await host.control.ban({ jail: 'shared', targets: ['198.51.100.99'] });
  expect(await host.control.flushShared({ by: 'anna' })).toEqual({ lifted: 1, listed: 398 });
  expect(kernel('ban4.shared')).toEqual(['198.51.100.99']);
});

test('the commands and the metrics tell of it, with the words of others escaped', async () => {
  sharing('accept = banjour lists');
  await host.start();
  await share([
    told('198.51.100.7', { host: 'mx2\u001b[2J' }),
    told('198.51.100.7', { origin: 'lists', host: 'capi', scenario: 'firehol' }),
    told('10.0.0.1'),
  ]);
  const command = (...words: string[]) =>
    host.namespace.run([
      process.execPath,
      join(process.cwd(), 'dist/src/main.js'),
      ...host.placed(words),
    ]);
  const explained = command('explain', '198.51.100.7');
  expect(explained).toMatch(
    /Banned in shared .*, decided by mx2\S* for banjour\/sshd \(banjour\)\./,
  );
  expect(explained).toMatch(
    /On a list as 198\.51\.100\.7 .*, decided by capi for firehol \(lists\)/,
  );
  for (const text of [explained, command('status', '--long'), command('top', '--once')])
    expect(text).not.toContain('\u001b');
  for (const text of [command('status', '--long'), command('top', '--once')])
    expect(text).toMatch(
      /Shared bans: 2 decisions taken.*\n {2}1 ban of mx2.* \(banjour\)\n {2}1 element of lists\n {2}refused: local 1\n/,
    );
  const metrics = await host.status.metrics();
  expect(metrics).toMatch(/^banjour_shared_taken_total 2$/m);
  expect(metrics).toMatch(/^banjour_shared_refused_total\{reason="local"\} 1$/m);
  expect(metrics).toMatch(/^banjour_shared_listed 1$/m);
  expect(command('flush', '--shared')).toBe('1 shared ban lifted, 1 element of lists taken out\n');
  expect(await host.status.bans({})).toEqual([]);
});

test('without the jail nothing is taken, and what there was goes with it', async () => {
  sharing('accept = banjour lists');
  await host.start();
  await share([told('198.51.100.7'), told('198.51.100.8', { origin: 'lists' })]);
  host.write('etc/jail.d/z.conf', '[shared]\nenabled = false\n');
  await host.control.reload({});
  expect(host.ruleset()).not.toMatch(/shared|198\.51\.100/);
  await expect(share([told('198.51.100.7')])).rejects.toThrow('there is no jail `shared`');
  expect(await host.status.shareStatus()).toMatchObject({ enabled: false, inForce: [] });
});

test('narrower words in the configuration hold for what was taken before', async () => {
  sharing('accept = banjour cscli lists');
  await host.start();
  await share([
    told('198.51.100.0/24'),
    told('203.0.113.7'),
    told('203.0.113.8', { origin: 'cscli' }),
    told('203.0.113.9', { origin: 'lists' }),
  ]);
  sharing('accept = banjour', 'accept-prefix = 32 64');
  await host.control.reload({});
  expect((await host.status.bans({})).map(({ target }) => target)).toEqual(['203.0.113.7']);
  expect(host.ruleset()).not.toMatch(/lists/);
});
