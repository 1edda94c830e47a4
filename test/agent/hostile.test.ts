import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MESSAGE_CHARS_MAX } from '../../src/core/limits.js';
import { cli } from '../support/cli.js';

/** One entry of an export stream; MESSAGE in its binary form, so that any byte can stand in it. */
function entry(number: number, fields: Readonly<Record<string, string>>, message: Buffer): Buffer {
  const time = 1_795_000_000_000_000 + number * 1_000_000;
  const lines = {
    __CURSOR: `s=${'a'.repeat(32)};i=${number.toString(16)};b=${'b'.repeat(32)};m=${number.toString(16)};t=${time.toString(16)};x=1`,
    __REALTIME_TIMESTAMP: String(time),
    __MONOTONIC_TIMESTAMP: String(number),
    _BOOT_ID: 'b'.repeat(32),
    _HOSTNAME: 'mx',
    _UID: '0',
    _PID: '77',
    ...fields,
  };
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(message.length));
  const head = Object.entries(lines).map(([key, value]) => `${key}=${value}\n`);
  return Buffer.concat([
    Buffer.from(`${head.join('')}MESSAGE\n`),
    size,
    message,
    Buffer.from('\n\n'),
  ]);
}

const SSHD = { _SYSTEMD_UNIT: 'ssh.service', SYSLOG_IDENTIFIER: 'sshd' };
const POSTFIX = { _SYSTEMD_UNIT: 'postfix.service', SYSLOG_IDENTIFIER: 'postfix/smtpd' };
const DOVECOT = { _SYSTEMD_UNIT: 'dovecot.service', SYSLOG_IDENTIFIER: 'dovecot' };

const VICTIM = '203.0.113.66';
const MEBIBYTE = 'x'.repeat(1024 * 1024);
const PADDING = 'p'.repeat(MESSAGE_CHARS_MAX);
const ESCAPE = '\x1b]0;owned\x07\x1b[2J\x1b[31m';

/**
 * What attackers could have written; each names the victim and must never count against anybody but
 * the sender.
 */
const HOSTILE: readonly (readonly [string, Readonly<Record<string, string>>, Buffer])[] = [
  [
    'a line of a mebibyte',
    SSHD,
    Buffer.from(`Failed password for ${MEBIBYTE} from ${VICTIM} port 22 ssh2 from`),
  ],
  [
    'NUL bytes',
    SSHD,
    Buffer.from(`Failed password for a\0 from ${VICTIM} port 22 ssh2\0 and more`),
  ],
  [
    'invalid UTF-8',
    SSHD,
    Buffer.concat([
      Buffer.from('Failed password for '),
      Buffer.from([0xff, 0xfe, 0xc3]),
      Buffer.from(` from ${VICTIM} and`),
    ]),
  ],
  [
    'newlines',
    SSHD,
    Buffer.from(`Invalid user x\nFailed password for root from ${VICTIM} port 22 ssh2\n`),
  ],
  [
    'a forged address in an IMAP user',
    DOVECOT,
    Buffer.from(
      `imap-login: Login: user=<x (auth failed, 9 attempts in 1 secs): user=<a>, rip=${VICTIM}, lip=192.0.2.9>, method=PLAIN, rip=192.0.2.200, lip=192.0.2.9`,
    ),
  ],
  [
    'a forged warning in an SMTP HELO',
    POSTFIX,
    Buffer.from(
      `connect from warning: unknown[${VICTIM}]: SASL LOGIN authentication failed: x[192.0.2.201]`,
    ),
  ],
  [
    'padding over the bound',
    SSHD,
    Buffer.from(
      `Failed password for ${PADDING} from ${VICTIM} port 22 ssh2 from 192.0.2.202 port 1 ssh2`,
    ),
  ],
  [
    'a forged address behind padding',
    POSTFIX,
    Buffer.from(
      `NOQUEUE: ${PADDING} warning: unknown[${VICTIM}]: SASL LOGIN authentication failed: x`,
    ),
  ],
];

let directory: string;
let file: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'banjour-hostile-'));
  file = join(directory, 'hostile.export');
  let number = 0;
  const stream = HOSTILE.flatMap(([, fields, message], index) => [
    // Three of each, so that one that counted would ban; and a true failure beside each.
    ...[1, 2, 3].map(() => entry(++number, fields, message)),
    ...[1, 2, 3].map(() =>
      entry(
        ++number,
        SSHD,
        Buffer.from(`Failed password for ${ESCAPE}root from 198.51.100.${index + 1} port 22 ssh2`),
      ),
    ),
  ]);
  writeFileSync(file, Buffer.concat(stream));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('a journal full of hostile entries', () => {
  test('bans everybody who really failed, nobody else, and goes on reading', async () => {
    const { code, out } = await cli(['replay', file, '--json']);
    expect(code).toBe(0);
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; address: string });
    const banned = events.filter(({ event }) => event === 'ban').map(({ address }) => address);
    expect(banned).toEqual(HOSTILE.map((_, index) => `198.51.100.${index + 1}`));
    expect(events.filter(({ address }) => address === VICTIM)).toEqual([]);
  });

  test('puts no control character on the terminal but its own', async () => {
    const { out, err } = await cli(['replay', file], { tty: true, env: { NO_COLOR: '1' } });
    expect(out.replace(/\n/g, '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(err).not.toContain('owned');
    expect(out).toContain('Ban 198.51.100.1');
  });

  test('says in JSON what the attacker wrote, escaped', async () => {
    const { out } = await cli(['replay', file, '--json']);
    expect(out).not.toContain('\x1b');
    expect(out).toContain('\\\\x1b]0;owned');
  });
});
