/**
 * Where a command writes, and how it looks there: tables, colour only on a terminal and never
 * against NO_COLOR, numbers and times for people. A reader that goes away (`| head`) ends the
 * command without a word.
 */
import stringWidth from 'string-width';

// Tables. A width is what a terminal shows: two columns for a wide character, none for a mark that
// combines.

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Columns at most where the width has an end. */
  readonly widest?: number;
  /** Cut when the width does not suffice, before any other column is. */
  readonly shrink?: boolean;
  /** Left out when that does not suffice either; the last one first. */
  readonly optional?: boolean;
}

/** Narrower than this a column says nothing. */
const COLUMN_WIDTH_MIN = 8;

const graphemes = new Intl.Segmenter();

/**
 * A table with a header line that fits into `width` columns; with an infinite width nothing is cut
 * or left out. Cells must be safe to show.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const natural = columns.map(({ title, widest = Number.POSITIVE_INFINITY }, index) => {
    const most = rows.reduce(
      (so, row) => Math.max(so, stringWidth(row[index] ?? '')),
      stringWidth(title),
    );
    return Number.isFinite(width) ? Math.min(most, widest) : most;
  });
  const shown = fitted(columns, natural, width);
  const line = (cells: readonly string[]) =>
    shown
      .map(({ index, room }) => padded(cut(cells[index] ?? '', room), room, columns[index]?.align))
      .join('  ')
      .trimEnd();
  return `${[line(columns.map((column) => column.title)), ...rows.map(line)].join('\n')}\n`;
}

/** Fills the text up to `width` columns. */
export function padded(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const blanks = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return align === 'right' ? `${blanks}${text}` : `${text}${blanks}`;
}

/**
 * The text, or as much of it as fits into `width` columns with an ellipsis behind. No character is
 * cut in two.
 */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += stringWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Which columns are shown, and how wide. */
function fitted(
  columns: readonly Column[],
  natural: readonly number[],
  width: number,
): { index: number; room: number }[] {
  const shown = columns.map((_, index) => ({ index, room: natural[index] ?? 0 }));
  const excess = () => shown.reduce((sum, { room }) => sum + room, 2 * (shown.length - 1)) - width;
  const narrow = (column: { room: number } | undefined) => {
    if (column === undefined || column.room <= COLUMN_WIDTH_MIN) return false;
    column.room = Math.max(COLUMN_WIDTH_MIN, column.room - excess());
    return true;
  };
  for (const one of shown) if (excess() > 0 && columns[one.index]?.shrink) narrow(one);
  while (excess() > 0) {
    const last = shown.findLastIndex(({ index }) => columns[index]?.optional);
    if (last < 0) break;
    shown.splice(last, 1);
    // What went may have been more than was too much.
    for (const one of shown)
      if (excess() < 0) one.room = Math.min(natural[one.index] ?? 0, one.room - excess());
  }
  while (excess() > 0 && narrow(shown.toSorted((a, b) => b.room - a.room)[0]));
  return shown;
}

export interface Terminal {
  /** Standard output: answers. One call is one or more whole lines. */
  out(text: string): void;
  /** Standard error: what went wrong, progress, log. */
  err(text: string): void;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: NodeJS.ProcessEnv;
}

/** The process's own terminal. Ends the process quietly when nobody reads its output any more. */
export function processTerminal(): Terminal {
  const quiet = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  };
  process.stdout.on('error', quiet);
  process.stderr.on('error', quiet);
  return {
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
  };
}

/**
 * Columns to fill with a chart, or with running text; 100 where there is no terminal, or one that
 * does not know its size (0).
 */
export function widthOf(stream: { readonly columns?: number }): number {
  return stream.columns || 100;
}

/**
 * Columns that a table may take: those of the terminal. A file or another program gets it whole.
 */
export function tableWidth(stream: {
  readonly isTTY?: boolean;
  readonly columns?: number;
}): number {
  return stream.isTTY === true ? widthOf(stream) : Number.POSITIVE_INFINITY;
}

/** True when the stream shows colour and its reader wants it (https://no-color.org). */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

/** `45s`, `10m`, `1h 30m`, `2d 4h`: at most two units. */
export function formatLength(seconds: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ];
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0s' : parts.join(' ');
}

/** `2026-11-21 18:50:38` in the local time zone; `zone()` names it. */
export function formatTime(iso: string): string {
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}

/** The local time zone, e.g. `Europe/Berlin`. */
export function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
