/** A report for the terminal. */
import { localZone } from '../../core/time.js';
import { formatTable } from '../columns.js';
import type { HostReport } from './report.js';
import { headOf, minuteOf, sectionsOf, stepsOf, summaryOf, WEEKDAYS, weekOf } from './sections.js';

const BLOCKS = ' ▁▂▃▄▅▆▇█';
const SHADES = '·░▒▓█';

/** The text, in lines that fit into `width` columns as far as tables can. */
export function reportText(report: HostReport, width: number): string {
  const lines = [`${headOf(report)}  (times: ${localZone()})`, '', ...summaryOf(report), ''];
  lines.push(...overTime(report, width), '', ...heatOf(report), '');
  for (const { title, columns, rows, nothing } of sectionsOf(report)) {
    lines.push(`${title}:`);
    if (rows.length === 0) lines.push(`  ${nothing}`, '');
    else {
      const table = formatTable(
        columns.map(({ title: name, align }, i) => ({
          title: name,
          ...(align === undefined ? { shrink: i > 0, widest: 80 } : { align, optional: i > 4 }),
        })),
        rows,
        width,
      );
      lines.push(table.trimEnd(), '');
    }
  }
  if (report.missing.length > 0)
    lines.push('What is missing:', ...report.missing.map((one) => `  ${one}`), '');
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Two rows of blocks: attempts and bans, each as high as its own most. */
function overTime(report: HostReport, width: number): string[] {
  const room = Math.max(20, Math.min(Number.isFinite(width) ? width : 100, 180) - 12);
  const { hours, steps } = stepsOf(report, room);
  const row = (name: string, values: readonly number[]) => {
    const most = Math.max(1, ...values);
    const blocks = values.map(
      (value) => BLOCKS[value === 0 ? 0 : Math.max(1, Math.round((8 * value) / most))],
    );
    return `${name.padEnd(10)}${blocks.join('')}`.trimEnd();
  };
  const most = (values: readonly number[]) => Math.max(0, ...values);
  const attempts = steps.map((step) => step.attempts);
  const bans = steps.map((step) => step.bans);
  const [first, last] = [minuteOf(report.since), minuteOf(report.until)];
  return [
    `Over time, ${hours === 1 ? 'by the hour' : `${hours} hours each`} (most: ${most(attempts)} attempts, ${most(bans)} bans):`,
    row('Attempts', attempts),
    row('Bans', bans),
    `${' '.repeat(10)}${first}${last.padStart(Math.max(last.length + 1, steps.length - first.length))}`,
  ];
}

function heatOf(report: HostReport): string[] {
  const week = weekOf(report);
  const most = Math.max(1, ...week.flat());
  const cell = (value: number) =>
    SHADES[value === 0 ? 0 : Math.max(1, Math.ceil(4 * Math.sqrt(value / most)))] ?? '';
  return [
    'Attempts by hour of the day:',
    `     ${Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0')).join(' ')}`,
    ...WEEKDAYS.map(
      (day, i) => `${day}  ${(week[i] ?? []).map((n) => cell(n).repeat(2)).join(' ')}`,
    ),
  ];
}
