/**
 * The time line of a ban: the entries that were counted, how their weight rose to the limit, the
 * decision, and below it the windows and the bans.
 */
import {
  axis,
  box,
  figure,
  fill,
  frame,
  highest,
  type Ink,
  place,
  stroke,
  WIDTH,
  word,
} from './svg.js';

/**
 * The story of an address: entries that were counted, each as high as it weighs, the windows that
 * counted them, the bans, and since when the kernel holds them. Times are numbers of one unit.
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
    readonly kind: 'window' | 'ban' | 'kernel';
  }[];
  /** Words on the axis between its ends. */
  readonly ticks?: readonly { readonly at: number; readonly label: string }[];
  /** How high the sum stood, and at how much the jail bans. */
  readonly level?: {
    readonly limit: number;
    readonly label: string;
    /** Each holds until the next. */
    readonly points: readonly (readonly [at: number, sum: number])[];
  };
  /** Width of the picture; absent: that of all charts. */
  readonly width?: number;
}

type Mark = TimeLine['marks'][number];

const INKS: Readonly<Record<Mark['kind'], Ink>> = { entry: 'c0', decision: 'c1', end: 'c2' };
const SPANS = {
  window: { ink: 'c0', opacity: 0.35 },
  ban: { ink: 'c1', opacity: 0.9 },
  kernel: { ink: 'c2', opacity: 0.9 },
} as const;
const [TOP, BASE, LEFT, RIGHT] = [56, 176, 44, 24];
const ROW = 28;

export function drawTimeLine(chart: TimeLine): string {
  const { title, from, until, ends, marks, spans, ticks = [], level, width = WIDTH } = chart;
  const plot = width - LEFT - RIGHT;
  const length = Math.max(until - from, 1e-9);
  const spot = (at: number) => LEFT + plot * Math.min(1, Math.max(0, (at - from) / length));
  const entries = marks.filter(({ kind }) => kind === 'entry');
  const most = highest([
    ...entries.map(({ weight }) => weight),
    ...(level === undefined ? [] : [level.limit * 1.1, ...level.points.map(([, sum]) => sum)]),
  ]);
  const rise = (value: number) => BASE - ((BASE - TOP) * Math.max(0, value)) / most;
  const rows = spans.map(({ from: begin, until: end, label, kind }, i) => {
    const y = BASE + 30 + i * ROW;
    const x = spot(begin);
    const long = Math.max(3, spot(end) - x);
    const { ink, opacity } = SPANS[kind];
    const bar = box({ x, y, width: long, height: 7, ink, opacity });
    // A word that would leave the picture ends where its bar ends.
    const isLate = x > LEFT + plot / 2;
    const words = word(isLate ? x + long : x, y + 20, label, {
      anchor: isLate ? 'end' : 'start',
      size: 'small',
    });
    return bar + words;
  });
  const decisions = marks.filter(({ kind }) => kind !== 'entry');
  const foot = BASE + 38 + spans.length * ROW;
  return frame({
    width,
    height: foot,
    title,
    description: [
      `${entries.length} entries from ${ends[0]} to ${ends[1]}`,
      ...decisions.map(({ label }) => label),
      ...spans.map(({ label }) => label),
    ].join('; '),
    body: [
      axis(`M${LEFT} ${TOP - 8}V${BASE}H${place(LEFT + plot)}`),
      word(LEFT - 6, BASE, '0', { anchor: 'end', size: 'small' }),
      ...(level === undefined ? [] : levelOf(level, spot, rise, LEFT + plot)),
      ...decisions.map((mark) => decisionOf(mark, spot(mark.at), LEFT + plot / 2)),
      ...entries.map((mark) => entryOf(mark, spot(mark.at), rise(mark.weight))),
      ...rows,
      ...ticks.map(({ at, label }) =>
        word(spot(at), BASE + 16, label, { anchor: 'middle', size: 'small' }),
      ),
      word(LEFT, BASE + 16, ends[0], { size: 'small' }),
      word(LEFT + plot, BASE + 16, ends[1], { anchor: 'end', size: 'small' }),
    ].join(''),
  });
}

/** The sum as steps, and the limit as a line across. */
function levelOf(
  { limit, label, points }: NonNullable<TimeLine['level']>,
  spot: (at: number) => number,
  rise: (value: number) => number,
  right: number,
): string[] {
  const steps = points.map(([at, sum], i) => {
    const [x, y] = [place(spot(at)), place(rise(sum))];
    return i === 0 ? `M${x} ${y}` : `H${x}V${y}`;
  });
  const y = place(rise(limit));
  return [
    `<path d="M${LEFT} ${y}H${place(right)}" fill="none" ${stroke(1)} stroke-dasharray="4 4"/>`,
    word(LEFT - 6, rise(limit) + 4, figure(limit), { anchor: 'end', size: 'small' }),
    word(LEFT + 6, rise(limit) - 6, label, { size: 'small' }),
    ...(points.length < 2
      ? []
      : [`<path d="${steps.join('')}" fill="none" ${stroke(0)} stroke-width="2"/>`]),
  ];
}

function entryOf({ label, weight, kind }: Mark, x: number, y: number): string {
  const tip = `${label}: ${figure(weight)}`;
  const stem = box({ x: x - 1, y, width: 2, height: Math.max(1, BASE - y), ink: INKS[kind], tip });
  return `${stem}<circle cx="${place(x)}" cy="${place(y)}" r="4" ${fill(INKS[kind])}/>`;
}

function decisionOf({ label, kind }: Mark, x: number, middle: number): string {
  const line = box({ x: x - 1, y: TOP - 12, width: 2, height: BASE - TOP + 12, ink: INKS[kind] });
  const isLate = x > middle;
  const words = word(isLate ? x - 6 : x + 6, TOP - 4, label, {
    anchor: isLate ? 'end' : 'start',
    ink: 'title',
    size: 'small',
  });
  return line + words;
}
