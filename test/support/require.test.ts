import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { hasCommand, isRoot, needs } from './require.js';

// Below dist/, so that the sample finds @jest/globals.
mkdirSync('dist/.samples', { recursive: true });
const folder = mkdtempSync('dist/.samples/require-');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What jest makes of one test file that needs something which is not there. */
function outcome(requireAll: boolean): { titles: string[]; statuses: string[]; messages: string } {
  const support = join(process.cwd(), 'dist/test/support/require.js');
  writeFileSync(
    join(folder, 'sample.test.js'),
    `import { needs } from '${support}';\nneeds(false, 'no such thing here')('bans an attacker', () => undefined);\n`,
  );
  const args = [
    '--experimental-vm-modules',
    '--no-warnings',
    'node_modules/jest/bin/jest.js',
    '--json',
    '--silent',
  ];
  const more = [
    '--rootDir',
    folder,
    '--config',
    '{"transform":{},"testMatch":["**/sample.test.js"],"testEnvironment":"node"}',
  ];
  const { BANJOUR_REQUIRE_ALL: _, ...env } = process.env;
  const done = spawnSync(process.execPath, [...args, ...more], {
    encoding: 'utf8',
    env: requireAll ? { ...env, BANJOUR_REQUIRE_ALL: '1' } : env,
  });
  const report = JSON.parse(done.stdout) as {
    testResults: {
      assertionResults: { title: string; status: string; failureMessages: string[] }[];
    }[];
  };
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  return {
    titles: tests.map((one) => one.title),
    statuses: tests.map((one) => one.status),
    messages: tests.flatMap((one) => one.failureMessages).join('\n'),
  };
}

describe('a test that needs something of the host', () => {
  test('is an ordinary test where it is there', () => {
    expect(needs(true, 'never shown')).toBe(test);
  });

  test('is skipped where it is missing, with the reason in its title', () => {
    const seen = outcome(false);
    expect(seen.titles).toEqual(['bans an attacker [skipped: no such thing here]']);
    expect(seen.statuses).toEqual(['pending']);
  });

  test('fails in the pipeline, where nothing may be skipped', () => {
    const seen = outcome(true);
    expect(seen.titles).toEqual(['bans an attacker']);
    expect(seen.statuses).toEqual(['failed']);
    expect(seen.messages).toContain('cannot run here: no such thing here');
  });
});

test('root and programs are recognised', () => {
  expect(isRoot).toBe(process.geteuid?.() === 0);
  expect(hasCommand('node')).toBe(true);
  expect(hasCommand('banjour-no-such-program')).toBe(false);
});
