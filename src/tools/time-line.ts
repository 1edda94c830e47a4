/**
 * The time line of a decision, for the terminal: entries by what they weigh, the window that
 * counted them, the decision, and the ban behind it.
 */
import { localTime } from '../core/time.js';
import { formatLength } from './terminal.js';

/** What is drawn; times are ISO 8601. */
export interface TimeLineFacts {
  /** `points`: what an entry weighed, where that is known. */
  readonly entries: readonly {
    readonly time: string;
    readonly count: number;
    readonly points?: number;
  }[];
  readonly findtimeSeconds: number;
  /** Attempts, or points, that ban. */
  readonly needed: number;
  /** A jail that weighs: findtime is the time in which points lose half their weight. */
  readonly isWeighing: boolean;
  /** The ban was decided for what many addresses did: its own points did not matter. */
  readonly isJoint?: boolean;
  readonly ban?: {
    readonly time: string;
    readonly until: string | null;
    /** When it was over, if it is. */
    readonly ended?: string;
  };
}

/** Columns of the line at most, and of the ban behind it. */
const PLOT_COLUMNS = 76;
const TAIL = '━━━━';
/** Narrower than this a line says nothing. */
const PLOT_COLUMNS_MIN = 20;

/** The lines, or none where there is nothing to draw. */
export function timeLine(facts: TimeLineFacts, width: number): string[] {
  const { entries, findtimeSeconds, needed, isWeighing, isJoint = false, ban } = facts;
  const times = entries.map(({ time }) => Date.parse(time)).filter((time) => time >= 0);
  const room = Math.min(PLOT_COLUMNS, width - TAIL.length - 5);
  if (times.length === 0 || room < PLOT_COLUMNS_MIN) return [];
  const last = Math.max(...times, ban === undefined ? 0 : Date.parse(ban.time));
  const begin = last - findtimeSeconds * 1000;
  // Points fade for weeks: their window has no beginning.
  const from = Math.min(...times, isWeighing ? last : begin);
  const column = (time: number) =>
    Math.round(((room - 1) * (time - from)) / Math.max(1, last - from));
  const cells = Array<number>(room).fill(0);
  // Half of the entries by what they weighed and half by their attempts would be neither.
  const isByPoints = isWeighing && entries.every(({ points }) => points !== undefined);
  for (const { time, count, points = 0 } of entries) {
    const at = column(Date.parse(time));
    if (at >= 0 && at < room) cells[at] = (cells[at] ?? 0) + (isByPoints ? points : count);
  }
  const marks = cells.map(markOf).join('');
  const rule = isJoint
    ? 'banned by the rule at once, whatever it weighed'
    : isWeighing
      ? `bans at ${needed} points; half of them are gone after ${formatLength(findtimeSeconds)}`
      : `bans at ${needed} within ${formatLength(findtimeSeconds)}`;
  const head = `  Time line (● ${isByPoints ? 'a point' : 'an attempt'}, 2 to 9 and + so many at once; ${rule}):`;
  const lines = [head, `  ${marks}${ban === undefined ? '' : `■${TAIL}${tailEnd(ban)}`}`];
  if (!isWeighing) lines.push(`  ${bracket(column(begin), room, formatLength(findtimeSeconds))}`);
  const [first, end] = [localTime(from), endOf(last, ban)];
  lines.push(`  ${first}${end.padStart(Math.max(end.length + 1, room + 5 - first.length))}`);
  return lines;
}

function markOf(count: number): string {
  if (count === 0) return '·';
  if (count < 1.5) return '●';
  return count < 9.5 ? String(Math.round(count)) : '+';
}

/** The window, from its beginning to the last entry. */
function bracket(begin: number, room: number, length: string): string {
  const from = Math.max(0, begin);
  const inner = room - from - 2;
  if (inner < 0) return '';
  const label = ` ${length} `;
  const line =
    inner < label.length + 2
      ? '─'.repeat(inner)
      : label.padStart(Math.ceil((inner + label.length) / 2), '─').padEnd(inner, '─');
  return `${' '.repeat(from)}├${line}┤`;
}

function tailEnd({ until, ended }: NonNullable<TimeLineFacts['ban']>): string {
  return until === null && ended === undefined ? '∞' : ended === undefined ? '▶' : '┤';
}

function endOf(last: number, ban: TimeLineFacts['ban']): string {
  const time = localTime(ban?.time ?? last);
  if (ban === undefined) return time;
  if (ban.ended !== undefined) return `banned ${time}, over ${localTime(ban.ended)}`;
  return `banned ${time}, ${ban.until === null ? 'for good' : `until ${localTime(ban.until)}`}`;
}
