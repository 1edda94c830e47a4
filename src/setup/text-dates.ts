/**
 * The dates of log lines. A file of its own: it loads the regex engine, which the main thread of an
 * agent does not need.
 */
import type { SourceSpec } from '../core/entry.js';
import type { Diagnostic } from '../core/finding.js';
import { minutesOf } from '../filter/datefields.js';
import { DateFinder } from '../filter/dates.js';
import type { TextTools } from '../journal/source.js';

/** What is wrong with the date patterns of a source. */
export function dateProblems(source: SourceSpec): readonly Diagnostic[] {
  if (source.kind !== 'text') return [];
  return source.logs.flatMap(({ datepattern }) => new DateFinder(datepattern).diagnostics);
}

/** Dates, found as `banjour test` finds them. */
export const textTools: TextTools = {
  dater: ({ datepattern, timezone }) => {
    const zone = timezone === null ? undefined : minutesOf(timezone);
    const dates = new DateFinder(datepattern, zone);
    return (line, now) => dates.cut(line, now);
  },
};
