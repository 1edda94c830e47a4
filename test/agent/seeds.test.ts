/**
 * The configurations of the four articles, each with entries as its host wrote them, through the
 * whole pipeline in journal time. Those that read text files are held to their articles with the
 * sources of text.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { Announcement } from '../../src/agent/announce.js';
import { cli } from '../support/cli.js';
import { exportStream, type FakeEntry } from '../support/journal-files.js';

const scratch = mkdtempSync(join(tmpdir(), 'banjour-seeds-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const POSTFIX = {
  _SYSTEMD_UNIT: 'postfix@-.service',
  SYSLOG_IDENTIFIER: 'postfix/smtpd',
  SYSLOG_FACILITY: '2',
  _UID: '100',
};
const DOVECOT = {
  _SYSTEMD_UNIT: 'dovecot.service',
  SYSLOG_IDENTIFIER: 'dovecot',
  SYSLOG_FACILITY: '2',
  _UID: '0',
};
const MAIL = { SYSLOG_IDENTIFIER: 'vpopmail', SYSLOG_FACILITY: '2', _UID: '89' };

const entry = (
  second: number,
  message: string,
  fields: Readonly<Record<string, string>>,
): FakeEntry => ({
  at: Math.round(second * 1e6),
  message,
  fields,
});
const sasl = (second: number, address: string) =>
  entry(
    second,
    `warning: unknown[${address}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6`,
    POSTFIX,
  );
const imap = (second: number, address: string) =>
  entry(
    second,
    `imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<a>, method=PLAIN, rip=${address}, lip=192.0.2.2`,
    DOVECOT,
  );
const times = (count: number, every: number, make: (second: number) => FakeEntry, from = 0) =>
  Array.from({ length: count }, (_, i) => make(from + i * every));

async function replayed(example: string, entries: readonly FakeEntry[] | string, jail: string) {
  let file = entries;
  if (typeof file !== 'string') {
    const ordered = [...(entries as readonly FakeEntry[])].sort((a, b) => a.at - b.at);
    file = join(scratch, `${example}.export`);
    writeFileSync(file, exportStream(ordered));
  }
  const roots = ['--config-dir', join(process.cwd(), 'examples/seeds', example)];
  const { code, out, err } = await cli(['replay', file, '--json', '--jail', jail, ...roots]);
  if (code !== 0) throw new Error(err);
  const events = out
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Announcement);
  const what = (name: Announcement['event']) => events.filter(({ event }) => event === name);
  /** `SECONDS ADDRESS LENGTH` of each ban, `never` for one without an end. */
  const bans = what('ban').map(({ time, address, until }) => {
    const length = until == null ? 'never' : (Date.parse(until) - Date.parse(time)) / 1000;
    return `${(Date.parse(time) - Date.parse('2026-11-21T00:00:00Z')) / 1000} ${address} ${length}`;
  });
  return { found: what('found').length, bans, unbans: what('unban'), ignored: what('ignored') };
}

describe('the configuration of an article bans as the article says', () => {
  test('000, postfix-auth: the attack that it shows is banned at its third lost connection', async () => {
    const file = join(process.cwd(), 'examples/journal/seed-000.export');
    const { found, bans } = await replayed('postfix-auth', file, 'postfix-auth');
    expect(found).toBe(3);
    expect(bans).toHaveLength(1);
    expect(bans[0]).toContain('87.246.7.34');
  });

  test.each(['sasl', 'sasl-puppet'])(
    '001, %s: 50 failures within 600 s, half an hour, and again',
    async (example) => {
      const { found, bans, unbans } = await replayed(
        example,
        [
          ...times(50, 12, (second) => sasl(second, '198.51.100.1')),
          ...times(49, 12, (second) => sasl(second, '198.51.100.2')),
          // Fifty, but the first is over 600 s older than the last.
          ...times(50, 12.3, (second) => sasl(second, '198.51.100.3')),
          ...times(50, 1, (second) => sasl(second, '198.51.100.1'), 3_000),
          // The same daemon breaks off where it asks in vain: not the client's fault.
          ...times(60, 1, (second) =>
            entry(
              second,
              'warning: unknown[198.51.100.4]: SASL LOGIN authentication failed: Connection lost to authentication server',
              POSTFIX,
            ),
          ),
          sasl(9_000, '198.51.100.9'),
        ],
        'postfix-sasl',
      );
      expect(bans).toEqual(['588 198.51.100.1 1800', '3049 198.51.100.1 1800']);
      expect(unbans.map(({ address, reason }) => [address, reason])).toEqual([
        ['198.51.100.1', 'expired'],
        ['198.51.100.1', 'expired'],
      ]);
      expect(found).toBe(50 + 49 + 50 + 50 + 1);
    },
  );

  test('001, sasl-permanent: banned for good', async () => {
    const { bans, unbans } = await replayed(
      'sasl-permanent',
      [
        ...times(50, 10, (second) => sasl(second, '198.51.100.1')),
        sasl(400 * 86_400, '198.51.100.9'),
      ],
      'postfix-sasl',
    );
    expect(bans).toEqual(['490 198.51.100.1 never']);
    expect(unbans).toEqual([]);
  });

  test('002, dovecot-ignoreip: three failures ban for ten minutes, the own network never', async () => {
    const { bans, ignored, unbans } = await replayed(
      'dovecot-ignoreip',
      [
        ...times(3, 5, (second) => imap(second, '198.51.100.1')),
        ...times(9, 5, (second) => imap(second, '192.168.254.17')),
        ...times(9, 5, (second) => imap(second, '127.0.0.1')),
        imap(900, '198.51.100.9'),
      ],
      'dovecot',
    );
    expect(bans).toEqual(['10 198.51.100.1 600']);
    expect(unbans).toHaveLength(1);
    expect(ignored).toHaveLength(18);
    const mail = await replayed(
      'dovecot-ignoreip',
      times(3, 5, (second) => sasl(second, '198.51.100.1')),
      'postfix-sasl',
    );
    expect(mail.bans).toEqual(['10 198.51.100.1 600']);
  });

  test('003, vpopmail: five failures within an hour ban for a day', async () => {
    const unknown = (second: number, address: string) =>
      entry(
        second,
        `vchkpw-submission: vpopmail user not found helpdesk@yourdomain.xy:${address}`,
        MAIL,
      );
    const wrong = (second: number, address: string) =>
      entry(
        second,
        `vchkpw-submission: password fail (pass: 'dasdas') postmaster@yourdomain.xy:${address}`,
        MAIL,
      );
    const { bans } = await replayed(
      'qmail',
      [
        ...times(3, 60, (second) => unknown(second, '191.233.70.140')),
        ...times(2, 60, (second) => wrong(second, '191.233.70.140'), 300),
        ...times(4, 60, (second) => wrong(second, '198.51.100.2')),
        ...times(5, 1_000, (second) => wrong(second, '198.51.100.3')),
      ],
      'vpopmail',
    );
    expect(bans).toEqual(['360 191.233.70.140 86400']);
  });

  test('003, bridge: three failures of the mail host ban, in forward', async () => {
    const { bans } = await replayed(
      'bridge',
      times(3, 5, (second) => imap(second, '198.51.100.1')),
      'dovecot',
    );
    expect(bans).toEqual(['10 198.51.100.1 3600']);
    const roots = ['--config-dir', join(process.cwd(), 'examples/seeds/bridge')];
    const { out } = await cli(['rules', '--plan', ...roots]);
    expect(out).toContain('hook forward');
  });
});
