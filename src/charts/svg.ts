/**
 * What every chart is drawn with: escaped text, colours for light and dark pages, the frame with
 * its title and description. Nothing here is read from anywhere: a chart is a text made from its
 * data.
 *
 * Colours stand twice, as an attribute and as a custom property: a page or a mail client that
 * takes the style away shows the light ones.
 */
import { escapeUntrusted } from '../core/text.js';

/** Width of every chart, in the units of its view box. */
export const WIDTH = 860;
/** Where the bars of charts with words at their left begin, and the room at their right. */
export const LABELS = 330;
export const RIGHT = 110;
/** Characters of a word in a chart. */
const LABEL_CHARS = 120;

const LIGHT = {
  ink: '#57606a',
  title: '#24292f',
  faint: '#9aa4af',
  empty: '#e7eaee',
  c0: '#2a78c8',
  c1: '#c8612a',
  c2: '#3b9a5c',
  c3: '#8b5fc0',
  c4: '#b08a1e',
  c5: '#c2407a',
} as const;
const DARK: Readonly<Record<Ink, string>> = {
  ink: '#b3bcc6',
  title: '#e6edf3',
  faint: '#6e7681',
  empty: '#2b323b',
  c0: '#5aa2ec',
  c1: '#ea8a55',
  c2: '#5fc486',
  c3: '#b18ce6',
  c4: '#d6b14a',
  c5: '#e879a8',
};

/** A colour by its use: `ink` of words, `faint` of axes, `empty` of nothing, `c0`... of series. */
export type Ink = keyof typeof LIGHT;

const SERIES = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'] as const;

/** The colour of a series by its number. */
export function seriesInk(index: number): Ink {
  return SERIES[index % SERIES.length] as Ink;
}

/** The rules of all charts: for a page that takes no style from within a chart. */
export const CHART_STYLE = style();

function style(): string {
  const properties = (colours: Readonly<Record<Ink, string>>) =>
    Object.entries(colours)
      .map(([name, colour]) => `--${name}:${colour}`)
      .join(';');
  const inks = Object.keys(LIGHT).map((name) => `.chart .f-${name}{fill:var(--${name})}`);
  return [
    `.chart{${properties(LIGHT)};max-width:100%;height:auto}`,
    `@media (prefers-color-scheme:dark){.chart{${properties(DARK)}}}`,
    '.chart text{font:13px system-ui,sans-serif}.chart .t{font-size:15px;font-weight:600}',
    '.chart .s{font-size:11px}.chart .a{stroke:var(--faint)}',
    ...inks,
    ...SERIES.map((name) => `.chart .s-${name}{stroke:var(--${name})}`),
  ].join('');
}

/** Any text as the content of an element or an attribute's value, strangers' too. */
export function escapeXml(text: string, charsMax = LABEL_CHARS): string {
  return escapeUntrusted(text, charsMax)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
    .replace(/[\ufdd0-\ufdef\ufffe\uffff]/g, '\ufffd');
}

/** `fill` of an element, on light and dark pages. */
export function fill(ink: Ink): string {
  return `class="f-${ink}" fill="${LIGHT[ink]}"`;
}

/** `stroke` of an element, on light and dark pages. */
export function stroke(series: number): string {
  const ink = seriesInk(series);
  return `class="s-${ink}" stroke="${LIGHT[ink]}"`;
}

export interface WordOptions {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly ink?: Ink;
  readonly size?: 'title' | 'small';
}

/** A piece of text; escaped here. */
export function word(x: number, y: number, text: string, options: WordOptions = {}): string {
  const { anchor = 'start', ink = 'ink', size } = options;
  const classes = [`f-${ink}`, ...(size === undefined ? [] : [size === 'title' ? 't' : 's'])];
  const at = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${place(x)}" y="${place(y)}"${at} class="${classes.join(' ')}" fill="${LIGHT[ink]}">${escapeXml(text)}</text>`;
}

export interface BoxOptions {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly ink: Ink;
  /** From 0 to 1; absent: 1. */
  readonly opacity?: number;
  /** What a pointer that rests on it is told. */
  readonly tip?: string;
}

/** A filled rectangle. */
export function box({ x, y, width, height, ink, opacity, tip }: BoxOptions): string {
  const faded = opacity === undefined ? '' : ` fill-opacity="${Number(opacity.toFixed(2))}"`;
  const inner = tip === undefined ? '/>' : `><title>${escapeXml(tip)}</title></rect>`;
  return `<rect x="${place(x)}" y="${place(y)}" width="${place(width)}" height="${place(height)}" ${fill(ink)}${faded}${inner}`;
}

/** A line of an axis. */
export function axis(path: string): string {
  return `<path class="a" d="${path}" fill="none" stroke="${LIGHT.faint}"/>`;
}

/** A coordinate, as short as it can be said. */
export function place(value: number): string {
  return String(Number(value.toFixed(1)));
}

export interface FrameOptions {
  /** Absent: that of all charts. */
  readonly width?: number | undefined;
  readonly height: number;
  readonly title: string;
  /** What the chart shows, in a sentence with its figures, for those who cannot see it. */
  readonly description: string;
  readonly body: string;
}

/** The picture: a role, a title and a description for screen readers, then what was drawn. */
export function frame(options: FrameOptions): string {
  const { width = WIDTH, height, title, description, body } = options;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${place(width)} ${place(height)}" width="${place(width)}" height="${place(height)}" role="img">`,
    `<title>${escapeXml(title)}</title><desc>${escapeXml(description, 600)}</desc><style>${CHART_STYLE}</style>`,
    word(10, 24, title, { ink: 'title', size: 'title' }),
    body,
    '</svg>\n',
  ].join('');
}

/** A number for people: three digits, or whole with separators. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

/** The highest of some numbers, and never so little that one cannot divide by it. */
export function highest(values: readonly number[]): number {
  return values.reduce((so, value) => (Number.isFinite(value) ? Math.max(so, value) : so), 1e-9);
}
