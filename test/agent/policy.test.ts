/** What mail servers ask and report, in a real agent beside the lines of the same failures. */
import { statSync } from 'node:fs';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { ControlClient } from '../../src/control/client.js';
import { POLICY_REFUSALS_MAX } from '../../src/core/service-limits.js';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);

const DOVECOT = {
  _SYSTEMD_UNIT: 'dovecot.service',
  SYSLOG_IDENTIFIER: 'dovecot',
  _UID: '0',
  _PID: '9',
};
const WHO = '198.51.100.7';

let host: AgentHost;
beforeEach(() => {
  if (!canHost[0]) return;
  host = new AgentHost();
  host.write('etc/jail.d/mail.conf', '[dovecot]\nenabled = true\n');
});
afterEach(() => host?.dispose());

const weigh = (...lines: readonly string[]) =>
  host.write('etc/jail.d/login.conf', ['[login]', 'enabled = true', ...lines, ''].join('\n'));
const policy = () => new ControlClient(host.path('run/policy.sock'));
const report = (user: string, session: string, more: object = {}) =>
  policy().policyReports({ reports: [{ address: WHO, user, protocol: 'imap', session, ...more }] });
/** The line that sums a connection up. */
const ended = (user: string, session: string, attempts = 1, address = WHO) =>
  host.append(
    `imap-login: Disconnected (auth failed, ${attempts} attempts in 2 secs): user=<${user}>, method=PLAIN, rip=${address}, lip=192.0.2.1, TLS, session=<${session}>`,
    DOVECOT,
  );
const heardOf = (user: string) =>
  until(
    () => `${user} in:\n${host.said}`,
    () => host.said.includes(user),
  );

test('a report counts at once, and the line that comes later only what is more', async () => {
  weigh();
  host.configure('maxretry = 4');
  await host.start();
  for (let n = 0; n < 2; n++) await report('anna', 's1');
  await host.heard('Found', 2);
  ended('anna', 's1', 3);
  await host.heard('Found', 3);
  await report('bert', 's2');
  await host.heard('Ban', 1);
  expect(host.announced('Found').length).toBe(4);
  expect(host.announced('Ban')[0]).toMatch(/198\.51\.100\.7/);
});

test('a login that was refused behind Postfix counts once, by its report or by its line', async () => {
  weigh();
  host.write('etc/jail.d/smtp.conf', '[postfix-sasl]\nenabled = true\n');
  host.configure('maxretry = 100');
  await host.start();
  const refuse = (user: string) =>
    policy().policyReports({
      reports: [{ address: WHO, user, protocol: 'smtp', refused: 'under-attack' }],
    });
  const line = (user: string, address = WHO) =>
    host.append(
      `warning: unknown[${address}]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=${user}`,
      {
        _SYSTEMD_UNIT: 'postfix.service',
        SYSLOG_IDENTIFIER: 'postfix/submission/smtpd',
        _UID: '100',
        SYSLOG_PID: '11',
        _PID: '11',
      },
    );
  await refuse('anna');
  await host.heard('Found', 1);
  line('anna');
  line('bert');
  await host.heard('Found', 2);
  await refuse('bert');
  line('other', '198.51.100.9');
  await heardOf('198.51.100.9');
  expect(host.announced('Found').length).toBe(3);
});

test('what was reported is weighed once beyond a kill, whether its line came before or after', async () => {
  weigh();
  host.configure('maxretry = 100');
  const agent = await host.start();
  await report('root', 's1');
  ended('root', 's1');
  await report('git', 's2');
  // A line after those two: when it was found, they were read.
  ended('other', 's3', 1, '198.51.100.9');
  await heardOf('198.51.100.9');
  await host.end(agent);
  await host.start();
  ended('git', 's2');
  ended('other', 's4', 1, '198.51.100.10');
  await heardOf('198.51.100.10');
  expect(host.announced('Ban')).toEqual([]);
  ended('deploy', 's5');
  await host.heard('Ban', 1);
  expect(host.announced('Ban')).toEqual([`login ${WHO}`]);
});

test('says what is known before a password is looked at', async () => {
  weigh('honeypot = trap');
  host.configure('ignoreip = 203.0.113.5');
  await host.start();
  const login = (address: string, user: string) => policy().policyLogin({ address, user });
  expect(await login(WHO, 'anna')).toMatchObject({
    jail: 'login',
    isWatching: false,
    others: 0,
    points: 0,
    limit: 5,
    failures: 0,
    isUnderAttack: false,
    isHoneypot: false,
  });
  expect(await login('203.0.113.5', 'anna')).toMatchObject({
    allowed: expect.stringContaining('203.0.113.5'),
  });
  expect(await login('127.0.0.1', 'anna')).toMatchObject({ allowed: expect.any(String) });
  host.append(
    `imap-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.77, lip=192.0.2.1, mpid=1, TLS, session=<s0>`,
    DOVECOT,
  );
  await until('the login is known', async () => {
    const { credit } = await login('192.0.2.77', 'anna');
    return credit === 'address';
  });
  expect(await login('192.0.2.78', 'anna')).toMatchObject({ credit: 'network' });
  expect(await login('192.0.2.77', 'bert')).toMatchObject({ others: 1 });
  await report('trap', 's1');
  await host.heard('Ban', 1);
  expect(await login(WHO, 'anna')).toMatchObject({ banned: 'login' });
  await expect(login('mail.example.org', 'anna')).rejects.toThrow('is not an address');
});

test('remembers whom it was told to be refused, for explain', async () => {
  weigh();
  host.configure('maxretry = 100');
  await host.start();
  await report('anna', 's1', { refused: 'shared-address' });
  await report('anna', 's2', { refused: 'under-attack' });
  await report('bert', 's3', { refused: 'dead-name' });
  const refusals = await host.status.refusals({ user: 'Anna' });
  expect(refusals.map(({ reason, address }) => [reason, address])).toEqual([
    ['under-attack', WHO],
    ['shared-address', WHO],
  ]);
  const refused = 'banned' as const;
  for (let n = 0; n < 2; n++)
    await policy().policyReports({
      reports: Array.from({ length: POLICY_REFUSALS_MAX / 2 }, () => ({ address: WHO, refused })),
    });
  expect((await host.status.refusals({})).length).toBe(POLICY_REFUSALS_MAX);
  expect(await host.status.refusals({ user: 'anna' })).toEqual([]);
  // An address that many share is not charged with it, nor is its line.
  ended('anna', 's1');
  ended('other', 's4', 1, '198.51.100.9');
  await heardOf('198.51.100.9');
  expect(host.announced('Found').filter((one) => one.endsWith(WHO)).length).toBe(2);
});

test("a login that was reported says which passwords are the user's, and counts nowhere", async () => {
  weigh();
  host.configure('maxretry = 1');
  await host.start();
  const isOther = async (pwhash: string) =>
    (await policy().policyLogin({ address: '192.0.2.9', user: 'anna', pwhash })).isOtherPassword;
  expect(await isOther('aaa')).toBe(false);
  await report('anna', 's1', { pwhash: 'aaa', accepted: true });
  expect([await isOther('aaa'), await isOther('bbb')]).toEqual([false, true]);
  ended('other', 's2', 1, '198.51.100.9');
  await heardOf('198.51.100.9');
  expect(host.announced('Found')).toEqual([expect.stringContaining('198.51.100.9')]);
});

test('policy.sock is for the companion alone', async () => {
  weigh();
  host.configure();
  await host.start();
  expect(statSync(host.path('run/policy.sock')).mode & 0o007).toBe(0);
});
