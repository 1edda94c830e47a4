/** What mail servers say, in weakforced's names. */
import { expect, test } from '@jest/globals';
import { DIGEST_CHARS_MAX, SESSION_KEY_CHARS_MAX, USER_CHARS_MAX } from '../../src/core/limits.js';
import { POLICY_WORD_CHARS_MAX } from '../../src/core/service-limits.js';
import { readRequest, tellingOf } from '../../src/policy/request.js';

/** As Dovecot 2.4 reports a failure. */
const REPORT = {
  device_id: '',
  login: 'anna@example.org',
  protocol: 'imap',
  pwhash: '0a1',
  remote: '198.51.100.7',
  session_id: 'TKcP0C1IcdF/AAAB',
  success: false,
  policy_reject: false,
  fail_type: 'credentials',
  tls: true,
};
const told = (changes: object) => tellingOf(readRequest(JSON.stringify({ ...REPORT, ...changes })));

test('a failed login is told with all that is known of it', () => {
  expect(told({})).toEqual({
    address: '198.51.100.7',
    user: 'anna@example.org',
    protocol: 'imap',
    session: 'TKcP0C1IcdF/AAAB',
    pwhash: '0a1',
    cause: 'wrong-password',
  });
  expect(told({ fail_type: 'account' })).toMatchObject({ cause: 'unknown-user' });
  expect(told({ fail_type: undefined })).not.toHaveProperty('cause');
  expect(told({ remote: '::ffff:198.51.100.7' })).toMatchObject({ address: '198.51.100.7' });
});

test('a login is told with its password, by which the next is known again', () => {
  expect(told({ success: true, fail_type: undefined })).toEqual({
    address: '198.51.100.7',
    user: 'anna@example.org',
    protocol: 'imap',
    pwhash: '0a1',
    accepted: true,
  });
});

test('what says nothing of a password is not told', () => {
  for (const changes of [
    { success: true, pwhash: '' },
    { success: true, login: '' },
    { success: true, policy_reject: true },
    { policy_reject: true },
    { fail_type: 'internal' },
    { fail_type: 'policy' },
    { fail_type: 'disabled' },
    { fail_type: 'constructor' },
    { remote: '' },
    { remote: 'mail.example.org' },
    { remote: 7 },
  ])
    expect(told(changes)).toBeUndefined();
});

test('other things than texts are passed over, long ones are cut', () => {
  expect(told({ login: { a: 1 }, session_id: 5, pwhash: null, protocol: [] })).toEqual({
    address: '198.51.100.7',
    cause: 'wrong-password',
  });
  const long = 'x'.repeat(5_000);
  const cut = told({ login: long, session_id: long, pwhash: long, protocol: long });
  expect([cut?.user, cut?.session, cut?.pwhash, cut?.protocol].map((text) => text?.length)).toEqual(
    [USER_CHARS_MAX, SESSION_KEY_CHARS_MAX, DIGEST_CHARS_MAX, POLICY_WORD_CHARS_MAX],
  );
});

test('what is no request is an error', () => {
  for (const text of ['', '{', '[]', 'null', '"x"', '5'])
    expect(() => readRequest(text)).toThrow(/JSON/);
});
