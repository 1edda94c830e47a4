import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { NOTIFY_TEMPLATE_BYTES_MAX } from '../../src/core/service-limits.js';
import { loadNotifyConfig } from '../../src/setup/notify-config.js';
import type { Paths } from '../../src/setup/paths.js';
import { cli } from '../support/cli.js';

let folder = '';
let paths: Paths;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-'));
  mkdirSync(join(folder, 'etc'));
  paths = {
    shipped: join(process.cwd(), 'config'),
    config: join(folder, 'etc'),
    run: '',
    state: '',
  };
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, 'etc', name), text);
const settings = (...lines: readonly string[]) =>
  write('notify.conf', ['[Definition]', ...lines, ''].join('\n'));

describe('notify.conf', () => {
  test('is what docs/notify.md shows, when there is none', () => {
    const shown =
      /notify\.conf\n[\s\S]*?\n {4}\[Definition\]\n((?: {4}.*\n)+)/.exec(
        readFileSync('docs/notify.md', 'utf8'),
      )?.[1] ?? '';
    const without = loadNotifyConfig(paths);
    settings(...shown.split('\n').map((line) => line.trim()));
    expect(shown).toContain('mailer');
    expect(loadNotifyConfig(paths)).toEqual(without);
    expect(without).toMatchObject({
      mailer: { kind: 'smtp', host: '127.0.0.1', port: 25, secure: false },
      digestMs: 60_000,
      whois: {},
    });
  });

  test.each([
    ['/usr/sbin/sendmail', { kind: 'sendmail', path: '/usr/sbin/sendmail' }],
    [
      'smtp://mail.example.org:587',
      { kind: 'smtp', host: 'mail.example.org', port: 587, secure: false },
    ],
    [
      'smtps://mail.example.org',
      { kind: 'smtp', host: 'mail.example.org', port: 465, secure: true },
    ],
    ['smtp://[::1]', { kind: 'smtp', host: '::1', port: 25, secure: false }],
  ])('mailer = %s', (text, mailer) => {
    settings(`mailer = ${text}`);
    expect(loadNotifyConfig(paths).mailer).toEqual(mailer);
  });

  test('a drop-in wins over it', () => {
    settings('digest = 10', 'whois = no');
    mkdirSync(join(folder, 'etc/notify.d'));
    write('notify.d/own.conf', '[Definition]\ndigest = 5m\n');
    expect(loadNotifyConfig(paths)).toMatchObject({ digestMs: 300_000, whois: null });
  });

  test.each([
    ['mailer = sendmail', /notify\.conf:2:.*mailer.*is no mailer/],
    ['mailer = smtp://h:99999', /is no mailer/],
    ['mailer = /bin/sh -c x', /is no mailer/],
    ['whois = maybe', /is no way to ask/],
    ['digest = soon', /digest/],
    ['smtp-user = anna', /go together/],
    ['webhook-template = /nonexistent', /there is no such file/],
    ['mailr = x', /notify\.conf:2:.*mailr.*there is no such setting/],
  ])('%s is refused with its place and what to write', (line, words) => {
    settings(line);
    expect(() => loadNotifyConfig(paths)).toThrow(words);
  });

  test.each([
    [NOTIFY_TEMPLATE_BYTES_MAX, false],
    [NOTIFY_TEMPLATE_BYTES_MAX + 1, true],
  ])('a template of %i bytes is refused: %s', (bytes, isRefused) => {
    const path = join(folder, 'template');
    writeFileSync(path, `"${'x'.repeat(bytes - 2)}"`);
    settings(`webhook-template = ${path}`);
    if (isRefused)
      expect(() => loadNotifyConfig(paths)).toThrow(
        `larger than ${NOTIFY_TEMPLATE_BYTES_MAX} bytes`,
      );
    else expect(loadNotifyConfig(paths).templates.webhook).toHaveLength(bytes);
  });

  test("a password in the mailer's address is told to nobody", () => {
    settings('mailer = smtp://user:S3KRET@mail.example.org:587');
    expect(() => loadNotifyConfig(paths)).toThrow(/is no mailer \(got "\(hidden\)"\)/);
  });

  test('a template that is not JSON is refused before the first ban', () => {
    const path = join(folder, 'template');
    settings(`webhook-template = ${path}`);
    writeFileSync(path, '{"content": {{ip}}}');
    expect(() => loadNotifyConfig(paths)).toThrow('is not JSON');
    writeFileSync(path, '{"content": "{{jail}} banned {{ip}}"}');
    expect(loadNotifyConfig(paths).templates.webhook).toContain('{{ip}}');
  });
});

describe('banjour notify --dry-run', () => {
  const dryRun = () => cli(['notify', '--dry-run', '--config-dir', join(folder, 'etc')]);

  test('names each receiver once, with its jails, and no secret', async () => {
    write(
      'jail.local',
      '[DEFAULT]\ndestemail = a@example.org\naction = %(action_mwl)s\n[sshd]\nenabled = true\n[dovecot]\nenabled = true\naction = %(action_mwl)s\n slack[url="https://hooks.test/T0KEN"]\n[postfix-sasl]\nenabled = false\n',
    );
    const { code, out, err } = await dryRun();
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^mail to a@example\.org: .*\nslack: dovecot\n$/),
    ]);
    expect(out).toMatch(/sshd/);
    expect(out + err).not.toContain('T0KEN');
  });

  test('says so when nobody would be told', async () => {
    const { code, err } = await dryRun();
    expect([code, err]).toEqual([78, expect.stringContaining('no jail tells anybody')]);
  });
});
