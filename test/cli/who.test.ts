import { userInfo } from 'node:os';
import { expect, test } from '@jest/globals';
import { whoTypes } from '../../src/cli/who.js';
import { OPERATOR_CHARS_MAX } from '../../src/core/limits.js';

const root = () => 'root';

test.each<[NodeJS.ProcessEnv, string]>([
  [{}, 'root'],
  [{ SUDO_USER: 'alice' }, 'alice (as root)'],
  [{ SUDO_USER: 'root' }, 'root'],
  [{ SUDO_USER: '' }, 'root'],
  [{ PKEXEC_UID: '1000' }, 'uid 1000 (as root)'],
])('%j: %s', (env, who) => expect(whoTypes(env, root)).toBe(who));

test('without sudo it is the user of the process', () =>
  expect(whoTypes({})).toBe(userInfo().username));

test('a name is no longer than the agent takes', () => {
  const long = (length: number) => whoTypes({}, () => 'x'.repeat(length));
  expect(long(OPERATOR_CHARS_MAX)).toHaveLength(OPERATOR_CHARS_MAX);
  expect(long(OPERATOR_CHARS_MAX + 1)).toHaveLength(OPERATOR_CHARS_MAX);
});
