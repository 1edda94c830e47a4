import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { COMMANDS } from '../../src/cli/table.js';
import { hasCommand, needs } from '../support/require.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-man-'));
  const { status, stderr } = spawnSync(process.execPath, ['scripts/man.mjs', folder], {
    encoding: 'utf8',
    env: { ...process.env, SOURCE_DATE_EPOCH: '1795219200' },
  });
  if (status !== 0) throw new Error(stderr);
}, 30_000);
afterAll(() => rmSync(folder, { recursive: true }));

const page = (name: string) => readFileSync(join(folder, 'man', `${name}.1`), 'utf8');

describe('the man pages', () => {
  test('are one for each command, and two about the whole', () => {
    expect(readdirSync(join(folder, 'man')).sort()).toEqual(
      [
        'banjour.1',
        'banjour-fail2ban.1',
        ...COMMANDS.map(({ name }) => `banjour-${name}.1`),
      ].sort(),
    );
  });

  test('have every option, argument, example and exit code of their command', () => {
    for (const { name, options = {}, positionals = [], examples, exits = [] } of COMMANDS) {
      const text = page(`banjour-${name}`).replaceAll('\\-', '-');
      for (const option of Object.keys(options))
        expect([name, text]).toEqual([name, expect.stringContaining(option)]);
      for (const one of positionals) expect(text).toContain(one.name.toUpperCase());
      for (const [line] of examples) expect(text).toContain(line.replaceAll('\\', '\\e'));
      for (const [code, meaning] of exits) expect(text).toContain(`\\fB${code}\\fR\n${meaning}`);
    }
  });

  test('carry the date that they are told, so that a build is the same twice', () => {
    expect(page('banjour')).toContain('"2026-11-21"');
  });

  needs(hasCommand('man'), 'man is not installed')(
    'are roff that man takes without a word',
    () => {
      for (const name of [
        'banjour',
        'banjour-fail2ban',
        ...COMMANDS.map((one) => `banjour-${one.name}`),
      ]) {
        const { stderr, stdout } = spawnSync(
          'man',
          ['-l', '--warnings=mac,char,escape', join(folder, 'man', `${name}.1`)],
          {
            encoding: 'utf8',
            env: { ...process.env, MANPAGER: 'cat', MANWIDTH: '80' },
          },
        );
        expect([name, stderr]).toEqual([name, '']);
        expect(stdout).toContain('SYNOPSIS');
      }
    },
    30_000,
  );
});
