import { describe, expect, test } from '@jest/globals';
import { bench as filter } from '../../bench/filter.js';
import { FAIL2BAN_VERSION } from '../../bench/lib/fail2ban.js';
import { median, quantile, short, whole } from '../../bench/lib/numbers.js';
import { type Result, textOf } from '../../bench/lib/result.js';
import { bench as pipeline } from '../../bench/pipeline.js';
import { bench as reading } from '../../bench/reading.js';
import { bench as worst } from '../../bench/worst.js';
import { svg } from '../../src/charts/charts.js';
import { FILTERS } from '../filters/samples.js';
import { fail2banPackage } from '../support/fail2ban.js';
import { canWrite } from '../support/journal-files.js';
import { hasCommand, needs } from '../support/require.js';

const TINY = { runs: 1, scale: 0.001, say: () => undefined };
const canRun = needs(
  canWrite[0] && hasCommand('cc') && hasCommand('journalctl'),
  'needs cc and systemd-journal-remote',
);

const beside = needs(
  'root' in fail2banPackage(FAIL2BAN_VERSION),
  "needs Debian's package fail2ban",
);

describe('the benchmarks', () => {
  canRun('reading measures every way over the same entries', async () => {
    const result = await reading(TINY);
    expect(Object.keys(result.figures).length).toBeGreaterThanOrEqual(4);
    expect(Object.values(result.figures).every((value) => value > 0)).toBe(true);
    expect(svg(result.chart)).toContain('plain C, MESSAGE');
  });

  canRun('pipeline reads, judges and replays a whole journal', async () => {
    const result = await pipeline(TINY);
    expect(result.figures['banjour entries/s']).toBeGreaterThan(0);
    expect(result.figures['replay peak MiB']).toBeGreaterThan(10);
    expect(textOf(result)).toContain('banjour replay');
  });
});

describe('the bench of the filters', () => {
  beside('finds what fail2ban finds, and says what each side was charged for', async () => {
    const result = await filter(TINY);
    const hits = (way: string) => result.tables[0]?.rows.find(([name]) => name === way)?.[6];
    const ours = hits('banjour, 3 jails at once');
    expect(Number(ours)).toBeGreaterThan(10);
    expect([hits('fail2ban-regex, as called'), hits('fail2ban-regex, first wins')]).toEqual([
      ours,
      ours,
    ]);
    expect(textOf(result)).toContain('judging alone');
  });
});

describe('the bench of the longest time', () => {
  test('has a row for every shipped filter, and a time for each way', async () => {
    const { tables, figures } = await worst(TINY);
    expect(tables[0]?.rows.map(([name]) => name)).toEqual(FILTERS);
    expect(Object.values(figures).every((ms) => ms > 0)).toBe(true);
  });
});

describe('what the benchmarks print', () => {
  const result: Result = {
    name: 'x',
    title: 'X',
    method: ['how'],
    tables: [{ title: '', columns: ['way', 'ms'], rows: [['ours', '1.5']] }],
    targets: [
      { what: 'a', wanted: '<= 2', measured: '1.5', reached: true },
      { what: 'b', wanted: '<= 1', measured: '1.5', reached: false },
    ],
    figures: {},
    chart: {
      kind: 'bars',
      title: 'a < b',
      unit: 'ms',
      bars: [{ label: '"ours" & co', value: 1.5, kind: 'ours' }],
    },
    missing: ['y: no root'],
  };

  test('tables line up, missed targets and what was not measured are named', () => {
    const text = textOf(result);
    expect(text).toContain('| way  |  ms |\n| ---- | --: |\n| ours | 1.5 |');
    expect(text).toMatch(/\| b +\| +<= 1 \| +1\.5 \| +MISSED \|/);
    expect(text).toContain('not measured: y: no root');
  });

  test('charts are well-formed whatever the labels are', () => {
    expect(svg(result.chart)).toContain('a &lt; b');
    expect(svg(result.chart)).toContain('&quot;ours&quot; &amp; co');
    const lines = svg({
      kind: 'lines',
      title: 't',
      x: 'n',
      y: 's',
      series: [
        {
          label: 'l',
          points: [
            [1, 2],
            [3, 4],
          ],
        },
      ],
    });
    // Two points, and one that names the line.
    expect(lines.match(/<circle/g)).toHaveLength(3);
  });

  test('statistics are the usual ones', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(quantile([1, 2, 3, 4], 0.99)).toBe(4);
    expect([short(0.12345), short(12.345), short(1234.5), short(0)]).toEqual([
      '0.123',
      '12.3',
      '1235',
      '0',
    ]);
    expect(whole(1_234_567.4)).toBe('1,234,567');
  });
});
