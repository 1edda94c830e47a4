import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { runCli } from '../../src/cli/cli.js';
import { isElevated, paged, pagers } from '../../src/cli/pager.js';
import { PAGER_CHARS_MAX } from '../../src/core/service-limits.js';
import type { Terminal } from '../../src/tools/terminal.js';
import { caught } from '../control/host.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-pager-'));
  writeFileSync(
    join(folder, 'pager'),
    `#!/bin/sh\necho "$# $1 $LESS $LESSSECURE" > ${folder}/asked\ncat > ${folder}/shown\n`,
  );
  chmodSync(join(folder, 'pager'), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (name: string) => {
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch {
    return undefined;
  }
};
const terminal = (pager: string, isTTY = true) => ({
  isTTY,
  env: { TERM: 'xterm', BANJOUR_PAGER: pager, PATH: process.env['PATH'], LESSOPEN: 'none' },
});
const rules = ['rules', '--plan'];
const unlessElevated = isElevated({}) ? test.skip : test;

unlessElevated(
  'a long answer goes whole to the pager, with its words, and not to the terminal',
  async () => {
    const { out } = await caught((one) => runCli(rules, one), terminal(`${folder}/pager 'a b'`));
    const whole = await caught((one) => runCli(rules, one), terminal('', false));
    expect(whole.out.split('\n').length).toBeGreaterThan(30);
    expect([out, read('shown')]).toEqual(['', whole.out]);
    expect(read('asked')).toBe('1 a b FRSXMK 1\n');
  },
);

test.each([
  ['--no-pager', [...rules, '--no-pager'], true],
  ['--json', [...rules, '--json'], true],
  ['a pipe', rules, false],
])('%s: no pager is started', async (_, words, isTTY) => {
  await caught((one) => runCli(words, one), terminal(`${folder}/pager`, isTTY));
  expect(read('asked')).toBeUndefined();
});

unlessElevated('a help text longer than the screen goes to the pager', async () => {
  const { out } = await caught((one) => runCli(['--help'], one), terminal(`${folder}/pager`));
  const whole = await caught((one) => runCli(['--help'], one), terminal('', false));
  expect([out, read('shown')]).toEqual(['', whole.out]);
  const { out: printed } = await caught(
    (one) => runCli(['--help', '--no-pager'], one),
    terminal(`${folder}/pager`),
  );
  expect(printed).toBe(whole.out);
});

(isElevated({}) ? test.skip : test).each([
  ['as long as the bound', 0, 'shown'],
  ['one character longer', 1, 'printed'],
])('an answer %s is %s', async (_, more, how) => {
  const long = '\n'.repeat(PAGER_CHARS_MAX + more);
  const answer = async (to: Terminal) => {
    for (const part of ['', long, '']) to.out(part);
    return 0 as const;
  };
  const { out } = await caught((one) => paged(one, answer), terminal(`${folder}/pager`));
  const isShown = how === 'shown';
  expect([out === long, read('shown') === long]).toEqual([!isShown, isShown]);
});

test('an answer that fits the screen: no pager is started', async () => {
  const { out } = await caught(
    (one) => runCli(rules, { ...one, stdout: Object.assign(one.stdout, { rows: 1000 }) }),
    terminal(`${folder}/pager`),
  );
  expect(out.split('\n').length).toBeGreaterThan(30);
  expect(read('asked')).toBeUndefined();
});

test('a pager that is not there: what it would show is printed', async () => {
  const { code, out } = await caught((one) => runCli(rules, one), {
    isTTY: true,
    env: { TERM: 'xterm', PAGER: '/nonexistent/pager', PATH: folder },
  });
  expect([code, out.split('\n').length > 30]).toEqual([0, true]);
});

test.each<[NodeJS.ProcessEnv, boolean, readonly (readonly string[])[]]>([
  [{ TERM: 'xterm' }, false, [['less']]],
  [{ TERM: 'xterm', PAGER: 'most -s' }, false, [['most', '-s'], ['less']]],
  [{ TERM: 'xterm', PAGER: 'most', BANJOUR_PAGER: 'more' }, false, [['more'], ['less']]],
  [{ TERM: 'xterm', PAGER: 'most', BANJOUR_PAGER: '' }, false, []],
  [{ TERM: 'xterm', PAGER: 'cat' }, false, []],
  [{ TERM: 'xterm', PAGER: "sh -c 'id" }, false, []],
  [{ TERM: 'xterm', PAGER: 'sh -c id' }, true, [['less']]],
  [{ TERM: 'xterm', PAGER: 'cat' }, true, []],
  [{ TERM: 'dumb', PAGER: 'most' }, false, []],
  [{ PAGER: 'most' }, false, []],
])('%j, elevated %s: %j', (env, elevated, expected) =>
  expect(pagers(env, elevated)).toEqual(expected),
);

test('a session of another user is elevated', () => {
  expect(isElevated({}, 0, 0)).toBe(false);
  expect(isElevated({}, 0, 4_294_967_295)).toBe(false);
  expect(isElevated({}, 0, undefined)).toBe(false);
  expect(isElevated({}, 0, 1000)).toBe(true);
  expect(isElevated({ SUDO_UID: '1000' }, 0, 0)).toBe(true);
  expect(isElevated({ PKEXEC_UID: '1000' }, 0, 4_294_967_295)).toBe(true);
});
