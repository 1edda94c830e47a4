/** What Postfix's jail does not count may not keep Dovecot's jail from counting. */
import { expect, test } from '@jest/globals';
import { epochMicros } from '../../src/core/time.js';
import { shipped } from './samples.js';

test.each([
  ['Invalid authentication mechanism', 1],
  ['UGFzc3dvcmQ6', 0],
])(
  'behind a refusal over SMTP for "%s" a guess over IMAP counts %i times at once',
  (reason, count) => {
    const { filter } = shipped('dovecot');
    const judge = (text: string, seconds: number) =>
      filter.judge({ text }, { time: epochMicros(seconds * 1e6), boot: `elsewhere ${reason}` })
        .result;
    judge(
      `mx1 postfix/smtpd[7]: warning: unknown[192.0.2.9]: SASL LOGIN authentication failed: ${reason}`,
      100,
    );
    const pam =
      'mx1 auth[8]: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=bob rhost=192.0.2.9';
    const result = judge(pam, 101);
    expect(result === 'failure' ? 1 : 0).toBe(count);
  },
);
