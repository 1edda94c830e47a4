/** What `banjour test` counts is what a jail would count. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cli } from '../support/cli.js';

const sogo = (from: string) =>
  `Nov 21 20:47:00 web1 sogod[1]: SOGoRootPage Login from '${from}' for user 'a' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0`;

describe('banjour test', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'banjour-test-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const rows = async (...words: string[]) =>
    (await cli(['test', ...words, '-o', 'ip', '--shipped-dir', 'config', '--config-dir', dir])).out;

  test("passes over one's own networks in a chain of proxies", async () => {
    expect(await rows(sogo('192.0.2.1, 172.22.1.1'), 'sogo-auth')).toBe('192.0.2.1\n');
    expect(await rows(sogo('192.0.2.1, 198.51.100.1'), 'sogo-auth')).toBe('198.51.100.1\n');
  });

  test('passes over the proxies that the jail of the filter has', async () => {
    const jail = '[sogo-auth]\nenabled = true\ntrusted_proxies = 198.51.100.0/24\n';
    writeFileSync(join(dir, 'jail.local'), jail);
    expect(await rows(sogo('192.0.2.1, 198.51.100.1'), 'sogo-auth')).toBe('192.0.2.1\n');
    expect(await rows(sogo('192.0.2.1, 172.22.1.1'), 'sogo-auth')).toBe('172.22.1.1\n');
  });

  test('prints a row for a failure, none for a login that succeeded', async () => {
    const line = (text: string) => `Nov 21 20:47:00 mx sshd[1]: ${text} 192.0.2.1 port 22 ssh2`;
    expect(await rows(line('Failed password for root from'), 'sshd')).toBe('192.0.2.1\n');
    expect(await rows(line('Accepted password for root from'), 'sshd')).toBe('');
  });

  test('ends a line of a file at a newline alone, as the agent does', async () => {
    const log = join(dir, 'mail.log');
    const line = (user: string, n: number) =>
      `Nov 21 20:47:00 mx sshd[${n}]: Failed password for ${user} from 192.0.2.${n} port 22 ssh2`;
    const filler = `Nov 21 20:47:00 mx sshd[9]: ${'a'.repeat(200_000)}`;
    writeFileSync(
      log,
      `${line('a\rb', 1)}\n${line('c\u2028d', 2)}\r\n${filler}\n\n${line('e', 3)}`,
    );
    expect(await rows(log, 'sshd')).toBe('192.0.2.1\n192.0.2.2\n192.0.2.3\n');
  });
});
