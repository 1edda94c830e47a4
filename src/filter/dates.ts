/**
 * Finds the date in a line of a text file, its time, and the line without it: filters are written
 * for lines whose date has been cut out. Journal entries need none of this.
 *
 * Which of several possible dates it is follows fail2ban 1.1 (server/datedetector.py): the pattern
 * that matched last at the same place first, patterns bound to the line's start before others, and
 * of those the one that stands first. Unlike there, a date that makes no time (February 30, the
 * year 5138) gives way to one that does: what looks like a date may be a name that a stranger
 * chose.
 */
import type { Diagnostic } from '../core/finding.js';
import { type EpochMicros, MICROS_PER_SECOND, microsOf } from '../core/time.js';
import { DATE_FIELD_LIST, millisOfFraction, timeOfFields, unknownFields } from './datefields.js';
import { type DatePattern, datePatterns, patternLabel } from './datepattern.js';
import type { Groups } from './regex/match.js';
import { compileRegex, type Regex } from './regex/regex.js';
import { asciiDigits, standInOf } from './regex/scripts.js';

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
  readonly groups: Groups;
  /** Absent when the date makes no time, or one that cannot be reckoned with. */
  readonly time: EpochMicros | undefined;
}

// Lines that follow one another are of one second, and differ in the fraction of it at most. What
// the last date came to tells the time of the next without a search.

/** A date that was found at a line's start. */
interface Recent {
  readonly found: Found;
  /** The line up to the fraction's digits, or up to the end of a date without one. */
  readonly before: string;
  readonly digits: number;
  /** What stands between the digits and the end of the date: the zone. */
  readonly zone: string;
  /** The time without the fraction. */
  readonly whole: number;
  /** When it was reckoned; undefined where the date says all, its year too. */
  readonly reckoned: EpochMicros | undefined;
}

/**
 * A date without year or day is taken to be near `now`; one within an hour of it is the same one a
 * second later, also over New Year and midnight.
 */
const NEAR_MICROS = 3_600 * MICROS_PER_SECOND;
const RECENT_MICROS = MICROS_PER_SECOND;

/** What may go on with a known date behind a blank: a year or a zone. */
const GOES_ON = '0123456789+-ZUGzug';

/**
 * True where a known date that ends here has no more to it, whatever else the line says: no
 * fraction, year or zone can follow.
 */
function endsAt(line: string, end: number): boolean {
  const first = line[end];
  if (first === ']') return true;
  const second = line.charCodeAt(end + 1);
  return (
    first === ' ' && second > 0x20 && second < 0x7f && !GOES_ON.includes(line[end + 1] as string)
  );
}

/** What the found date of a line tells of those that follow; undefined: nothing. */
function recentOf(found: Found, line: string, now: EpochMicros): Recent | undefined {
  const { template, start, end, groups, time } = found;
  if (!template.anchored || time === undefined || !endsAt(line, end)) return undefined;
  const fraction = groups['f'] ?? '';
  const at = fraction === '' ? end : fractionAt(line, start, fraction);
  const hasYear = template.kind !== 'fields' || (groups['Y'] ?? groups['y']) !== undefined;
  if (at === undefined || !(hasYear || Math.abs(time - now) <= NEAR_MICROS)) return undefined;
  return {
    found,
    before: line.slice(0, at),
    digits: fraction.length,
    zone: line.slice(at + fraction.length, end),
    whole: fraction === '' ? time : time - millisOfFraction(fraction) * 1000,
    reckoned: hasYear ? undefined : now,
  };
}

/** Where the digits of the fraction stand, behind those of the second. */
function fractionAt(line: string, start: number, fraction: string): number | undefined {
  const [before] = /^[^:]*:\d\d:\d\d[.,](?=\d)/.exec(line.slice(start)) ?? [];
  // Digits of other scripts are read by the search alone.
  if (before === undefined || !/^\d+$/.test(fraction)) return undefined;
  const at = start + before.length;
  return line.startsWith(fraction, at) ? at : undefined;
}

/** The time of a line by the recent date, and where its own date ends. */
function timeBy(
  { before, digits, zone, whole, reckoned }: Recent,
  line: string,
  now: EpochMicros,
): { readonly time: EpochMicros; readonly end: number } | undefined {
  if (!line.startsWith(before)) return undefined;
  const isStale = reckoned !== undefined && !(now >= reckoned && now <= reckoned + RECENT_MICROS);
  if (isStale) return undefined;
  const from = before.length;
  const to = from + digits;
  for (let i = from; i < to; i++) {
    const code = line.charCodeAt(i);
    if (!(code >= 0x30 && code <= 0x39)) return undefined;
  }
  const end = to + zone.length;
  if (!line.startsWith(zone, to) || !endsAt(line, end)) return undefined;
  const millis = digits === 0 ? 0 : millisOfFraction(line.slice(from, to));
  return { time: (whole + millis * 1000) as EpochMicros, end };
}

export class DateFinder {
  readonly #templates: Template[] = [];
  readonly #diagnostics: Diagnostic[] = [];
  #last: Found | undefined;
  /** Of the known formats alone: how far others look is not known. */
  #recent: Recent | undefined;
  readonly #isKnown: boolean;

  readonly #zone: number | undefined;

  /**
   * `datepattern` as in a filter; without one the known formats. `zone` is what dates without a
   * zone are in, minutes east of Greenwich; the machine's when absent.
   */
  constructor(datepattern?: string, zone?: number) {
    this.#zone = zone;
    this.#isKnown = datepattern === undefined;
    for (const pattern of datePatterns(datepattern)) {
      const unknown = unknownFields(pattern.name);
      if (unknown.length > 0)
        this.#diagnostics.push({
          level: 'error',
          id: 'date.field',
          message: `the date pattern names ${unknown.join(', ')}, which is no part of a date`,
          key: 'datepattern',
          value: pattern.name,
          fix: `write ${DATE_FIELD_LIST}; %% is a percent sign`,
        });
      const { regex, problems } = compileRegex(pattern.source, {
        usedns: 'no',
        finalNewline: false,
      });
      if (regex !== undefined) {
        // No guard watches over dates: a pattern that we did not write runs where no line can hold
        // it up.
        if (datepattern !== undefined) regex.demote();
        this.#templates.push({ ...pattern, regex, hits: 0 });
      } else
        this.#diagnostics.push({
          level: 'error',
          id: 'date.pattern',
          message: `the date pattern cannot be used: ${problems[0]?.message ?? 'it is no regex'}`,
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
    const recent = this.#recent;
    if (recent !== undefined) {
      const again = timeBy(recent, line, now);
      if (again !== undefined) return cutOut(recent.found, line, again.end, again.time);
    }
    const found = this.#find(line, now);
    if (found === undefined) return { text: line, date: '' };
    this.#last = found;
    this.#recent = this.#isKnown ? recentOf(found, line, now) : undefined;
    return cutOut(found, line, found.end, found.time);
  }

  #find(line: string, now: EpochMicros): Found | undefined {
    const last = this.#last;
    if (last !== undefined) {
      const again = this.#search(last.template, line, now);
      const same =
        last.template.anchored || (again?.start === last.start && again.end === last.end);
      if (same && again !== undefined && decides(again)) return again;
    }
    let best: Found | undefined;
    let timeless: Found | undefined;
    for (const template of this.#templates) {
      const found = this.#search(template, line, now);
      if (found === undefined) continue;
      if (!decides(found)) timeless = firstOf(timeless, found);
      else if (template.anchored) return found;
      else best = firstOf(best, found);
    }
    return best ?? timeless;
  }

  #search(template: Template, line: string, now: EpochMicros): Found | undefined {
    const found = search(template, line);
    if (found === undefined) return undefined;
    const millis = timeOf(template, readable(found.groups, line), now / 1000, this.#zone);
    return {
      ...found,
      time: millis === undefined ? undefined : microsOf(Math.round(millis * 1000)),
    };
  }
}

/** The line without the date that ends there. */
function cutOut(
  { template, start }: Found,
  line: string,
  end: number,
  time: EpochMicros | undefined,
): DatedLine {
  template.hits++;
  const text = line.slice(0, start) + line.slice(end);
  const date = line.slice(start, end);
  const pattern = template.name;
  return time === undefined ? { text, date, pattern } : { text, date, pattern, time };
}

/** A date that makes a time, or the word of the filter that there is none. */
function decides({ time, template }: Found): boolean {
  return time !== undefined || template.kind === 'none';
}

/** Of two dates the one that binds to the line's start, else the one that stands first. */
function firstOf(one: Found | undefined, other: Found): Found {
  if (one === undefined) return other;
  if (one.template.anchored !== other.template.anchored) return one.template.anchored ? one : other;
  return other.matchStart < one.matchStart ? other : one;
}

function search(template: Template, line: string) {
  const match = template.regex.exec(line);
  if (match === null) return undefined;
  const { groups, index } = match;
  const cut = groups['cut'] ?? groups['cut2'] ?? groups['cut3'] ?? '';
  const start = Math.max(index, line.indexOf(cut, index));
  return { template, start, end: start + cut.length, matchStart: index, groups };
}

/** The groups with digits of every script in ASCII, as Python reads them. */
function readable(groups: Groups, line: string): Groups {
  if (standInOf(line).ascii) return groups;
  return Object.fromEntries(
    Object.entries(groups).map(([name, value]) => [name, value && asciiDigits(value)]),
  );
}

/** Milliseconds since 1970. */
function timeOf(
  { kind }: Template,
  groups: Groups,
  now: number,
  zone: number | undefined,
): number | undefined {
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
      // TAI64 labels count from 2^62 at 1970 TAI (cr.yp.to/libtai/tai64.html); leap seconds are
      // left to others.
      const label = groups['tai64n'] ?? '';
      return (
        Number.parseInt(label.slice(2, 17), 16) * 1000 + Number.parseInt(label.slice(17), 16) / 1e6
      );
    }
    case 'none':
      return undefined;
    default:
      return timeOfFields(groups, now, zone);
  }
}
