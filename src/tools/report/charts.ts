/** The charts of a report: attempts and bans over time, and the hours of a week. */
import type { Chart } from '../../charts/charts.js';
import type { HostReport } from './report.js';
import { minuteOf, stepsOf, WEEKDAYS, weekOf } from './sections.js';

/** Columns of a chart over time: a week by the hour. */
const CHART_STEPS = 168;

/** What a report draws, in its order. */
export function chartsOf(report: HostReport): Chart[] {
  const { hours, steps } = stepsOf(report, CHART_STEPS);
  const every = Math.max(1, Math.ceil(steps.length / 7));
  const ticks = steps.flatMap(({ time }, column) =>
    column % every === 0 ? [{ column, label: minuteOf(time) }] : [],
  );
  const columnsOf = (which: 'attempts' | 'bans') =>
    steps.map((step) => ({ label: minuteOf(step.time), value: step[which] }));
  const each = hours === 1 ? 'by the hour' : `${hours} hours each`;
  const week = weekOf(report);
  return [
    {
      kind: 'columns',
      title: `Failed attempts, ${each}`,
      unit: 'attempts',
      columns: columnsOf('attempts'),
      ticks,
    },
    {
      kind: 'columns',
      title: `Bans, ${each}`,
      unit: 'bans',
      columns: columnsOf('bans'),
      ticks,
      ink: 'c1',
    },
    {
      kind: 'heat',
      title: 'Attempts by hour of the day',
      unit: 'attempts',
      columns: Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0')),
      rows: WEEKDAYS.map((label, i) => ({ label, values: week[i] ?? [] })),
    },
  ];
}
