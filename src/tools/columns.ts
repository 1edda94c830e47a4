/**
 * Tables. A width is what a terminal shows: two columns for a wide character, none for a mark that
 * combines. Apart from the rest of a terminal's: what knows those widths takes 3 MiB, which an
 * agent does not need.
 */
import stringWidth from 'string-width';

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
  for (const { segment } of new Intl.Segmenter().segment(text)) {
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
    // The column that went may have been wider than the excess: the rest is given back.
    for (const one of shown)
      if (excess() < 0) one.room = Math.min(natural[one.index] ?? 0, one.room - excess());
  }
  while (excess() > 0 && narrow(shown.toSorted((a, b) => b.room - a.room)[0]));
  return shown;
}
