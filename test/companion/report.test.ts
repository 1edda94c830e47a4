import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PartHost } from '../../src/companion/part.js';
import { planReport } from '../../src/companion/report.js';
import { loadCompanionConfig } from '../../src/setup/companion-config.js';
import { defaultPaths } from '../../src/setup/paths.js';

let directory: string;
const paths = () => ({
  ...defaultPaths(),
  config: directory,
  run: join(directory, 'run'),
  state: join(directory, 'state'),
});
const configured = (...lines: string[]) => {
  writeFileSync(join(directory, 'companion.conf'), `[notify]\n${lines.join('\n')}\n`);
  return loadCompanionConfig(paths());
};
const host = () =>
  ({ paths: paths(), env: {}, log: () => undefined }) as Partial<PartHost> as PartHost;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'banjour-companion-report-'));
  mkdirSync(join(directory, 'state-companion'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the report of the companion', () => {
  test('is off unless it is wanted', async () => {
    expect(configured().report).toEqual({ every: 'none', hour: 6, to: ['root'], sender: 'root' });
    expect(await planReport(configured('report = none'), host())).toBeUndefined();
  });

  test('says to whom it goes, and starts anew when that changes', async () => {
    const lines = ['report = weekly', 'report-hour = 23', 'report-to = a@example.org, b'];
    const plan = await planReport(configured(...lines), host());
    expect(plan?.lines).toEqual(['weekly report to a@example.org, b']);
    const other = await planReport(configured(...lines, 'report-sender = c'), host());
    expect(other?.configuration).not.toBe(plan?.configuration);
    const part = await plan?.start(() => undefined);
    expect(part?.summary).toBe('weekly report to 2 receivers');
    expect(part?.status()).toMatchObject({ trouble: null });
    await part?.stop();
  });

  test('says what is wrong with its keys: file, line, key, value and what to write', () => {
    for (const [line, fix] of [
      ['report = monthly', 'write weekly'],
      ['report-hour = 24', 'write 0 to 23'],
      ['report-to = a b@c -oQ/tmp', 'postmaster@example.org'],
      ['report-to = a\u0001', 'postmaster@example.org'],
      ['report-sender = "x"', 'postmaster@example.org'],
    ])
      expect(() => configured(line as string)).toThrow(
        new RegExp(`companion\\.conf:2[^]*${(line as string).split(' ')[0]}[^]*${fix}`),
      );
    expect(configured('report = daily', 'report-hour = 0').report).toMatchObject({ hour: 0 });
  });

  test('cannot start by a notify.conf that is wrong', async () => {
    writeFileSync(join(directory, 'notify.conf'), '[Definition]\nmailer = pigeon\n');
    const plan = await planReport(configured('report = daily'), host());
    expect(String(plan?.problem)).toContain('mailer');
  });
});
