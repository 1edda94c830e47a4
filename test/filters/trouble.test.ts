/** A login that the server could not check is nobody's failure, whatever words it has for that. */
import { describe, expect, test } from '@jest/globals';
import { epochMicros } from '../../src/core/time.js';
import type { CompiledFilter } from '../../src/filter/filter.js';
import { type Options, shipped } from './samples.js';

const filters = new Map<string, CompiledFilter>();

/** Each filter is compiled once: no line here depends on another. */
function resultOf(name: string, text: string, options: Options = {}): string {
  const key = name + JSON.stringify(options);
  const filter = filters.get(key) ?? shipped(name, options).filter;
  filters.set(key, filter);
  const { result, facts } = filter.judge({ text }, { time: epochMicros(0), boot: '' });
  return result === 'failure' ? `failure of ${facts.ip4}` : result;
}

const COUNTED = 'failure of 192.0.2.7';

/** What sasl_errstring of Cyrus SASL says when the client is not at fault. */
const SASL_TROUBLE = [
  'generic failure',
  'no memory available',
  'no mechanism available',
  "can't request information until later in exchange",
  'invalid parameter supplied',
  'transient failure (e.g., weak key)',
  'SASL library is not initialized',
  'needs user interaction',
  'server failed mutual authentication step',
  "mechanism doesn't support requested feature",
  'mechanism too weak for this user',
  'encryption needed to use mechanism',
  'One time use of a plaintext password will enable requested mechanism for user',
  'version mismatch with plug-in',
  'remote authentication server unavailable',
  'user exists, but no verifier for user',
  'requested change was not needed',
  'passphrase is too weak for security policy',
  'user supplied passwords are not permitted',
  'sasl_setpass needs old password in order to perform password change',
  "sasl_setpass can't store a property because of a constraint violation",
  'channel binding failure',
  'error when parsing configuration file',
  'undefined error!',
  'passphrase expired, has to be reset',
  'passphrase locked',
];

/** What it says when the client is. */
const SASL_FAILURES = [
  'authentication failure',
  'user not found',
  'bad protocol / cancel',
  'integrity check failed',
  'overflowed buffer',
  'another step is needed in authentication',
  'account disabled',
];

const SERVER_TROUBLE = [
  'Internal error occurred. Refer to server log for more information.',
  'Internal error occurred. Refer to server log for more information. [2026-11-28 10:00:00]',
  'Temporary authentication failure. [mx1:2026-11-21 20:31:21]',
  'Authentication backend error',
  "Can't connect to authentication server",
  'Authentication request timed out',
  "Configured passdbs don't support credentials lookups",
];

describe('Postfix and a reason that says nothing about the password', () => {
  const line = (reason: string) =>
    `mx postfix/smtpd[9]: warning: unknown[192.0.2.7]: SASL PLAIN authentication failed: ${reason}`;

  test.each([
    ...SASL_TROUBLE,
    ...SERVER_TROUBLE,
    "Invalid authentication mechanism: 'X'",
    // A right password that may not act for somebody else.
    'authorization failure',
  ])('does not count: %s', (reason) => {
    for (const [filter, options] of [
      ['postfix-sasl', {}],
      ['postfix', { mode: 'extra' }],
    ] as const) {
      expect(resultOf(filter, line(reason), options)).toBe('none');
      expect(resultOf(filter, line(`${reason}, sasl_username=bob`), options)).toBe('none');
    }
    // What another jail counts is told there as well.
    expect(resultOf('dovecot', line(reason))).toBe('none');
  });

  test.each([
    ...SASL_FAILURES,
    '(reason unavailable)',
    'Invalid base64 data in initial response',
    'UGFzc3dvcmQ6',
    '',
  ])('counts: %s', (reason) => {
    expect(resultOf('postfix-sasl', line(reason))).toBe(COUNTED);
    expect(resultOf('dovecot', line(reason))).toBe('nofail');
  });

  test('is not hidden by the words of a name', () => {
    const text = line('(reason unavailable), sasl_username=temporary failure, generic failure');
    expect(resultOf('postfix-sasl', text)).toBe(COUNTED);
  });
});

describe('Postfix and a challenge in base64', () => {
  // The client's nonce decides on letters of it, some of which are words of trouble in any case.
  test.each([
    'UGFzc3dvcmQ6',
    'cj1YLnshUTdoWnRRazNqZDBzOWZqd2Uscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==',
    'cj1tImEoUTtrans1entmaiNtenAnceTRANSIENT1',
    'dHJhbnNpZW50TRANSIENTtransientAAAAA=',
  ])('counts: %s', (words) => {
    for (const end of ['', ', sasl_username=anna'])
      expect(
        resultOf(
          'postfix-sasl',
          `mx postfix/smtpd[7]: warning: unknown[192.0.2.7]: SASL SCRAM-SHA-256 authentication failed: ${words}${end}`,
        ),
      ).toBe(COUNTED);
  });

  // The nonce fills the line, so that Postfix cuts the challenge behind any of its letters.
  test.each(['overload', 'timeout', 'Transient', 'UNAVAILABLE'])(
    'counts wherever Postfix cuts it, though it spells %s',
    (words) => {
      const challenge = `cj0${'q'.repeat(997)}${words}${'A'.repeat(989)}`;
      const text = `warning: unknown[192.0.2.7]: SASL SCRAM-SHA-256 authentication failed: ${challenge}, sasl_username=anna`;
      for (let bytes = text.length - 30; bytes <= text.length; bytes++)
        expect(resultOf('postfix-sasl', `mx postfix/smtpd[7]: ${text.slice(0, bytes)}`)).toBe(
          COUNTED,
        );
    },
  );
});

describe('a milter whose words have the words of the client in them', () => {
  const line = (words: string) =>
    `mx postfix/cleanup[7]: ABC123: milter-reject: END-OF-MESSAGE from m[192.0.2.7]: 5.7.1 ${words}; from=<a@example.org> to=<b@example.org> proto=ESMTP helo=<m>`;

  test.each([
    'rejected by DMARC policy for account-suspended.example',
    'rejected by DMARC policy for user.closed.example',
    'rejected by DMARC policy for account.example, expired.example',
    'Sender domain is blocked',
  ])('counts: %s', (words) => {
    expect(resultOf('postfix', line(words), { mode: 'more' })).toBe(COUNTED);
  });

  test.each([
    'Mailbox full',
    'The account is suspended.',
    'Mailbox has been blocked',
    "User's mailbox (anna) is full",
  ])('does not count: %s', (words) => {
    expect(resultOf('postfix', line(words), { mode: 'more' })).toBe('none');
  });
});

describe('Roundcube and an IMAP server in trouble', () => {
  const line = (answer: string, url = '/') =>
    `mx roundcube[9]: <ab12> IMAP Error: Login failed for bob against localhost from 192.0.2.7. ${answer} in /x.php on line 211 (POST ${url})`;

  test.each([
    ...SASL_TROUBLE.map((words) => `LOGIN: Login failed: ${words}`),
    ...[
      ...SASL_TROUBLE,
      ...SERVER_TROUBLE,
      'Account is temporarily unavailable.',
      'Waiting for authentication process to respond..',
      'temporary system problem, please try again later',
      'Server too busy',
      'LOGIN temporarily disabled',
      'Logins are currently disabled',
      'Server configuration error',
      '[ALERT] Server is shutting down',
      'Service is down for maintenance',
      ...[
        'UNAVAILABLE',
        'INUSE',
        'LIMIT',
        'SERVERBUG',
        'CONTACTADMIN',
        'PRIVACYREQUIRED',
        'EXPIRED',
        'CORRUPTION',
        'CANNOT',
        'OVERQUOTA',
        'NOPERM',
        'AUTHORIZATIONFAILED',
        'CLIENTBUG',
      ].map((code) => `[${code}] Login failed.`),
    ].flatMap((words) => [`AUTHENTICATE PLAIN: ${words}`, `LOGIN: A0001 NO ${words}`]),
    'LOGIN: SSL handshake failed',
    'SSL handshake failed',
    'Connection timed out',
    'LOGIN: Connection timed out',
  ])('do not count: %s', (answer) => {
    expect(resultOf('roundcube-auth', line(answer))).toBe('none');
  });

  test.each([
    'AUTHENTICATE PLAIN: A0001 NO [AUTHENTICATIONFAILED] Authentication failed.',
    'AUTHENTICATE PLAIN: Authentication failed.',
    'AUTHENTICATE PLAIN: authentication failure',
    'LOGIN: [ALERT] Invalid credentials (Failure)',
    'LOGIN: Login failed: authentication failure',
    'LOGIN: Login failed: user not found',
    'LOGIN: LOGIN failed.',
    'LOGIN: Invalid user name or password.',
    'AUTHENTICATE PLAIN: A0001 NO [AUTHENTICATIONFAILED] Invalid user name or password, try again later.',
    'AUTHENTICATE PLAIN: Authentication failed, please try again.',
  ])('counts as ever: %s', (answer) => {
    expect(resultOf('roundcube-auth', line(answer))).toBe(COUNTED);
  });

  test('are not feigned by a header that the browser sends', () => {
    for (const header of ['temporarily', 'Connection timed out', 'a temporarily'])
      expect(
        resultOf(
          'roundcube-auth',
          line('LOGIN: Login failed.').replace(
            '192.0.2.7.',
            `192.0.2.7 (X-Forwarded-For: ${header}).`,
          ),
        ),
      ).toBe(COUNTED);
  });

  test('are not feigned by the words of an address on the web', () => {
    const text = line('LOGIN: Login failed.', '/?_task=login&x=temporary, try again later');
    expect(resultOf('roundcube-auth', text)).toBe(COUNTED);
  });
});

describe('nginx and the program that it asks about logins', () => {
  const line = (status: string) =>
    `mx nginx[9]: 2026/11/28 10:00:00 [info] 9#9: *3 client login failed: "${status}" while in http auth state, client: 192.0.2.7, server: 0.0.0.0:143, login: "bob"`;

  test.each([
    ...SASL_TROUBLE,
    ...SERVER_TROUBLE,
    'Internal server error',
    'Backend error',
    'Service temporarily not available',
    'Temporary server problem, try again later',
    'Database error',
  ])('does not count: %s', (status) => {
    expect(resultOf('nginx-http-auth', line(status))).toBe('none');
  });

  test.each([
    'Invalid login or password',
    'Invalid login or password, please try again later',
    'Authentication failed',
    // Whoever writes such a program may mean a wrong password.
    'authorization failure',
    'Invalid credentials',
    '',
  ])('counts: %s', (status) => {
    expect(resultOf('nginx-http-auth', line(status))).toBe(COUNTED);
  });
});

test("nginx's mail proxy counts in no file, where a name with a line break is lines of the client's", () => {
  const line =
    'client login failed: "Invalid login or password" while in http auth state, client: 192.0.2.7, server: 0.0.0.0:143, login: "bob"';
  const login =
    'client logged in, client: 192.0.2.7, server: 0.0.0.0:143, login: "bob", upstream: 127.0.0.1:143';
  const result = (logtype: string, text: string, options: Options = {}) =>
    shipped('nginx-http-auth', options, logtype).filter.judge(
      { text: ` [info] 9#9: *9 ${text}` },
      { time: epochMicros(0), boot: '' },
    ).result;
  expect([result('file', line), result('file', login)]).toEqual(['none', 'none']);
  for (const logtype of ['journal', 'container'])
    expect([result(logtype, line), result(logtype, login)]).toEqual(['failure', 'success']);
  expect(result('file', line, { mailproxy: 'any' })).toBe('failure');
});
