/** The part that mail servers ask: its configuration, its key, its port. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { PartHost } from '../../src/companion/part.js';
import { planPolicy } from '../../src/companion/policy.js';
import { POLICY_DELAY_SECONDS_MAX } from '../../src/core/timeouts.js';
import { secretRemedy } from '../../src/notify/secret.js';
import { DEFAULT_POLICY_RULES } from '../../src/policy/decide.js';
import { Scratch } from './scratch.js';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.remove());

const configured = (...lines: readonly string[]) => scratch.configured('policy', ...lines);
const planned = (...lines: readonly string[]) =>
  planPolicy(configured(...lines), {
    paths: scratch.paths,
    env: {},
  } as Partial<PartHost> as PartHost);

test('is off unless it is switched on, with rules that nobody needs to touch', async () => {
  const { policy } = configured();
  expect(policy.rules).toEqual(DEFAULT_POLICY_RULES);
  expect(await planned()).toBeUndefined();
});

test('takes its rules, and says what is wrong with them', () => {
  const { policy } = configured('underattack = delay', 'deadnames = serve', 'delay = 30');
  expect(policy.rules).toMatchObject({ underAttack: 'delay', deadName: 'serve', delay: 30 });
  for (const [line, words] of [
    ['underattack = ban', /refuse or delay or serve/],
    ['deadnames = delay', /refuse or serve/],
    ['delay = 0', /delay/],
    [`delay = ${POLICY_DELAY_SECONDS_MAX + 1}`, /delay/],
    ['underatack = refuse', /underattack/],
  ] as const)
    expect(() => configured(line)).toThrow(words);
});

test('listens with the key of the file, and says where', async () => {
  const key = scratch.write('key', 'the key\n');
  const socket = join(scratch.folder, 'policy.sock');
  const plan = await planned(
    'enabled = true',
    'listen = 127.0.0.1:0',
    `socket = ${socket}`,
    `api-key-file = ${key}`,
  );
  expect(plan?.problem).toBeUndefined();
  const part = await plan?.start(() => undefined);
  expect(part?.summary).toMatch(/^policy on 127\.0\.0\.1:\d+ and \S+policy\.sock$/);
  expect(part?.status()).toMatchObject({ agentAnswers: true });
  expect(await part?.figures?.('openmetrics')).toContain('banjour_policy_logins_total');
  await part?.stop();
});

test('another key in the same file, or none, is another configuration', async () => {
  const path = join(scratch.folder, 'key');
  const configuration = async (key: string) => {
    scratch.write('key', key);
    return (await planned('enabled = true', `api-key-file = ${path}`))?.configuration;
  };
  const first = await configuration('one key\n');
  expect(await configuration('one key\n')).toBe(first);
  const other = await configuration('another key\n');
  expect(other).not.toBe(first);
  expect(await configuration('')).not.toBe(other);
  expect(other).not.toContain('another key');
});

test('where systemd hands the key over, the remedy is its own', async () => {
  const refusal = async (env: NodeJS.ProcessEnv) => {
    const host = { paths: scratch.paths, env } as Partial<PartHost> as PartHost;
    const plan = await planPolicy(configured('enabled = true', 'api-key-file = dovecot-key'), host);
    return plan?.start(() => undefined);
  };
  for (const env of [{}, { CREDENTIALS_DIRECTORY: scratch.folder }])
    await expect(refusal(env)).rejects.toMatchObject({
      message: expect.stringContaining('[policy] has no key'),
      hint: expect.stringMatching(
        /LoadCredential=dovecot-key:\/etc\/banjour\/secrets\/dovecot-key/,
      ),
    });
  expect(() => configured('enabled = true', 'api-key-file =')).toThrow(/:3:.*is empty/);
});

test('a key that may not be read stays: Dovecot has it', () => {
  const denied = Object.assign(new Error('EACCES'), { code: 'EACCES' });
  expect(secretRemedy('/etc/key', new Error('?', { cause: denied }), 'make one')).toBe(
    'chgrp banjour-companion /etc/key && chmod 0640 /etc/key',
  );
  expect(secretRemedy('/etc/key', new Error('?'), 'make one')).toBe('make one');
});

test('without a key, a place or a free port it says what to do', async () => {
  const absent = await planned('enabled = true', `api-key-file = ${join(scratch.folder, 'none')}`);
  await expect(absent?.start(() => undefined)).rejects.toMatchObject({
    message: expect.stringContaining('[policy] has no key'),
    hint: expect.stringContaining('openssl rand'),
  });
  const nowhere = await planned('enabled = true', 'listen =');
  expect(nowhere?.problem).toMatchObject({ message: expect.stringContaining('listens nowhere') });
});
