/**
 * Charts as SVG, made here: bars for comparing, lines for growth. Readable on light and dark pages.
 */

interface Bar {
  readonly label: string;
  readonly value: number;
  /** Ours, theirs, or a physical limit: decides the colour. */
  readonly kind: 'ours' | 'theirs' | 'limit';
}

interface Bars {
  readonly kind: 'bars';
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
  /** Each step to the right is ten times as much. */
  readonly logarithmic?: boolean;
}

interface Lines {
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
interface Groups {
  readonly kind: 'groups';
  readonly title: string;
  readonly unit: string;
  /** The whole length of a bar. */
  readonly whole: number;
  readonly series: readonly string[];
  readonly groups: readonly { readonly label: string; readonly values: readonly number[] }[];
}

export type Chart = Bars | Lines | Groups;

const WIDTH = 860;
const LABELS = 330;
const RIGHT = 110;
const COLOURS = { ours: '#2a78c8', theirs: '#c8612a', limit: '#7d8794' } as const;
const SERIES = ['#2a78c8', '#c8612a', '#3b9a5c', '#8b5fc0', '#b08a1e', '#c2407a'] as const;
const STYLE =
  '<style>text{font:13px system-ui,sans-serif;fill:#57606a}.t{font-size:15px;font-weight:600}.a{stroke:#9aa4af;stroke-width:1}</style>';

export function svg(chart: Chart): string {
  if (chart.kind === 'groups') return groups(chart);
  return chart.kind === 'bars' ? bars(chart) : lines(chart);
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function frame(height: number, title: string, body: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeXml(title).replaceAll('"', '&quot;')}">${STYLE}<text class="t" x="10" y="24">${escapeXml(title)}</text>${body}</svg>\n`;
}

function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

function bars({ title, unit, bars: all, logarithmic = false }: Bars): string {
  const known = all.filter(({ value }) => Number.isFinite(value) && value > 0);
  const highest = Math.max(...known.map(({ value }) => value));
  const floor = logarithmic
    ? 10 ** (Math.floor(Math.log10(Math.min(...known.map(({ value }) => value)))) - 0.3)
    : 0;
  const room = WIDTH - LABELS - RIGHT;
  const length = (value: number) =>
    Math.max(
      1,
      room * (logarithmic ? Math.log(value / floor) / Math.log(highest / floor) : value / highest),
    );
  const body = known.map(({ label, value, kind }, i) => {
    const y = 44 + i * 28;
    return `<text x="${LABELS - 8}" y="${y + 14}" text-anchor="end">${escapeXml(label)}</text><rect x="${LABELS}" y="${y}" width="${length(value).toFixed(1)}" height="20" rx="2" fill="${COLOURS[kind]}"/><text x="${(LABELS + length(value) + 6).toFixed(1)}" y="${y + 14}">${number(value)} ${escapeXml(unit)}</text>`;
  });
  return frame(
    56 + known.length * 28,
    logarithmic ? `${title} (logarithmic)` : title,
    body.join(''),
  );
}

/** Both axes begin at zero, so that twice as much looks like twice as much. */
function lines({ title, x, y, series }: Lines): string {
  const points = series.flatMap((one) => one.points);
  const right = Math.max(...points.map(([at]) => at), 1e-9);
  const top = Math.max(...points.map(([, value]) => value), 1e-9);
  const place = ([at, value]: readonly [number, number]) =>
    `${(80 + (at / right) * 520).toFixed(1)},${(290 - (value / top) * 230).toFixed(1)}`;
  const body = series.map(({ label, points: own }, i) => {
    const colour = SERIES[i % SERIES.length];
    const dots = own.map((point) => {
      const [cx, cy] = place(point).split(',');
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`;
    });
    return `<polyline points="${own.map(place).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}<text x="616" y="${64 + i * 20}" style="fill:${colour}">${escapeXml(label)}</text>`;
  });
  const axes = `<path class="a" d="M80 60V290H600" fill="none"/><text x="74" y="64" text-anchor="end">${number(top)}</text><text x="74" y="290" text-anchor="end">0</text><text x="600" y="308" text-anchor="end">${number(right)} ${escapeXml(x)}</text><text x="80" y="48">${escapeXml(y)}</text>`;
  return frame(320, title, axes + body.join(''));
}

function groups({ title, unit, whole, series, groups: all }: Groups): string {
  const [thin, gap] = [13, 10];
  const high = series.length * thin + gap;
  const room = WIDTH - LABELS - RIGHT;
  const colour = (i: number) => SERIES[i % SERIES.length];
  const names = series.map(
    (name, i) =>
      `<text x="${LABELS + i * 180}" y="50" style="fill:${colour(i)}">${escapeXml(name)}</text>`,
  );
  const body = all.map(({ label, values }, g) => {
    const top = 64 + g * high;
    const own = values.map((value, i) => {
      const length = Math.max(1, (room * value) / whole);
      const y = top + i * thin;
      return `<rect x="${LABELS}" y="${y}" width="${length.toFixed(1)}" height="${thin - 2}" fill="${colour(i)}"/><text x="${(LABELS + length + 6).toFixed(1)}" y="${y + 10}" style="font-size:11px">${number(value)} ${escapeXml(unit)}</text>`;
    });
    return `<text x="${LABELS - 8}" y="${top + (high - gap) / 2 + 4}" text-anchor="end">${escapeXml(label)}</text>${own.join('')}`;
  });
  return frame(72 + all.length * high, title, names.join('') + body.join(''));
}
