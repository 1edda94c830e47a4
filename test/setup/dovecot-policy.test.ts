/** Whether Dovecot and `[policy]` agree, by what `doveconf -n` prints. */
import { expect, test } from '@jest/globals';
import { DEFAULT_POLICY_RULES } from '../../src/policy/decide.js';
import type { CompanionConfig } from '../../src/setup/companion-config.js';
import { comparePolicy, readDovecotPolicy } from '../../src/setup/dovecot-policy.js';

const KEY = 'the key';
const HEADER = `Authorization: Basic ${Buffer.from(`dovecot:${KEY}`).toString('base64')}`;
const OLD = [
  'auth_policy_check_after_auth = no',
  'auth_policy_hash_nonce = xyz',
  `auth_policy_server_api_header = ${HEADER}`,
  'auth_policy_server_timeout_msecs = 500',
  'auth_policy_server_url = http://127.0.0.1:9813/',
];
const NEW = [
  'mail_driver = maildir',
  'auth_policy {',
  '  check_after_auth = no',
  `  server_api_header = ${HEADER}`,
  '  server_url = http://localhost:9813/',
  '  http_client_request_absolute_timeout = 500 msecs',
  '}',
  'service auth {',
  '  server_url = http://127.0.0.1:1/',
  '}',
];
const policy = (changes: Partial<CompanionConfig['policy']> = {}): CompanionConfig['policy'] => ({
  enabled: true,
  listen: { host: '127.0.0.1', port: 9813 },
  socket: null,
  apiKeyFile: '/etc/banjour/secrets/policy',
  rules: DEFAULT_POLICY_RULES,
  ...changes,
});
const told = (lines: readonly string[], own = policy(), key: string | undefined = KEY) =>
  comparePolicy(own, readDovecotPolicy(`${lines.join('\n')}\n`), key).map(
    ({ level, message }) => `${level}: ${message}`,
  );
/** The settings with one replaced, or one more. */
const but = (name: string, value: string) => [
  ...OLD.filter((line) => !line.startsWith(`auth_policy_${name} `)),
  `auth_policy_${name} = ${value}`,
];

test('of one mind, 2.3 and 2.4: nothing to say', () => {
  expect(told(OLD)).toEqual([]);
  expect(told(NEW)).toEqual([]);
  expect(told([], policy({ enabled: false }))).toEqual([]);
  expect(told(but('server_url', 'http://wforce.example/'), policy({ enabled: false }))).toEqual([]);
  const listen = { host: '::1', port: 80 };
  expect(told(but('server_url', 'http://[::1]/'), policy({ listen }))).toEqual([]);
});

test('one of them is off', () => {
  expect(told(OLD, policy({ enabled: false }))).toEqual([
    'warning: Dovecot asks http://127.0.0.1:9813/, where nobody answers: [policy] is off',
  ]);
  expect(told(['mail_driver = maildir'])[0]).toMatch(/^warning: .*Dovecot asks nobody/);
});

test('another place, another key', () => {
  for (const url of ['http://127.0.0.1:9814/', 'https://127.0.0.1:9813/', 'http://192.0.2.1:9813/'])
    expect(told(but('server_url', url))).toEqual([
      `error: Dovecot asks ${url}, and [policy] listens on 127.0.0.1:9813`,
    ]);
  const wrong = 'Authorization: Basic ZG92ZWNvdDp4';
  expect(told(but('server_api_header', wrong))[0]).toMatch(/^error: the key in .* is not the one/);
  expect(told(but('server_api_header', 'X-API-Key: the key'))).toEqual([]);
  expect(comparePolicy(policy(), readDovecotPolicy(`${OLD.join('\n')}\n`), undefined)).toEqual([]);
});

test('what would refuse, delay or be deaf', () => {
  for (const [name, value, words] of [
    ['reject_on_fail', 'yes', 'refuses every login'],
    ['check_before_auth', 'no', 'does not ask before'],
    ['log_only', 'yes', 'only logs'],
    ['server_timeout_msecs', '2000', 'waits 2 s'],
    ['request_attributes', 'login=%{requested_username}', 'names no session'],
  ] as const)
    expect(told(but(name, value))).toEqual([expect.stringContaining(words)]);
  expect(told(but('server_timeout_msecs', '2000'))[0]).toContain('waits 2 s');
  const slow = NEW.filter((line) => !line.includes('absolute_timeout'));
  expect(told(slow)[0]).toContain('waits 2 s');
  expect(
    told(
      slow.map((line) =>
        line.replace('server_url', 'http_client_request_absolute_timeout = 3 s\n  server_url'),
      ),
    )[0],
  ).toContain('waits 3 s');
});
