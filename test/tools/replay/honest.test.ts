/**
 * Honest people of the kinds that a counter shuts out, judged by the shipped jails as they are:
 * nobody is banned.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cli } from '../../support/cli.js';

const OFFICE = '203.0.113.10';
const BEGIN = 1_795_000_000;
const HOUR = 3_600;
const DAY = 24 * HOUR;

interface Line {
  readonly second: number;
  readonly message: string;
}

const inside = (second: number, user: string, address = OFFICE): Line => ({
  second,
  message: `imap-login: Login: user=<${user}>, method=PLAIN, rip=${address}, lip=192.0.2.1, mpid=${second + 1}, TLS, session=<s${second}>`,
});
const wrong = (second: number, user: string, address = OFFICE): Line => ({
  second,
  message: `auth-worker(9): pam(${user},${address},<w${second}>): pam_authenticate() failed: Authentication failure (Password mismatch?)`,
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-honest-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function bansOf(lines: readonly Line[]): Promise<readonly string[]> {
  const path = join(folder, 'honest.export');
  const entries = lines
    .toSorted((a, b) => a.second - b.second)
    .map(({ second, message }, i) => {
      const time = Math.round((BEGIN + second) * 1e6);
      const hex = time.toString(16);
      const boot = '0'.repeat(31);
      return [
        `__CURSOR=s=1;i=${(i + 1).toString(16)};b=${boot}1;m=${hex};t=${hex};x=${i + 1}`,
        ...[
          `__REALTIME_TIMESTAMP=${time}`,
          `__MONOTONIC_TIMESTAMP=${time}`,
          `_BOOT_ID=${boot}1`,
          '_UID=0',
          '_PID=9',
        ],
        ...[
          '_SYSTEMD_UNIT=dovecot.service',
          'SYSLOG_IDENTIFIER=dovecot',
          `MESSAGE=${message}`,
          '\n',
        ],
      ].join('\n');
    });
  writeFileSync(path, entries.join(''));
  const { code, out, err } = await cli(['replay', path, '--json']);
  if (code !== 0) throw new Error(err);
  const events = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; jail: string; address: string });
  // Else the lines would be none that the filters know, and the test would prove nothing.
  expect(events.some(({ event }) => event === 'found')).toBe(true);
  return events
    .filter(({ event }) => event === 'ban')
    .map(({ jail, address }) => `${jail} ${address}`);
}

const times = (count: number, pause: number) => Array.from({ length: count }, (_, i) => i * pause);

test('an office of twenty behind one address, one of them with an old phone, for two days', async () => {
  const lines = times((2 * DAY) / 300, 300).flatMap((second) => [
    ...Array.from({ length: second % HOUR === 0 ? 19 : 0 }, (_, i) =>
      inside(second + i + 1, `user${i}`),
    ),
    wrong(second + 250, 'bob'),
  ]);
  expect(await bansOf(lines)).toEqual([]);
});

test('three people behind one address mistype once each and then get in', async () => {
  const lines = times(3, 600).flatMap((second) => [
    wrong(second, `u${second}`),
    inside(second + 20, `u${second}`),
  ]);
  expect(await bansOf(lines)).toEqual([]);
});

test('one phone that logged in last week tries its old password four times within a second', async () => {
  const lines = [
    inside(0, 'bob'),
    ...times(4, 0.3).map((second) => wrong(7 * DAY + second, 'bob')),
  ];
  expect(await bansOf([...lines, inside(7 * DAY + 600, 'bob')])).toEqual([]);
});

test('a stranger who does the same is banned', async () => {
  expect(await bansOf(times(4, 0.3).map((second) => wrong(second, 'bob')))).toEqual([
    `dovecot ${OFFICE}`,
  ]);
});
