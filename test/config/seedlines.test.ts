import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { fail2banPackage } from '../support/fail2ban.js';
import { hasCommand, needs } from '../support/require.js';

/**
 * Log lines that the articles show, and how many of them the article's filter takes for failures.
 */
const LINES: readonly (readonly [
  example: string,
  filter: string,
  matched: number,
  lines: readonly string[],
])[] = [
  [
    'postfix-auth',
    'postfix-auth.conf',
    1,
    [
      'Dec 10 13:53:16 delta postfix/smtps/smtpd[8101]: lost connection after AUTH from unknown[87.246.7.34]',
      'Dec 10 13:53:52 delta postfix/smtps/smtpd[8101]: connect from unknown[87.246.7.34]',
    ],
  ],
  [
    'sasl',
    'postfix-sasl.conf',
    1,
    [
      'Dec 10 13:53:14 delta postfix/smtps/smtpd[8101]: warning: unknown[87.246.7.34]: SASL LOGIN authentication failed: UGFzc3dvcmQ6',
      'Dec 10 13:53:52 delta postfix/smtps/smtpd[8101]: connect from unknown[87.246.7.34]',
    ],
  ],
  [
    'qmail',
    'qmail-smtp.conf',
    3,
    [
      '@40000000545076ad1de678ec GREETDELAY from 77.65.15.93: client sent data before greeting',
      '@4000000059f5195c211f2234 qlogenvelope: result=rejected code=553 reason=rblreject detail=b.barracudacentral.org remoteip=95.140.112.191 remoteport=15630',
      "2022-02-18 16:23:03.719762500 helo-dns-check: blocked with: HELO doesn't match IP [91.121.144.116]",
      '@4000000059f519470c084ca4 qmail-smtpd[20003]: rcptcheck: ignore address <localuser@localdomain.xy> at 95.140.112.191',
    ],
  ],
  [
    'qmail',
    'vpopmail.conf',
    2,
    [
      'Jul 10 12:05:53 qmail vpopmail[3076]: vchkpw-submission: vpopmail user not found helpdesk@yourdomain.xy:191.233.70.140',
      "Jul 22 17:31:46 qmail vpopmail[6383]: vchkpw-submission: password fail (pass: 'dasdas') postmaster@yourdomain.xy:1.2.3.4",
    ],
  ],
  [
    'qmail',
    'qmailadmin.conf',
    1,
    ['2015/05/27 15:45:58 user:postmaster@domain.xy ip:1.2.3.4 auth:failed [@domain.xy]'],
  ],
  [
    'qmail',
    'roundcube-auth.local',
    2,
    [
      '[12-Jul-2022 08:56:39 +0200]: <3lq5onb8> Failed login for postmaster from 10.0.0.2 (X-Forwarded-For: 2.42.23.100) in session 3lq5onb87b7oqnc7 (error: 1)',
      '[01-Sep-2014 00:07:11 +0200]: IMAP Error: Login failed for sisgri@iol.it from 151.55.133.38. AUTHENTICATE PLAIN: Authentication failed.',
    ],
  ],
  [
    'qmail',
    'dovecot.local',
    1,
    [
      'Jul 22 23:33:29 auth-worker(27283): Info: sql(user@yourdomain.xy,1.2.3.4): Password mismatch',
    ],
  ],
];

describe("the articles' filters as they were repaired", () => {
  const unpacked = fail2banPackage('1.0.2-2');
  const reason = 'reason' in unpacked ? unpacked.reason : 'python3 is not installed';
  const run = needs('root' in unpacked && hasCommand('python3'), reason);
  for (const [example, filter, matched, lines] of LINES)
    run(
      `${example}/${filter}: fail2ban itself finds ${matched} failures in the article's lines`,
      () => {
        if (!('root' in unpacked)) return;
        const folder = mkdtempSync(join(tmpdir(), 'banjour-seed-'));
        try {
          cpSync(join(unpacked.root, 'etc/fail2ban'), folder, { recursive: true });
          const copy = join(folder, 'filter.d', 'seed-of-article.conf');
          cpSync(join(process.cwd(), 'examples/seeds', example, 'filter.d', filter), copy);
          const log = join(folder, 'lines.log');
          writeFileSync(log, `${lines.join('\n')}\n`);
          const program = join(unpacked.root, 'usr/bin/fail2ban-regex');
          const env = {
            ...process.env,
            PYTHONPATH: join(unpacked.root, 'usr/lib/python3/dist-packages'),
          };
          const { stdout } = spawnSync('python3', [program, '-c', folder, log, copy], {
            encoding: 'utf8',
            env,
          });
          expect(/, (\d+) matched/.exec(stdout)?.[1]).toBe(String(matched));
        } finally {
          rmSync(folder, { recursive: true });
        }
      },
    );
});
