/**
 * A report as one HTML file: no script, nothing from elsewhere, charts as SVG within it. It reads
 * without its charts and without its style, as a mail client may show it.
 */

import { type Chart, svg } from '../../charts/charts.js';
import { escapeXml } from '../../charts/svg.js';
import { localZone } from '../../core/time.js';
import type { HostReport } from './report.js';
import {
  headOf,
  minuteOf,
  type ReportSection,
  sectionsOf,
  stepsOf,
  summaryOf,
  WEEKDAYS,
  weekOf,
} from './sections.js';

const STYLE = [
  ':root{color-scheme:light dark}',
  'body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:1.5rem auto;padding:0 1rem;color:#24292f;background:#fff}',
  'h1{font-size:1.4rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}',
  'table{border-collapse:collapse;max-width:100%;font-size:.9rem}',
  'th,td{padding:.2rem .7rem .2rem 0;text-align:left;vertical-align:top;overflow-wrap:anywhere;border-bottom:1px solid #d0d7de}',
  '.n{text-align:right;font-variant-numeric:tabular-nums}.m{color:#57606a}',
  '@media (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}th,td{border-color:#30363d}.m{color:#9aa4af}}',
].join('');

/** Characters of one cell or sentence. */
const CELL_CHARS = 2048;

/** The whole file. */
export function reportHtml(report: HostReport): string {
  const text = (words: string) => escapeXml(words, CELL_CHARS);
  const paragraph = (words: string) => `<p>${text(words)}</p>`;
  const [days, ...others] = sectionsOf(report);
  return [
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${text(headOf(report))}</title><style>${STYLE}</style></head><body>\n`,
    `<h1>${text(headOf(report))}</h1>\n<p class="m">Times: ${text(localZone())}. Made ${text(minuteOf(report.time))}.</p>\n`,
    ...summaryOf(report).map(paragraph),
    '<h2>Over time</h2>\n',
    ...chartsOf(report).map(svg),
    ...(days === undefined ? [] : [sectionHtml(days)]),
    ...others.map(sectionHtml),
    ...(report.missing.length === 0
      ? []
      : ['<h2>What is missing</h2>\n', ...report.missing.map(paragraph)]),
    '</body></html>\n',
  ].join('');
}

function sectionHtml({ title, columns, rows, nothing }: ReportSection): string {
  const text = (words: string) => escapeXml(words, CELL_CHARS);
  const head = `<h2>${text(title)}</h2>\n`;
  if (rows.length === 0) return `${head}<p class="m">${text(nothing)}</p>\n`;
  const kind = (i: number) => (columns[i]?.align === 'right' ? ' class="n" align="right"' : '');
  const names = columns.map((column, i) => `<th scope="col"${kind(i)}>${text(column.title)}</th>`);
  const body = rows.map(
    (row) => `<tr>${row.map((cell, i) => `<td${kind(i)}>${text(cell)}</td>`).join('')}</tr>\n`,
  );
  return `${head}<table><thead><tr>${names.join('')}</tr></thead>\n<tbody>${body.join('')}</tbody></table>\n`;
}

/** Columns of a chart over time: a week by the hour. */
const CHART_STEPS = 168;

/** What a report draws, in its order. */
function chartsOf(report: HostReport): Chart[] {
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
