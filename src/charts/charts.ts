/** A chart from its data: one SVG, on light and dark pages, for the eye and for screen readers. */
import {
  type BarChart,
  drawBars,
  drawGroups,
  drawLines,
  type GroupChart,
  type LineChart,
} from './bars.js';
import { drawTimeLine, type TimeLine } from './story.js';
import {
  type Columns,
  drawColumns,
  drawHeat,
  drawStack,
  type Heat,
  type StackChart,
} from './time.js';

/** What is to be drawn. Every text may be a stranger's. */
export type Chart = BarChart | LineChart | GroupChart | Columns | StackChart | Heat | TimeLine;

/** Draws a chart; the same data are the same bytes. */
export function svg(chart: Chart): string {
  switch (chart.kind) {
    case 'bars':
      return drawBars(chart);
    case 'lines':
      return drawLines(chart);
    case 'groups':
      return drawGroups(chart);
    case 'columns':
      return drawColumns(chart);
    case 'stack':
      return drawStack(chart);
    case 'heat':
      return drawHeat(chart);
    case 'timeline':
      return drawTimeLine(chart);
  }
}
