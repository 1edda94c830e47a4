import { describe, expect, test } from '@jest/globals';
import { CoverageReport } from '../../../src/agent/probe/coverage.js';
import { WARNINGS_MAX } from '../../../src/core/limits.js';
import { sourceId } from '../../../src/core/names.js';
import { epochMicros } from '../../../src/core/time.js';

const NOW = epochMicros(1_795_000_000_000_000);

describe('what probes found', () => {
  test.each([WARNINGS_MAX, WARNINGS_MAX + 1])(
    'of %i problems no more are told than the bound says',
    (count) => {
      const record = new CoverageReport();
      const report = Array.from({ length: count }, (_, i) => ({
        id: sourceId(`directory:/${i}`),
        jails: [],
        lagEntries: null,
        suppressed: [],
        problem: 'no permission',
      }));
      record.take(report, false, NOW);
      const setup = { jails: [] } as unknown as Parameters<CoverageReport['warnings']>[0];
      expect(record.warnings(setup, NOW)).toHaveLength(WARNINGS_MAX);
    },
  );
});
