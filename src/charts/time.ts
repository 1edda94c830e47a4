/** Charts of time: columns, a heat map of hours, and the time line of a ban. */
import { axis, box, figure, frame, highest, type Ink, place, WIDTH, word } from './svg.js';

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

/** How much in each cell of a grid: the darker, the more; four times as much is twice as dark. */
export interface Heat {
  readonly kind: 'heat';
  readonly title: string;
  readonly unit: string;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly label: string; readonly values: readonly number[] }[];
}

/**
 * The story of an address: entries that were counted, each as high as it weighs, the windows that
 * counted them, and the bans. Times are numbers of one unit.
 */
export interface TimeLine {
  readonly kind: 'timeline';
  readonly title: string;
  readonly from: number;
  readonly until: number;
  /** What stands at the two ends of the axis. */
  readonly ends: readonly [string, string];
  readonly marks: readonly {
    readonly at: number;
    readonly label: string;
    readonly weight: number;
    readonly kind: 'entry' | 'decision' | 'end';
  }[];
  readonly spans: readonly {
    readonly from: number;
    readonly until: number;
    readonly label: string;
    readonly kind: 'window' | 'ban';
  }[];
}

const LEFT = 70;
const PLOT = WIDTH - LEFT - 30;
const [TOP, BASE] = [48, 208];

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
  const total = columns.reduce((sum, { value }) => sum + (Number.isFinite(value) ? value : 0), 0);
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

const MARKS: Readonly<Record<TimeLine['marks'][number]['kind'], Ink>> = {
  entry: 'c0',
  decision: 'c1',
  end: 'c2',
};

export function drawTimeLine({ title, from, until, ends, marks, spans }: TimeLine): string {
  const length = Math.max(until - from, 1e-9);
  const spot = (at: number) => LEFT + PLOT * Math.min(1, Math.max(0, (at - from) / length));
  const most = highest(marks.map(({ weight }) => weight));
  const base = 150;
  const drawn = marks.map(({ at, label, weight, kind }) => {
    const height = kind === 'entry' ? 10 + (70 * Math.max(0, weight)) / most : 90;
    const tip = kind === 'entry' ? `${label}: ${figure(weight)}` : label;
    return box({ x: spot(at) - 1.5, y: base - height, width: 3, height, ink: MARKS[kind], tip });
  });
  const rows = spans.map(({ from: begin, until: end, label, kind }, i) => {
    const y = base + 10 + i * 24;
    const x = spot(begin);
    const width = Math.max(2, spot(end) - x);
    const ink = kind === 'ban' ? 'c1' : 'c0';
    const bar = box({ x, y, width, height: 6, ink, opacity: kind === 'ban' ? 0.9 : 0.45 });
    return bar + word(Math.min(x, WIDTH - 240), y + 18, label, { size: 'small' });
  });
  const foot = base + 34 + spans.length * 24;
  const decisions = marks.filter(({ kind }) => kind === 'decision').map(({ label }) => label);
  return frame({
    height: foot + 10,
    title,
    description: [
      `${marks.filter(({ kind }) => kind === 'entry').length} entries from ${ends[0]} to ${ends[1]}`,
      ...decisions,
      ...spans.map(({ label }) => label),
    ].join('; '),
    body: [
      axis(`M${LEFT} ${base}H${place(LEFT + PLOT)}`),
      ...drawn,
      ...rows,
      word(LEFT, foot, ends[0], { size: 'small' }),
      word(LEFT + PLOT, foot, ends[1], { anchor: 'end', size: 'small' }),
    ].join(''),
  });
}
