import { describe, expect, test } from '@jest/globals';
import { INI_DIAGNOSTICS_MAX } from '../../src/core/limits.js';
import { Report } from '../../src/ini/report.js';

function fill(count: number): Report {
  const report = new Report();
  for (let i = 0; i < count; i++)
    report.add({ level: 'warning', id: 'x', message: `problem ${i}` });
  return report;
}

describe('a report', () => {
  test('says the same thing once', () => {
    const report = new Report();
    report.addAll([1, 2].map(() => ({ level: 'error' as const, id: 'x', message: 'same' })));
    expect(report.diagnostics).toHaveLength(1);
    expect(report.failed).toBe(true);
  });

  test('holds as many problems as the bound, and says how many more there were', () => {
    expect(fill(INI_DIAGNOSTICS_MAX).diagnostics).toHaveLength(INI_DIAGNOSTICS_MAX);
    const more = fill(INI_DIAGNOSTICS_MAX + 1);
    expect(more.diagnostics.at(-1)?.message).toContain('1 more');
    expect(more.failed).toBe(true);
  });
});
