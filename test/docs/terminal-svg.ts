/**
 * A terminal's text as an SVG picture: what a program printed, with its colours, in a window of its
 * own.
 */
import { escapeXml } from '../../src/charts/svg.js';

/** Pixels of one character cell, of the window's rim, and of its title bar. */
const CELL = { width: 7.8, height: 18 } as const;
const RIM = 16;
const BAR = 34;
const COLOURS: Readonly<Record<string, string>> = {
  '31': '#ff7b72',
  '32': '#7ee787',
  '33': '#e3b341',
  '34': '#79c0ff',
  '35': '#d2a8ff',
  '36': '#76e3ea',
};

interface Run {
  readonly text: string;
  readonly column: number;
  readonly style: string;
}

/** Wider lines go on in the next one, as on a terminal. */
const COLUMNS_MAX = 110;

/** The picture of `text` (which may hold SGR sequences) under the command line that printed it. */
export function terminalSvg(command: string, text: string): string {
  const lines = text.replace(/\s+$/, '').split('\n').flatMap(wrapped).map(runsOf);
  const columns = Math.max(
    command.length + 2,
    ...lines.map((runs) => runs.reduce((sum, run) => sum + run.text.length, 0)),
  );
  const width = Math.ceil(columns * CELL.width + 2 * RIM);
  const height = BAR + (lines.length + 1) * CELL.height + RIM;
  const body = [[{ text: `$ ${command}`, column: 0, style: ' fill="#7ee787"' }], ...lines]
    .map((runs, row) => runs.map((run) => draw(run, BAR + (row + 1) * CELL.height - 4)).join(''))
    .join('\n');
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map(
    (colour, i) => `<circle cx="${RIM + 6 + i * 18}" cy="16" r="5.5" fill="${colour}"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(command)}">
<style>text{font:13px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#c9d1d9;white-space:pre}</style>
<rect width="${width}" height="${height}" rx="8" fill="#161b22" stroke="#30363d"/>${dots.join('')}
${body}
</svg>
`;
}

/**
 * The words that a picture shows, in one line; digits and the number of blanks are masked, since
 * they differ by run.
 */
export function wordsOf(svg: string): string {
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => text);
  return texts
    .join(' ')
    .replace(/\d+(?:[.,]\d+)*/g, '0')
    .replace(/\s+/g, ' ');
}

/**
 * A plain line in pieces that fit; one with colours is left whole, since only short lines have
 * them.
 */
function wrapped(line: string): string[] {
  return line.includes('\x1b') || line === ''
    ? [line]
    : (line.match(new RegExp(`.{1,${COLUMNS_MAX}}`, 'gu')) ?? []);
}

/** A line in parts of one style each. */
function runsOf(line: string): Run[] {
  const runs: Run[] = [];
  let style = '';
  let column = 0;
  for (const [part] of line.matchAll(/\x1b\[[\d;]*m|[^\x1b]+/g)) {
    if (part.startsWith('\x1b')) style = styleOf(part.slice(2, -1), style);
    else {
      if (part.trim() !== '') runs.push({ text: part, column, style });
      column += part.length;
    }
  }
  return runs;
}

function styleOf(codes: string, before: string): string {
  let style = before;
  for (const code of codes === '' ? ['0'] : codes.split(';')) {
    if (code === '0') style = '';
    else if (code === '1') style += ' font-weight="700"';
    else if (code === '2') style += ' opacity="0.65"';
    else if (COLOURS[code] !== undefined) style += ` fill="${COLOURS[code]}"`;
  }
  return style;
}

/** `textLength` keeps columns in line whatever font is found. */
function draw({ text, column, style }: Run, y: number): string {
  const x = (RIM + column * CELL.width).toFixed(1);
  const length = (text.length * CELL.width).toFixed(1);
  return `<text x="${x}" y="${y}" textLength="${length}"${style}>${escapeXml(text)}</text>`;
}
