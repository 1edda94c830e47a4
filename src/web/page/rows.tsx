/**
 * A list of any length: only the rows that are seen are drawn, and only they and their neighbours
 * are asked for, a page at a time (`pages.ts`).
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { RowPages } from './pages.js';

/** Rows drawn above and below what is seen. */
const MARGIN = 6;
/** A browser draws no higher element than this, pixels. */
const HIGHEST_PX = 12_000_000;

/** Rows by page, fetched as they are wanted; another `key` begins anew. */
export function usePages<T>(
  key: string,
  fetchPage: (offset: number, signal: AbortSignal) => Promise<readonly T[]>,
): RowPages<T> {
  const [, redraw] = useState(0);
  const begin = () => new RowPages(fetchPage, () => redraw((turn) => turn + 1));
  const kept = useRef<{ key: string; pages: RowPages<T> } | null>(null);
  if (kept.current?.key !== key) {
    kept.current?.pages.close();
    kept.current = { key, pages: begin() };
  }
  useEffect(() => () => kept.current?.pages.close(), []);
  return kept.current.pages;
}

interface VirtualRowsProps<T> {
  readonly label: string;
  readonly columns: readonly { readonly title: string; readonly class: string }[];
  readonly total: number;
  readonly rowHeight: number;
  readonly pages: RowPages<T>;
  /** The cells of a row, one for each column. */
  readonly cells: (row: T) => readonly ComponentChildren[];
}

export function VirtualRows<T>(props: VirtualRowsProps<T>) {
  const { label, columns, total, rowHeight, pages, cells } = props;
  const room = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const { current } = room;
    if (current === null) return;
    const look = () => setView({ top: current.scrollTop, height: current.clientHeight });
    look();
    const observer = new ResizeObserver(look);
    observer.observe(current);
    current.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      current.removeEventListener('scroll', look);
    };
  }, []);
  const height = Math.min(HIGHEST_PX, total * rowHeight);
  // Where the list is higher than an element may be, a step of the bar is several rows.
  const shrink = total === 0 ? 1 : (total * rowHeight) / Math.max(1, height);
  const top = Math.floor((view.top * shrink) / rowHeight);
  const first = Math.max(0, Math.min(total - 1, top - MARGIN));
  const last = Math.min(total - 1, top + Math.ceil(view.height / rowHeight) + MARGIN);
  useEffect(() => {
    if (total > 0) pages.want(first, last);
  });
  const shown = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <div class="rows-room" ref={room} tabIndex={0} role="region" aria-label={label}>
      <div role="table" aria-label={label} aria-rowcount={total + 1} class="rows">
        <div role="rowgroup" class="rows-head">
          <div role="row" aria-rowindex={1} class="row">
            {columns.map(({ title, class: name }) => (
              <span key={title} role="columnheader" class={name}>
                {title}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" class="rows-body" style={{ height: `${height}px` }}>
          {shown.map((index) => (
            <Row
              key={index}
              index={index}
              top={view.top + (index - (view.top * shrink) / rowHeight) * rowHeight}
              columns={columns}
              row={pages.at(index)}
              cells={cells}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

interface RowProps<T> extends Pick<VirtualRowsProps<T>, 'columns' | 'cells'> {
  readonly index: number;
  /** Where it stands in the list, pixels. */
  readonly top: number;
  /** Undefined while it is under way. */
  readonly row: T | undefined;
}

function Row<T>({ index, top, columns, row, cells }: RowProps<T>) {
  const filled = row === undefined ? [<span key="wait">…</span>] : cells(row);
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      class="row"
      style={{ transform: `translateY(${Math.round(top)}px)` }}
    >
      {columns.map(({ title, class: name }, i) => (
        <span key={title} role="cell" class={name}>
          {filled[i]}
        </span>
      ))}
    </div>
  );
}
