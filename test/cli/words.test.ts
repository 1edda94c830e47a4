/**
 * Words of fail2ban-client that scripts use, on an agent of its own: a jail on log files, and one
 * with a blank in its name.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SLEEP_SECONDS_MAX } from '../../src/core/timeouts.js';
import { FILES, Host } from '../control/host.js';

const JAILS = `${FILES['jail.local']}
[web mail]
enabled = true
filter =
failregex = ^login of \\w+ from <HOST>$
backend = polling
logpath = FIRST
maxretry = 2
`;

describe('on a running agent', () => {
  let host: Host;
  let first: string;
  let second: string;
  beforeAll(async () => {
    host = new Host();
    first = join(host.folder, 'first.log');
    second = join(host.folder, 'second.log');
    for (const file of [first, second]) writeFileSync(file, '');
    host.write('jail.local', JAILS.replace('FIRST', first));
    await host.start();
  }, 30_000);
  afterAll(() => host.end());

  test('a jail has a blank in its name, and bans', async () => {
    expect((await host.fail2ban('status')).out).toContain(
      'Jail list:\tdovecot, postfix-sasl, sshd, web mail\n',
    );
    await host.until('the file is read', async () =>
      (await host.fail2ban('status', 'web mail')).out.includes(first),
    );
    appendFileSync(first, 'login of müller from 192.0.2.1\n'.repeat(2));
    await host.until('the ban', async () =>
      (await host.fail2ban('banned', '192.0.2.1')).out.includes('web mail'),
    );
    expect((await host.fail2ban('status', 'web mail')).out).toContain(
      'Banned IP list:\t192.0.2.1\n',
    );
    expect((await host.fail2ban('set', 'web mail', 'unbanip', '192.0.2.1')).out).toBe('1\n');
  });

  test('a log file is added and taken away, and the added one is read', async () => {
    const added = await host.fail2ban('set', 'web mail', 'addlogpath', second);
    expect(added).toMatchObject({
      code: 0,
      out: `Current monitored log file(s):\n|- ${first}\n\`- ${second}\n`,
    });
    await host.until('both are read', async () =>
      (await host.fail2ban('status', 'web mail')).out.includes(second),
    );
    appendFileSync(second, 'login of Иван from 192.0.2.2\n'.repeat(2));
    await host.until('the ban', async () =>
      (await host.fail2ban('banned', '192.0.2.2')).out.includes('web mail'),
    );
    const taken = await host.fail2ban('set', 'web mail', 'dellogpath', second);
    expect(taken).toMatchObject({ code: 0, out: `Current monitored log file(s):\n\`- ${first}\n` });
    expect(await host.fail2ban('set', 'web mail', 'dellogpath', second)).toMatchObject({
      code: 255,
    });
  });

  test('the history is kept as long as is said, until a reload', async () => {
    const answer = 'Current database purge age is:\n`- 172800seconds\n';
    expect(await host.fail2ban('set', 'dbpurgeage', '2d')).toMatchObject({ code: 0, out: answer });
    expect((await host.fail2ban('get', 'dbpurgeage')).out).toBe(answer);
    expect((await host.banjour('set', 'dbpurgeage', '3d')).err).toContain(
      'dbpurgeage 172800 -> 259200',
    );
    expect(await host.fail2ban('set', 'dbpurgeage', 'soon')).toMatchObject({ code: 255 });
    await host.fail2ban('reload');
    expect((await host.fail2ban('get', 'dbpurgeage')).out).toContain('2592000seconds');
  });

  test('a match is added to what the jail looks at, whichever option says so', async () => {
    const before = 'Current match filter:\n_SYSTEMD_UNIT=dovecot.service';
    const added = await host.fail2ban(
      'set',
      'dovecot',
      'addjournalmatch',
      '_SYSTEMD_UNIT=x.service',
    );
    expect(added).toMatchObject({ code: 0, out: `${before} + _SYSTEMD_UNIT=x.service\n` });
    expect(
      (await host.fail2ban('set', 'dovecot', 'deljournalmatch', '_SYSTEMD_UNIT=x.service')).out,
    ).toBe(`${before}\n`);
  });

  test('what no file says of increments is None, and switches are those of Python', async () => {
    expect((await host.fail2ban('get', 'sshd', 'bantime.increment')).out).toBe('None\n');
    expect((await host.fail2ban('set', 'sshd', 'bantime.increment', 'true')).out).toBe('True\n');
    expect((await host.fail2ban('get', 'sshd', 'bantime.factor')).out).toBe('None\n');
  });

  test('words that are missing are told as there', async () => {
    expect((await host.fail2ban('get', 'sshd')).out).toBe('Sorry but the command is invalid\n');
    expect((await host.fail2ban('unban')).out).toBe('Invalid command\n');
    expect(await host.fail2ban('set', 'sshd', 'banip')).toMatchObject({ code: 0, out: '0\n' });
  });

  test('there is no cache of ignorecommand to be set', async () => {
    expect(await host.fail2ban('get', 'sshd', 'ignorecache')).toMatchObject({
      code: 0,
      out: 'None\n',
    });
  });

  test('an error of several lines has several lines', async () => {
    const { code, out, err } = await host.fail2ban('set', 'sshd', 'maxretry', 'abc');
    expect(code).toBe(255);
    expect(out + err).not.toContain('\\x0a');
  });
});

describe('sleep', () => {
  const host = new Host();
  afterAll(() => host.end());
  const sleep = (...words: string[]) => host.fail2ban('sleep', ...words);

  test('ends when the time is over', async () => {
    expect(await sleep('0')).toEqual({ code: 0, out: 'None\n', err: '' });
    expect(await sleep('0.01')).toMatchObject({ code: 0 });
  });

  test.each([
    [[], 'list index out of range'],
    [['abc'], "could not convert string to float: 'abc'"],
    [['-1'], `sleep length must be from 0 to ${SLEEP_SECONDS_MAX} seconds`],
    [
      [String(SLEEP_SECONDS_MAX + 1)],
      `sleep length must be from 0 to ${SLEEP_SECONDS_MAX} seconds`,
    ],
  ])('of %j is refused', async (words, message) => {
    const { code, err } = await sleep(...words);
    expect(code).toBe(255);
    expect(err).toContain(message);
  });
});
