/**
 * Finds the date in a line of a text file, its time, and the line without it: filters are written for lines whose date
 * has been cut out. Journal entries need none of this.
 *
 * Which of several possible dates it is follows fail2ban 1.1 (server/datedetector.py): the pattern that matched last at
 * the same place first, patterns bound to the line's start before others, and of those the one that stands first.
 */
import type { Diagnostic } from '../core/finding.js';
import { type EpochMicros, epochMicros } from '../core/time.js';
import { timeOfFields } from './datefields.js';
import { type DatePattern, datePatterns, patternLabel } from './datepattern.js';
import { compileRegex, type Regex } from './regex/regex.js';

/** A line of a text file, taken apart. */
export interface DatedLine {
  /** The line without its date: what the filter judges. */
  readonly text: string;
  /** The date that was cut out; empty when there was none. */
  readonly date: string;
  /** Absent when the line has no date that makes a time. */
  readonly time?: EpochMicros;
  /** Name of the pattern that found it. */
  readonly pattern?: string;
}

interface Template extends DatePattern {
  readonly regex: Regex;
  hits: number;
}

interface Found {
  readonly template: Template;
  readonly start: number;
  readonly end: number;
  readonly matchStart: number;
  readonly groups: Readonly<Record<string, string | undefined>>;
}

export class DateFinder {
  readonly #templates: Template[] = [];
  readonly #diagnostics: Diagnostic[] = [];
  #last: Found | undefined;

  readonly #zone: number | undefined;

  /**
   * `datepattern` as in a filter; without one the known formats. `zone` is what dates without a zone are in, minutes east
   * of Greenwich; the machine's when absent.
   */
  constructor(datepattern?: string, zone?: number) {
    this.#zone = zone;
    for (const pattern of datePatterns(datepattern)) {
      const { regex, problems } = compileRegex(pattern.source, { usedns: 'no' });
      if (regex !== undefined) {
        // No guard watches over dates: a pattern that we did not write runs where no line can hold it up.
        if (datepattern !== undefined) regex.demote();
        this.#templates.push({ ...pattern, regex, hits: 0 });
      } else
        this.#diagnostics.push({
          level: 'error',
          id: 'date.pattern',
          message: `the date pattern cannot be used: ${problems[0]?.message ?? 'unknown'}`,
          key: 'datepattern',
          value: pattern.name,
        });
    }
  }

  /** What is wrong with the date pattern. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  /** How often each pattern found the date, those that never did left out. */
  get hits(): readonly { readonly name: string; readonly hits: number }[] {
    const used = this.#templates.filter(({ hits }) => hits > 0);
    return used.map((template) => ({ name: patternLabel(template), hits: template.hits }));
  }

  /** Takes the date out of a line. `now` completes dates without year or day. */
  cut(line: string, now: EpochMicros): DatedLine {
    const found = this.#find(line);
    if (found === undefined) return { text: line, date: '' };
    this.#last = found;
    found.template.hits++;
    const date = line.slice(found.start, found.end);
    const time = timeOf(found, now / 1000, this.#zone);
    return {
      text: line.slice(0, found.start) + line.slice(found.end),
      date,
      pattern: found.template.name,
      ...(time !== undefined && time >= 0 && { time: epochMicros(Math.round(time * 1000)) }),
    };
  }

  #find(line: string): Found | undefined {
    const last = this.#last;
    if (last !== undefined) {
      const again = search(last.template, line);
      if (again && (last.template.anchored || (again.start === last.start && again.end === last.end))) return again;
    }
    let best: Found | undefined;
    for (const template of this.#templates) {
      const found = search(template, line);
      if (found === undefined) continue;
      if (template.anchored) return found;
      if (best === undefined || found.matchStart < best.matchStart) best = found;
    }
    return best;
  }
}

function search(template: Template, line: string): Found | undefined {
  const match = template.regex.exec(line);
  if (match === null) return undefined;
  const { groups, index } = match;
  const cut = groups['cut'] ?? groups['cut2'] ?? groups['cut3'] ?? '';
  const start = Math.max(index, line.indexOf(cut, index));
  return { template, start, end: start + cut.length, matchStart: index, groups };
}

/** Milliseconds since 1970. */
function timeOf({ template: { kind }, groups }: Found, now: number, zone: number | undefined): number | undefined {
  const digits = groups['epoch'] ?? groups['epoch2'] ?? groups['epoch3'] ?? '';
  switch (kind) {
    case 'epoch':
      return Number(digits) * 1000;
    case 'long-epoch':
      // 13 digits are milliseconds, 16 microseconds.
      return digits.length >= 16 && !digits.includes('.')
        ? Number(digits) / 1000
        : digits.length >= 13
          ? Number(digits)
          : Number(digits) * 1000;
    case 'tai64n': {
      // TAI64 labels count from 2^62 at 1970 TAI (cr.yp.to/libtai/tai64.html); leap seconds are left to others.
      const label = groups['tai64n'] ?? '';
      return Number.parseInt(label.slice(2, 17), 16) * 1000 + Number.parseInt(label.slice(17), 16) / 1e6;
    }
    case 'none':
      return undefined;
    default:
      return timeOfFields(groups, now, zone);
  }
}
