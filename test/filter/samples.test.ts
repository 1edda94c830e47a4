import { describe, expect, test } from '@jest/globals';
import { fail2banPackage } from '../support/fail2ban.js';
import { needs } from '../support/require.js';
import { runSamples, type SampleResult, sampledFilters } from '../support/samples.js';

/** Debian 13's fail2ban. */
const found = fail2banPackage('1.1.0-8');
const root = 'root' in found ? found.root : '';
const withPackage = needs('root' in found, 'reason' in found ? found.reason : '');

const MAIL = [
  'assp',
  'courier-auth',
  'courier-smtp',
  'cyrus-imap',
  'domino-smtp',
  'dovecot',
  'exim',
  'exim-spam',
  'horde',
  'kerio',
  'openwebmail',
  'oracleims',
  'perdition',
  'postfix',
  'qmail',
  'roundcube-auth',
  'sendmail-auth',
  'sendmail-reject',
  'sieve',
  'sogo-auth',
  'solid-pop3d',
  'squirrelmail',
  'sshd',
  'uwimap-auth',
];

describe("fail2ban's sample lines", () => {
  const results = new Map<string, SampleResult>();
  for (const name of root === '' ? [] : sampledFilters(root))
    results.set(name, runSamples(root, name));

  withPackage('of mail services and sshd get its verdict, host and user, every one', () => {
    const mail = MAIL.map((name) => results.get(name));
    expect(mail.flatMap((result) => result?.wrong ?? ['no samples'])).toEqual([]);
    expect(mail.reduce((sum, result) => sum + (result?.samples ?? 0), 0)).toBeGreaterThan(500);
  });

  withPackage('of all filters get it in at least 99 of 100', () => {
    const all = [...results.values()];
    const samples = all.reduce((sum, result) => sum + result.samples, 0);
    const wrong = all.flatMap((result) => result.wrong);
    process.stdout.write(
      `${samples - wrong.length} of ${samples} samples of ${all.length} filters agree with fail2ban\n`,
    );
    for (const line of wrong) process.stdout.write(`  ${line}\n`);
    expect(samples).toBeGreaterThan(1000);
    expect(wrong.length).toBeLessThanOrEqual(samples / 100);
  });
});

test('a package that cannot be had is told with its reason', () => {
  expect('root' in found || found.reason !== '').toBe(true);
});
