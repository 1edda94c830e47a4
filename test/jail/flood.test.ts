import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { TRACKED_ADDRESSES_MAX } from '../../src/core/limits.js';

describe('a million addresses that fail once each', () => {
  test('stay within 256 MiB, and the attackers among them are still caught', () => {
    const flood = new URL('./flood.js', import.meta.url).pathname;
    const report = JSON.parse(
      execFileSync(process.execPath, [flood], { encoding: 'utf8', timeout: 120_000 }),
    );
    expect(report.rssMiB).toBeLessThanOrEqual(256);
    expect(report.stats.tracked).toBe(TRACKED_ADDRESSES_MAX);
    expect(report.banned).toEqual(Array.from({ length: 20 }, (_, i) => `192.0.2.${i}`).sort());
  }, 120_000);
});
