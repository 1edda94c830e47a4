import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { IMPORT_ASK_MS } from '../../../src/core/timeouts.js';
import { changedSinceInstalled, serviceLogs } from '../../../src/tools/import/host.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'import-host-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

describe('where services say that they log to', () => {
  const program = (name: string, body: string) => {
    write(`bin/${name}`, `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, 'bin', name), 0o755);
  };
  const ask = () => serviceLogs(`${join(folder, 'bin')}:/usr/bin:/bin`);
  const both = (dovecot: string, postfix: string) => {
    program('doveconf', dovecot);
    program('postconf', postfix);
    return ask().map(({ service, path }) => `${service} ${path}`);
  };

  test('files of their own are found', () => {
    expect(both('echo; echo /var/log/mail.log', 'echo /var/log/postfix.log')).toEqual([
      'dovecot /var/log/mail.log',
      'postfix /var/log/postfix.log',
    ]);
    expect(both('echo /var/log/info.log; echo /var/log/mail.log', 'exit 0')).toEqual([
      'dovecot /var/log/info.log',
    ]);
  });

  test('syslog, devices, failures and nothing at all are no files', () => {
    expect(both('echo; echo syslog', 'echo')).toEqual([]);
    expect(both('echo /dev/stderr', 'echo /dev/stdout')).toEqual([]);
    expect(both('echo /var/log/x; exit 1', 'echo "/var/log/$x y"')).toEqual([]);
  });

  test(`a program may take ${IMPORT_ASK_MS} ms, and is ended after that`, () => {
    // The programs wait for half of the time, and for ever.
    expect(
      both(`sleep ${IMPORT_ASK_MS / 2000}; echo /var/log/late.log`, 'exec sleep 1000'),
    ).toEqual(['dovecot /var/log/late.log']);
  });
});

describe('files of fail2ban that are not as its package brought them', () => {
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');

  test('are found by the checksums that dpkg has', () => {
    write('etc/fail2ban/jail.conf', 'same');
    write('etc/fail2ban/fail2ban.conf', 'other');
    write('etc/fail2ban/filter.d/mine.conf', 'mine');
    write(
      'var/lib/dpkg/status',
      `Package: exim4\nStatus: x\n\nPackage: fail2ban\nConffiles:\n /etc/fail2ban/jail.conf ${md5('same')}\n /etc/fail2ban/fail2ban.conf ${md5('was')}\nVersion: 1\n\nPackage: zsh\n`,
    );
    const changed = changedSinceInstalled(join(folder, 'etc/fail2ban/'));
    expect(['jail.conf', 'fail2ban.conf', 'filter.d/mine.conf'].map(changed)).toEqual([
      false,
      true,
      true,
    ]);
  });

  test('are unknown where there is no package', () => {
    write('etc/fail2ban/jail.conf', 'same');
    expect(changedSinceInstalled(join(folder, 'etc/fail2ban'))('jail.conf')).toBeUndefined();
    expect(changedSinceInstalled(join(folder, 'copy'))('jail.conf')).toBeUndefined();
    write('var/lib/dpkg/status', 'Package: zsh\n');
    expect(changedSinceInstalled(join(folder, 'etc/fail2ban'))('jail.conf')).toBeUndefined();
  });
});
