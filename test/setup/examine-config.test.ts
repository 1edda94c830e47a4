import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { formatDiagnostic } from '../../src/core/finding.js';
import { examineConfiguration } from '../../src/setup/check.js';

const CHOICES =
  '[Definition]\nfailregex = <re-<mode>>\nre-calm = ^calm <HOST>\nre-wild = ^wild <HOST>\n[Init]\nmode = calm\njournalmatch = _UID=0\n';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banjour-examine-'));
  mkdirSync(join(root, 'filter.d'));
  writeFileSync(join(root, 'filter.d/x.conf'), CHOICES);
});
afterEach(() => rmSync(root, { recursive: true }));

/** The errors of a jail.local, with the folder taken out. */
function errors(...lines: readonly string[]): string[] {
  writeFileSync(join(root, 'jail.local'), `${lines.join('\n')}\n`);
  return examineConfiguration({ shippedRoot: root, adminRoot: root })
    .filter(({ level }) => level === 'error')
    .map((one) => formatDiagnostic(one).replaceAll(`${root}/`, ''));
}

const JAIL = ['[j]', 'enabled = true', 'filter = x'];
/** As the shipped jails have it. */
const CHOOSING = ['[j]', 'enabled = true', 'filter = x[mode=%(mode)s]'];

test('an error of a value hides no error of a regex of the same jail', () => {
  expect(
    errors(...JAIL, 'maxretry = three', 'failregex = ^bad (<HOST>', '  ^bad [z-a] <HOST>'),
  ).toEqual([
    expect.stringMatching(/^jail\.local:4:\d+: error: \[j\] maxretry: .*"three"/),
    expect.stringMatching(/^jail\.local:5:\d+: error: failregex: .*the group is not closed/),
    expect.stringMatching(/^jail\.local:6:\d+: error: failregex: /),
  ]);
});

test('what is wrong with a regex as a text is not told again as a regex', () => {
  expect(errors(...JAIL, 'failregex = ^bad')).toEqual([
    expect.stringContaining('does not say where the address stands'),
  ]);
});

test.each([
  ['the jail', [...CHOOSING, 'mode = loud'], 4],
  ['the call of the filter', ['[j]', 'enabled = true', 'filter = x[mode=loud]'], 3],
  ['[DEFAULT]', ['[DEFAULT]', 'mode = loud', ...CHOOSING, '[k]', ...CHOOSING.slice(1)], 2],
])('a mode that the filter has not is told once, at the line of %s', (_, lines, line) => {
  expect(errors(...lines)).toEqual([
    expect.stringMatching(
      new RegExp(
        `^jail\\.local:${line}:\\d+: error: mode: the filter "x" has no such mode \\(got "loud"\\); choose calm, wild$`,
      ),
    ),
  ]);
});

test('a wrong value of [DEFAULT] is told once, and one of a jail as its own', () => {
  expect(
    errors(
      '[DEFAULT]',
      'maxretry = three',
      ...JAIL,
      '[k]',
      'enabled = true',
      'filter = x',
      'maxretry = four',
    ),
  ).toEqual([
    expect.stringMatching(/^jail\.local:2:\d+: error: \[DEFAULT\] maxretry: /),
    expect.stringMatching(/^jail\.local:9:\d+: error: \[k\] maxretry: /),
  ]);
});

test('an encoding that cannot be read is told where files are read', () => {
  const files = [...JAIL, 'backend = polling', `logpath = /tmp/x.log`];
  expect(errors(...files, 'logencoding = klingon')).toEqual([
    expect.stringMatching(
      /^jail\.local:6:\d+: error: \[j\] logencoding: .*\(got "klingon"\); write auto, /,
    ),
  ]);
  for (const name of ['auto', 'UTF-8', 'utf_8', 'latin-1', 'cp1252', 'iso8859-15', 'utf-16'])
    expect([name, errors(...files, `logencoding = ${name}`)]).toEqual([name, []]);
});
