import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { LAST_GOOD_BYTES_MAX } from '../../src/core/service-limits.js';
import { LastGood } from '../../src/setup/last-good.js';

let folder: string;
const kept = () => join(folder, 'last-good-configuration.json');
const lastGood = () => new LastGood(join(folder, 'ledger.sqlite3'));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-last-good-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('what was kept comes back, for root and the agent alone', async () => {
  expect(lastGood().read()).toBeUndefined();
  await lastGood().keep(new Map([['jail.d/a.conf', '[sshd]\nenabled = true\n']]));
  expect(statSync(kept()).mode & 0o777).toBe(0o600);
  expect(lastGood().read()).toEqual(
    new Map([['jail.d/a.conf', { text: '[sshd]\nenabled = true\n' }]]),
  );
});

test.each([
  ['no JSON', '{"version":1,"files":{'],
  ['of another version', '{"version":2,"files":{}}'],
  ['without files', '{"version":1}'],
  ['with a text that is none', '{"version":1,"files":{"jail.local":7}}'],
  ['no object', 'null'],
])('a file that is %s is as none', (_, text) => {
  writeFileSync(kept(), text);
  expect(lastGood().read()).toBeUndefined();
});

test('so much is kept and read, and no byte more', async () => {
  const room = LAST_GOOD_BYTES_MAX - '{"version":1,"files":{"a":""}}\n'.length;
  await lastGood().keep(new Map([['a', 'x'.repeat(room)]]));
  expect(lastGood().read()?.get('a')?.text).toHaveLength(room);
  await expect(lastGood().keep(new Map([['a', 'x'.repeat(room + 1)]]))).rejects.toThrow(
    `are more than ${LAST_GOOD_BYTES_MAX}`,
  );
  expect(lastGood().read()?.get('a')?.text).toHaveLength(room);
  writeFileSync(kept(), `{"version":1,"files":{"a":"${'x'.repeat(room + 1)}"}}\n`);
  expect(lastGood().read()).toBeUndefined();
});

test('what cannot be written is said', async () => {
  const nowhere = new LastGood(join(folder, 'gone', 'ledger.sqlite3'));
  await expect(nowhere.keep(new Map())).rejects.toThrow('ENOENT');
});

test('of two that come at once the later one stands', async () => {
  const one = lastGood();
  const large = new Map([['a', 'x'.repeat(4 * 1024 * 1024)]]);
  await Promise.all([one.keep(large), one.keep(new Map([['a', 'y']]))]);
  expect(one.read()?.get('a')?.text).toBe('y');
});
