/** A chart of bans over time for a terminal: columns of block characters, failures as a line below, a time axis. */

import { formatCount } from '../core/text.js';
import type { TimelineView } from '../daemon/replay/what-if-timeline.js';

/** Eighths of a character cell, from the bottom. */
const BLOCKS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/** Lines of the chart. */
const HEIGHT = 6;

/** Columns that labels take from the width. */
export const CHART_MARGIN = 12;

export interface ChartStyle {
  /** Marks the bars, e.g. with a colour. */
  readonly bar: (text: string) => string;
  /** A time on the axis, at most 16 characters. */
  readonly time: (epochSeconds: number, width: number) => string;
}

/** The lines of the chart; none without a ban. */
export function chartOf(timeline: TimelineView, style: ChartStyle): string[] {
  const { bins, from, width } = timeline;
  const most = Math.max(...bins.map(({ bans }) => bans));
  if (most === 0) return [];
  const failures = Math.max(...bins.map((bin) => bin.failures));
  const label = (text: string) => `${text.padStart(CHART_MARGIN - 2)} `;
  const lines: string[] = [];
  for (let row = HEIGHT - 1; row >= 0; row--) {
    const cells = bins.map(({ bans }) => BLOCKS[eighths(bans, most, HEIGHT, row)] ?? ' ').join('');
    const mark = row === HEIGHT - 1 ? formatCount(most) : row === 0 ? 'bans' : '';
    lines.push(`${label(mark)}│${style.bar(cells)}`);
  }
  lines.push(`${label('0')}└${'─'.repeat(bins.length)}`);
  lines.push(
    `${label('failures')} ${bins.map((bin) => BLOCKS[eighths(bin.failures, failures, 1, 0)] ?? ' ').join('')}`,
  );
  const begin = style.time(from, width);
  const end = style.time(from + (bins.length - 1) * width, width);
  const room = bins.length - begin.length - end.length;
  lines.push(`${label('')} ${begin}${bins.length > 1 && room > 0 ? `${' '.repeat(room)}${end}` : ''}`);
  return lines;
}

/** How much of this row's cell a value fills; a value above zero is always seen. */
function eighths(value: number, most: number, height: number, row: number): number {
  if (value === 0 || most === 0) return 0;
  const filled = Math.max(1, Math.round((value / most) * height * 8));
  return Math.min(8, Math.max(0, filled - row * 8));
}
