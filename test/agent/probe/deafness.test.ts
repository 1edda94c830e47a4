import { describe, expect, test } from '@jest/globals';
import { CoverageReport } from '../../../src/agent/probe/coverage.js';
import { COVERAGE_REMEMBERED_MAX } from '../../../src/core/limits.js';
import { parseMatch, WHOLE_JOURNAL } from '../../../src/core/match.js';
import { mustJailName, sourceId } from '../../../src/core/names.js';
import { WARNINGS_MAX } from '../../../src/core/service-limits.js';
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

  test.each([
    [COVERAGE_REMEMBERED_MAX - 1, 1],
    [COVERAGE_REMEMBERED_MAX, 0],
  ])('after %i programs that no jail reads so many more are remembered: %i', (count, more) => {
    const record = new CoverageReport();
    const origin = (i: number) => ({ unit: `u${i}.service`, identifier: 'x', failures: 1 });
    const found = (jail: string, from: number, to: number) => ({
      id: sourceId('local'),
      jails: [
        {
          jail: mustJailName(jail),
          selects: true,
          elsewhere: Array.from({ length: to - from }, (_, i) => origin(from + i)),
        },
      ],
      lagEntries: null,
      suppressed: [],
    });
    record.take([found('first', 0, count), found('second', 0, 1)], false, NOW);
    const setup = {
      jails: [{ intake: { jail: 'second', match: WHOLE_JOURNAL } }],
    } as unknown as Parameters<CoverageReport['warnings']>[0];
    expect(record.warnings(setup, NOW)).toHaveLength(more);
  });

  test.each([
    [COVERAGE_REMEMBERED_MAX - 1, 1],
    [COVERAGE_REMEMBERED_MAX, 0],
  ])('after %i units with suppressed messages so many more are remembered: %i', (count, more) => {
    const record = new CoverageReport();
    const take = (names: readonly string[]) => {
      const suppressed = names.map((unit) => ({ unit, messages: 1 }));
      const report = [{ id: sourceId('local'), jails: [], lagEntries: null, suppressed }];
      record.take(report, false, NOW);
    };
    take(Array.from({ length: count }, (_, i) => `u${i}.service`));
    take(['late.service']);
    const match = parseMatch('_SYSTEMD_UNIT=late.service').expression;
    const setup = { jails: [{ intake: { jail: 'jail', match } }] } as unknown as Parameters<
      CoverageReport['warnings']
    >[0];
    expect(record.warnings(setup, NOW)).toHaveLength(more);
  });
});
