/** Charts of time: columns, columns of several parts, a heat map of hours. */
import {
  axis,
  box,
  figure,
  frame,
  highest,
  type Ink,
  place,
  seriesInk,
  WIDTH,
  word,
} from './svg.js';

/** One column per step of time. */
export interface Columns {
  readonly kind: 'columns';
  readonly title: string;
  readonly unit: string;
  readonly columns: readonly { readonly label: string; readonly value: number }[];
  /** Columns under which a word stands. */
  readonly ticks: readonly { readonly column: number; readonly label: string }[];
  /** The colour; absent: the first of the series. */
  readonly ink?: Ink;
}

/** Columns of several parts that stand on one another. */
export interface StackChart {
  readonly kind: 'stack';
  readonly title: string;
  readonly unit: string;
  /** What the parts are called, lowest first. */
  readonly series: readonly string[];
  /** A value for each of the series. */
  readonly columns: readonly { readonly label: string; readonly values: readonly number[] }[];
  /** Columns under which a word stands. */
  readonly ticks: readonly { readonly column: number; readonly label: string }[];
  /** Width of the picture; absent: that of all charts. */
  readonly width?: number;
  /** Height of the highest column; absent: 160. */
  readonly height?: number;
}

/** How much in each cell of a grid: the darker, the more; four times as much is twice as dark. */
export interface Heat {
  readonly kind: 'heat';
  readonly title: string;
  readonly unit: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly label: string; readonly values: readonly number[] }[];
}

const LEFT = 70;
const PLOT = WIDTH - LEFT - 30;
const [TOP, BASE] = [48, 208];
/** Room for a word under a column. */
const TICK = 72;

export function drawColumns({ title, unit, columns, ticks, ink = 'c0' }: Columns): string {
  const most = highest(columns.map(({ value }) => value));
  const step = PLOT / Math.max(1, columns.length);
  const bars = columns.flatMap(({ label, value }, i) => {
    if (!(value > 0)) return [];
    const height = Math.max(1, ((BASE - TOP) * value) / most);
    const width = Math.max(0.5, step - Math.min(1.5, step / 4));
    const tip = `${label}: ${figure(value)} ${unit}`;
    return box({ x: LEFT + i * step, y: BASE - height, width, height, ink, tip });
  });
  const words = ticks.map(({ column, label }) =>
    word(LEFT + column * step, BASE + 18, label, { size: 'small' }),
  );
  const total = sumOf(columns.map(({ value }) => value));
  const peak = columns.reduce<(typeof columns)[number] | undefined>(
    (so, one) => (so === undefined || one.value > so.value ? one : so),
    undefined,
  );
  const body = [
    axis(`M${LEFT} ${TOP}V${BASE}H${WIDTH - 30}`),
    word(LEFT - 6, TOP + 8, total > 0 ? figure(most) : '', { anchor: 'end' }),
    word(LEFT - 6, BASE, '0', { anchor: 'end' }),
    ...bars,
    ...words,
  ];
  return frame({
    height: BASE + 32,
    title,
    description:
      peak === undefined || total === 0
        ? `No ${unit}.`
        : `${figure(total)} ${unit} in all, the most ${figure(peak.value)} at ${peak.label}.`,
    body: body.join(''),
  });
}

export function drawStack(chart: StackChart): string {
  const { title, unit, series, columns, ticks, width = WIDTH, height: high = BASE - TOP } = chart;
  const totals = columns.map(({ values }) => sumOf(values));
  const most = highest(totals);
  const [left, base] = [44, TOP + high];
  const step = (width - left - 8) / Math.max(1, columns.length);
  const bars = columns.flatMap(({ label, values }, i) => {
    let y = base;
    return values.flatMap((value, part) => {
      if (!(value > 0)) return [];
      const height = Math.max(1, (high * value) / most);
      y -= height;
      const at = { x: left + i * step, y, width: Math.max(0.5, step - 1.5), height };
      const tip = `${label}: ${figure(value)} ${unit}, ${series[part] ?? ''}`;
      return box({ ...at, ink: seriesInk(part), tip });
    });
  });
  const words = ticks.map(({ column, label }) => {
    const x = left + column * step;
    // A word that would leave the picture ends with its last column.
    const isLast = x > width - TICK;
    const anchor = isLast ? 'end' : 'start';
    return word(isLast ? width - 8 : x, base + 18, label, { anchor, size: 'small' });
  });
  const total = sumOf(totals);
  const peak = Math.max(0, ...totals);
  const where = columns[totals.indexOf(peak)]?.label ?? '';
  return frame({
    width,
    height: base + 28,
    title,
    description:
      total > 0
        ? `${figure(total)} ${unit} in all, the most ${figure(peak)} at ${where}. ${series.join(', ')}.`
        : `No ${unit}.`,
    body: [
      axis(`M${left} ${TOP - 4}V${base}H${place(width - 8)}`),
      word(left - 6, TOP + 6, total > 0 ? figure(most) : '', { anchor: 'end', size: 'small' }),
      word(left - 6, base, '0', { anchor: 'end', size: 'small' }),
      ...bars,
      ...words,
    ].join(''),
  });
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + (Number.isFinite(value) ? value : 0), 0);
}

export function drawHeat({ title, unit, columns, rows }: Heat): string {
  const most = highest(rows.flatMap(({ values }) => values));
  const step = PLOT / Math.max(1, columns.length);
  const heads = columns.map((label, i) =>
    word(LEFT + i * step + step / 2, TOP, label, { anchor: 'middle', size: 'small' }),
  );
  let peak = { value: 0, where: '' };
  const cells = rows.map(({ label, values }, row) => {
    const y = TOP + 8 + row * 24;
    const own = values.map((value, i) => {
      const where = `${label} ${columns[i] ?? ''}`;
      if (value > peak.value) peak = { value, where };
      const at = { x: LEFT + i * step, y, width: Math.max(1, step - 2), height: 22 };
      if (!(value > 0)) return box({ ...at, ink: 'empty' });
      const tip = `${where}: ${figure(value)} ${unit}`;
      return box({ ...at, ink: 'c1', opacity: 0.1 + 0.9 * Math.sqrt(value / most), tip });
    });
    return word(LEFT - 8, y + 15, label, { anchor: 'end' }) + own.join('');
  });
  return frame({
    height: TOP + 20 + rows.length * 24,
    title,
    description:
      peak.value > 0 ? `The most ${unit}: ${figure(peak.value)}, ${peak.where}.` : `No ${unit}.`,
    body: heads.join('') + cells.join(''),
  });
}
