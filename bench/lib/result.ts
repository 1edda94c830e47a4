/**
 * What every benchmark hands back: tables for people, figures for programs, targets with the
 * verdict, one chart.
 */
import type { Chart } from '../../src/charts/charts.js';
import { short } from './numbers.js';

export interface Table {
  readonly title: string;
  /** The first column is left-aligned, the others are right-aligned. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly reached: boolean;
}

export interface Result {
  readonly name: string;
  readonly title: string;
  /** How it was measured, a line each. */
  readonly method: readonly string[];
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
  /** Every number, by a name that stays the same from run to run. */
  readonly figures: Readonly<Record<string, number>>;
  readonly chart: Chart;
  /** What could not be measured here, and why. */
  readonly missing: readonly string[];
}

export interface BenchOptions {
  /** Times that each way is measured; the median counts. */
  readonly runs: number;
  /** Scale of everything that is counted: 1 is the full size, 0.001 a trial. */
  readonly scale: number;
  /** A line about what happens now. */
  readonly say: (line: string) => void;
}

/** `count` at the scale, at least `least`. */
export function scaled(options: BenchOptions, count: number, least = 1): number {
  return Math.max(least, Math.round(count * options.scale));
}

/** The target that a value is no more than `most`. */
export function atMost(what: string, value: number, most: number, unit: string): Target {
  return {
    what,
    wanted: `<= ${most} ${unit}`,
    measured: `${short(value)} ${unit}`,
    reached: value <= most,
  };
}

/** The tables and targets as text of a terminal or a Markdown page. */
export function textOf({ title, method, tables, targets, missing }: Result): string {
  const parts = [`## ${title}`, method.map((line) => `- ${line}`).join('\n')];
  for (const table of tables)
    parts.push(table.title === '' ? '' : `### ${table.title}`, tableText(table));
  if (targets.length > 0)
    parts.push(
      tableText({
        title: '',
        columns: ['target', 'wanted', 'measured', ''],
        rows: targets.map(({ what, wanted, measured, reached }) => [
          what,
          wanted,
          measured,
          reached ? 'reached' : 'MISSED',
        ]),
      }),
    );
  if (missing.length > 0) parts.push(missing.map((line) => `not measured: ${line}`).join('\n'));
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function tableText({ columns, rows }: Table): string {
  const widths = columns.map((column, i) =>
    Math.max(3, column.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (i === 0 ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(columns), rule, ...rows.map(line)].join('\n');
}
