/**
 * Where a command writes, and how it looks there: colour only on a terminal and never against NO_COLOR, tables that
 * fit the width, numbers and times for people. A reader that goes away (`| head`) ends the command without a word.
 */

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

/** Columns to fill; 100 where there is no terminal, or one that does not know its size (0). */
export function widthOf(stream: { readonly columns?: number }): number {
  return stream.columns || 100;
}

/** True when the stream shows colour and its reader wants it (https://no-color.org). */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Cut when the width does not suffice, before any other column is. */
  readonly shrink?: boolean;
  /** Left out when that does not suffice either; the last one first. */
  readonly optional?: boolean;
}

/** Narrower than this a column says nothing. */
const COLUMN_CHARS_MIN = 8;

/** A table with a header line that fits into `width` columns. Cells must be safe to show. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string {
  const natural = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const shown = fitted(columns, natural, width);
  const line = (cells: readonly string[]) =>
    shown
      .map(({ index, room }) => {
        const cell = cells[index] ?? '';
        const text = cell.length > room ? `${cell.slice(0, room - 1)}…` : cell;
        return columns[index]?.align === 'right' ? text.padStart(room) : text.padEnd(room);
      })
      .join('  ')
      .trimEnd();
  return `${[line(columns.map((column) => column.title)), ...rows.map(line)].join('\n')}\n`;
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
    if (column === undefined || column.room <= COLUMN_CHARS_MIN) return false;
    column.room = Math.max(COLUMN_CHARS_MIN, column.room - excess());
    return true;
  };
  for (const one of shown) if (excess() > 0 && columns[one.index]?.shrink) narrow(one);
  while (excess() > 0) {
    const last = shown.findLastIndex(({ index }) => columns[index]?.optional);
    if (last < 0) break;
    shown.splice(last, 1);
    // What went may have been more than was too much.
    for (const one of shown) if (excess() < 0) one.room = Math.min(natural[one.index] ?? 0, one.room - excess());
  }
  while (excess() > 0 && narrow(shown.toSorted((a, b) => b.room - a.room)[0]));
  return shown;
}

/** `1,234,567`. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
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
