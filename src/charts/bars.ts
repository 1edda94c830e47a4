/** Bars for comparing, and lines for growth. */
import {
  axis,
  box,
  figure,
  fill,
  frame,
  highest,
  type Ink,
  LABELS,
  place,
  RIGHT,
  seriesInk,
  stroke,
  WIDTH,
  word,
} from './svg.js';

interface Bar {
  readonly label: string;
  readonly value: number;
  /** Ours, theirs, or a physical limit: decides the colour. */
  readonly kind: 'ours' | 'theirs' | 'limit';
}

export interface BarChart {
  readonly kind: 'bars';
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
  /** Each step to the right is ten times as much. */
  readonly logarithmic?: boolean;
}

export interface LineChart {
  readonly kind: 'lines';
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly {
    readonly label: string;
    readonly points: readonly (readonly [number, number])[];
  }[];
}

/** Several bars for each of several things. */
export interface GroupChart {
  readonly kind: 'groups';
  readonly title: string;
  readonly unit: string;
  /** The whole length of a bar. */
  readonly whole: number;
  readonly series: readonly string[];
  readonly groups: readonly { readonly label: string; readonly values: readonly number[] }[];
}

const INKS: Readonly<Record<Bar['kind'], Ink>> = { ours: 'c0', theirs: 'c1', limit: 'faint' };
const ROOM = WIDTH - LABELS - RIGHT;
/** Things that a description names. */
const NAMED = 12;

export function drawBars({ title, unit, bars, logarithmic = false }: BarChart): string {
  const known = bars.filter(({ value }) => Number.isFinite(value) && value > 0);
  const most = highest(known.map(({ value }) => value));
  const least = Math.min(most, ...known.map(({ value }) => value));
  const floor = logarithmic ? 10 ** (Math.floor(Math.log10(least)) - 0.3) : 0;
  const share = (value: number) =>
    logarithmic ? Math.log(value / floor) / Math.log(most / floor) : value / most;
  const body = known.map(({ label, value, kind }, i) => {
    const y = 44 + i * 28;
    const width = Math.max(1, ROOM * share(value));
    return [
      word(LABELS - 8, y + 14, label, { anchor: 'end' }),
      box({ x: LABELS, y, width, height: 20, ink: INKS[kind] }),
      word(LABELS + width + 6, y + 14, `${figure(value)} ${unit}`),
    ].join('');
  });
  const named = known
    .slice(0, NAMED)
    .map(({ label, value }) => `${label} ${figure(value)} ${unit}`);
  return frame({
    height: 56 + known.length * 28,
    title: logarithmic ? `${title} (logarithmic)` : title,
    description: described(named, known.length),
    body: body.join(''),
  });
}

/** Both axes begin at zero, so that twice as much looks like twice as much. */
export function drawLines({ title, x, y, series }: LineChart): string {
  const points = series.flatMap((one) => one.points);
  const right = highest(points.map(([at]) => at));
  const top = highest(points.map(([, value]) => value));
  const spot = ([at, value]: readonly [number, number]) =>
    [80 + (at / right) * 520, 290 - (value / top) * 230] as const;
  const body = series.map(({ label, points: own }, i) => {
    const spots = own.map(spot);
    const dots = spots.map(
      ([cx, cy]) => `<circle cx="${place(cx)}" cy="${place(cy)}" r="3" ${fill(seriesInk(i))}/>`,
    );
    const line = spots.map(([cx, cy]) => `${place(cx)},${place(cy)}`).join(' ');
    return `<polyline points="${line}" fill="none" ${stroke(i)} stroke-width="2"/>${dots.join('')}${legend(616, 64 + i * 20, label, i)}`;
  });
  const axes = [
    axis('M80 60V290H600'),
    word(74, 64, figure(top), { anchor: 'end' }),
    word(74, 290, '0', { anchor: 'end' }),
    word(600, 308, `${figure(right)} ${x}`, { anchor: 'end' }),
    word(80, 48, y),
  ];
  const named = series.slice(0, NAMED).map(({ label, points: own }) => {
    const last = own.at(-1);
    return last === undefined ? label : `${label}: ${figure(last[1])} at ${figure(last[0])} ${x}`;
  });
  return frame({
    height: 320,
    title,
    description: described(named, series.length),
    body: axes.join('') + body.join(''),
  });
}

export function drawGroups({ title, unit, whole, series, groups }: GroupChart): string {
  const [thin, gap] = [13, 10];
  const high = series.length * thin + gap;
  const names = series.map((name, i) => legend(LABELS + i * 180, 50, name, i));
  const body = groups.map(({ label, values }, g) => {
    const top = 64 + g * high;
    const own = values.map((value, i) => {
      const width = Math.max(1, (ROOM * value) / whole);
      const y = top + i * thin;
      return [
        box({ x: LABELS, y, width, height: thin - 2, ink: seriesInk(i) }),
        word(LABELS + width + 6, y + 10, `${figure(value)} ${unit}`, { size: 'small' }),
      ].join('');
    });
    return word(LABELS - 8, top + (high - gap) / 2 + 4, label, { anchor: 'end' }) + own.join('');
  });
  const named = groups
    .slice(0, NAMED)
    .map(({ label, values }) => `${label} ${values.map(figure).join(', ')} ${unit}`);
  return frame({
    height: 72 + groups.length * high,
    title,
    description: `${series.join(', ')}. ${described(named, groups.length)}`,
    body: names.join('') + body.join(''),
  });
}

/** A dot of the series' colour and its name in ink: colours alone are too faint for words. */
function legend(x: number, y: number, name: string, series: number): string {
  return `<circle cx="${place(x + 5)}" cy="${place(y - 4)}" r="5" ${fill(seriesInk(series))}/>${word(x + 15, y, name)}`;
}

function described(named: readonly string[], all: number): string {
  if (all === 0) return 'Nothing to show.';
  const more = all - named.length;
  return `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}.`;
}
