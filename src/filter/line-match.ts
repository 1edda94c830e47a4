/** What a line matched, before connections are looked at. */
import { EVENT_COUNT_MAX } from '../core/limits.js';
import { countOf, type Marks, NO_MARKS, type Told, withCount } from './match-groups.js';
import type { RegexSlot, Search } from './search.js';

/** What a line is. */
export interface LineMatch {
  readonly result: 'none' | 'noprefix' | 'ignored' | 'failure' | 'success';
  /** The regex that decided; for `ignored` the ignoreregex. */
  readonly slot: RegexSlot | undefined;
  /**
   * Of its groups and, where it has none, of the prefregex's. Taken out at once: fewer objects live
   * until `settle`.
   */
  readonly marks: Marks;
  /** The connection that the line belongs to (F-MLFID). */
  readonly key: string | undefined;
  /** How it is to be counted; undefined for a filter in which every failure counts by itself. */
  readonly told: Told | undefined;
  /** How many equal lines it stands for: 1, or more in rsyslog's `message repeated`. */
  readonly times: number;
  /** Characters of the line. */
  readonly length: number;
  /** Lines that the match is made of. */
  readonly lines: number;
  /** A match was refused because it touched the cut of an over-long message. */
  readonly cut: boolean;
  /** The multi-line window afterwards; undefined for a filter of single lines. */
  readonly window: readonly string[] | undefined;
}

/** Parts of a line that is no failure where it is found. */
const NO_FAILURES: ReadonlySet<Told['part']> = new Set([
  'trouble',
  'opened',
  'closed',
  'elsewhere',
]);

/**
 * True when the line is a failure by itself: not one that is only remembered for its connection or
 * waits for another line of it, and not one that another jail counts.
 */
export function isFailure({ result, told, key, marks }: LineMatch): boolean {
  if (result !== 'failure' || marks.unchecked) return false;
  if (told !== undefined && NO_FAILURES.has(told.part)) return false;
  return key === undefined || !(marks.nofail || marks.gained || marks.waits);
}

/** What most lines are. */
export const NO_MATCH: LineMatch = {
  result: 'none',
  slot: undefined,
  marks: NO_MARKS,
  key: undefined,
  told: undefined,
  times: 1,
  length: 0,
  lines: 0,
  cut: false,
  window: undefined,
};
export const NO_PREFIX: LineMatch = { ...NO_MATCH, result: 'noprefix' };

/** What a search came to that found no failure and no success. */
export function outcome(result: LineMatch['result'], search: Search, slot?: RegexSlot): LineMatch {
  const { cut, length } = search;
  return {
    result,
    slot,
    marks: NO_MARKS,
    key: undefined,
    told: undefined,
    times: 1,
    length,
    lines: 1,
    cut,
    window: undefined,
  };
}

/**
 * The match of so many equal lines. Witnesses are told one by one when it is settled, and a failure
 * that waits for the end of its connection is one, however often it is told.
 */
export function timesOver(match: LineMatch, written: number): LineMatch {
  const times = Math.min(EVENT_COUNT_MAX, Math.max(1, written));
  const { marks, told } = match;
  if (marks.waits || told?.part === 'witness') return { ...match, times };
  const count = Math.min(EVENT_COUNT_MAX, countOf(marks.facts) * times);
  return { ...match, times, marks: { ...marks, facts: withCount(marks.facts, count) } };
}
