/**
 * `datepattern` and the date formats that are known without one, as regexes in Python's syntax.
 * Facts after fail2ban 1.1 (jail.conf(5), "datepattern"; server/datedetector.py, datetemplate.py).
 */
import type { Groups } from './groups.js';

/*
 * The fields of a date, as `datepattern` names them (strptime(3) with fail2ban's `%Ex..` exact
 * forms, jail.conf(5)), and the time that they make.
 */

const HOUR = '[0-1]?\\d|2[0-3]';
const SECOND = '[0-5]?\\d|6[01]';
const WEEK = '5[0-3]|[0-4]\\d|\\d';
const OFFSET = '[+-][01]\\d(?::?\\d\\d)?';
const ABBREVIATION = '[A-Z](?:[A-Z]{2,4})?';
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const short = (names: readonly string[]) => names.map((name) => name.slice(0, 3)).join('|');
const group = (name: string, body: string) => `(?P<${name}>${body})`;

/** Python regex text of each field. */
const DATE_FIELDS: Readonly<Record<string, string>> = {
  Y: group('Y', '\\d{4}'),
  ExY: group('Y', '(?:19|20)\\d\\d'),
  y: group('y', '\\d\\d'),
  Exy: group('y', '\\d\\d'),
  m: group('m', '0?[1-9]|1[0-2]'),
  Exm: group('m', '0[1-9]|1[0-2]'),
  b: group('b', short(MONTHS)),
  B: group('B', MONTHS.join('|')),
  d: group('d', '[12]\\d|[0 ]?[1-9]|3[01]'),
  Exd: group('d', '[12]\\d|0[1-9]|3[01]'),
  a: group('a', short(DAYS)),
  A: group('A', DAYS.join('|')),
  U: group('U', WEEK),
  W: group('W', WEEK),
  w: group('w', '[0-6]'),
  j: group('j', '36[0-6]|3[0-5]\\d|[12]\\d\\d|0[1-9]\\d|00[1-9]|[1-9]\\d|0[1-9]|[1-9]'),
  H: group('H', HOUR),
  ExH: group('H', '[01]\\d|2[0-3]'),
  k: ` ?${group('H', '[0-2]?\\d')}`,
  Exk: ` ?${group('H', HOUR)}`,
  I: group('I', '1[0-2]|0[1-9]|[1-9]'),
  l: ` ?${group('I', '1?\\d')}`,
  Exl: ` ?${group('I', '1[0-2]|\\d')}`,
  M: group('M', '[0-5]?\\d'),
  ExM: group('M', '[0-5]\\d'),
  S: group('S', SECOND),
  ExS: group('S', '[0-5]\\d|6[01]'),
  f: group('f', '\\d{1,6}'),
  p: group('p', 'am|pm|AM|PM'),
  z: group('z', `Z|UTC|GMT|${OFFSET}`),
  Exz: group('z', `(?:${ABBREVIATION})?${OFFSET}|${ABBREVIATION}`),
  Z: group('Z', 'Z|[A-Z]{3,5}'),
  ExZ: group('Z', ABBREVIATION),
};

/** The fields as people write them. */
export const DATE_FIELD_LIST = Object.keys(DATE_FIELDS)
  .map((field) => `%${field}`)
  .join(' ');

/** What people call the fields in reports (fail2ban-regex's words). */
const DATE_FIELD_NAMES: Readonly<Record<string, string>> = {
  a: 'DAY',
  A: 'DAYNAME',
  b: 'MON',
  B: 'MONTH',
  d: 'Day',
  f: 'Microseconds',
  H: '24hour',
  I: '12hour',
  j: 'Yearday',
  m: 'Month',
  M: 'Minute',
  p: 'AMPM',
  S: 'Second',
  U: 'Yearweek',
  w: 'Weekday',
  W: 'Yearweek',
  y: 'Year2',
  Y: 'Year',
  z: 'Zone offset',
  Z: 'Zone name',
};

/** Hours east of Greenwich of the zone names that mean one thing in logs. */
const ZONES: Readonly<Record<string, number>> = {
  Z: 0,
  UTC: 0,
  GMT: 0,
  WET: 0,
  WEST: 1,
  CET: 1,
  CEST: 2,
  EET: 2,
  EEST: 3,
  MSK: 3,
  JST: 9,
  KST: 9,
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
  AKST: -9,
  AKDT: -8,
  HST: -10,
  AEST: 10,
  AEDT: 11,
  NZST: 12,
  NZDT: 13,
};

/**
 * The time of the fields in milliseconds since 1970; undefined when they make none (February 30,
 * unknown zone). Without zone it is that of `zoneMinutes`, east of Greenwich, or local time.
 * Without year it is the last such date not more than a day ahead of `now`, without day today or,
 * when that is still to come, yesterday.
 */
export function timeOfFields(
  fields: Groups,
  now: number,
  zoneMinutes?: number,
): number | undefined {
  const number = (name: string) => (fields[name] === undefined ? undefined : Number(fields[name]));
  const today = new Date(now);
  const century = number('y');
  const year = number('Y') ?? (century === undefined ? undefined : century + 2000);
  const month = number('m') ?? monthOf(fields['b'] ?? fields['B']);
  const day = number('d');
  const whole = month !== undefined && day !== undefined;
  const dayOfYear = (inYear: number) =>
    whole ? undefined : (number('j') ?? dayOfWeek(fields, inYear));
  const noDay =
    month === undefined && day === undefined && dayOfYear(today.getFullYear()) === undefined;
  const zone = fields['z'] ?? fields['Z'];
  const offset = zone === undefined ? zoneMinutes : minutesOf(zone);
  if (zone !== undefined && offset === undefined) return undefined;
  const make = (inYear: number, back = 0): number | undefined => {
    const ofYear = dayOfYear(inYear);
    const parts = [
      inYear,
      noDay ? today.getMonth() : ofYear === undefined ? (month ?? 1) - 1 : 0,
      (noDay ? today.getDate() : (ofYear ?? day ?? 1)) - back,
      hourOf(fields),
      number('M') ?? 0,
      number('S') ?? 0,
      number('f') === undefined ? 0 : Math.floor(Number(`0.${fields['f']}`) * 1000),
    ] as const;
    const real = new Date(Date.UTC(inYear, parts[1], parts[2])).getUTCMonth() === parts[1];
    if (!real && back === 0 && ofYear === undefined) return undefined;
    return offset === undefined
      ? new Date(...parts).getTime()
      : Date.UTC(...parts) - offset * 60_000;
  };
  const time = make(year ?? today.getFullYear());
  if (time === undefined) return year === undefined ? make(today.getFullYear() - 1) : undefined;
  if (noDay && time > now) return make(today.getFullYear(), 1);
  if (year === undefined && time > now + 86_400_000) return make(today.getFullYear() - 1);
  return time;
}

function monthOf(name: string | undefined): number | undefined {
  if (name === undefined) return undefined;
  return (
    MONTHS.findIndex(
      (month) => month.slice(0, 3).toLowerCase() === name.slice(0, 3).toLowerCase(),
    ) + 1
  );
}

/**
 * The day of the year of `%U %w` (weeks begin on Sunday) or `%W %a` (on Monday); days before the
 * first such are week 0.
 */
function dayOfWeek(fields: Groups, year: number): number | undefined {
  const sunday = fields['U'] !== undefined;
  const week = fields['U'] ?? fields['W'];
  const weekday =
    fields['w'] === undefined ? weekdayOf(fields['a'] ?? fields['A']) : Number(fields['w']);
  if (week === undefined || weekday === undefined) return undefined;
  const first = sunday ? 0 : 1;
  const place = (day: number) => (day + 7 - first) % 7;
  const newYear = new Date(0);
  newYear.setUTCFullYear(year, 0, 1);
  const before = place(newYear.getUTCDay());
  const weeks = Number(week) - (before === 0 ? 1 : 0);
  return 1 + 7 * weeks + place(weekday) - before;
}

/** 0 is Sunday. */
function weekdayOf(name: string | undefined): number | undefined {
  if (name === undefined) return undefined;
  return DAYS.findIndex((day) => day.slice(0, 3).toLowerCase() === name.slice(0, 3).toLowerCase());
}

function hourOf(fields: Groups): number {
  if (fields['H'] !== undefined) return Number(fields['H']);
  if (fields['I'] === undefined) return 0;
  return (Number(fields['I']) % 12) + (fields['p']?.toLowerCase() === 'pm' ? 12 : 0);
}

/** Minutes east of Greenwich of `+0200`, `+02:00`, `+02`, `CET`, `CET+0100`. */
export function minutesOf(zone: string): number | undefined {
  const [, name = '', sign, hours = '0', minutes = '0'] =
    /^([A-Za-z]*)(?:([+-])(\d\d):?(\d\d)?)?$/.exec(zone) ?? [];
  const base = name === '' ? 0 : ZONES[name.toUpperCase()];
  if (base === undefined) return undefined;
  return base * 60 + (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/** One way to write a date. */
export interface DatePattern {
  /** As people know it: the pattern, `Epoch`, `TAI64N`. */
  readonly name: string;
  /**
   * Python regex; what group `cut` captured is taken out of the line, or all when there is no such
   * group.
   */
  readonly source: string;
  /** The match is bound to one place of the line, so the first such pattern that matches wins. */
  readonly anchored: boolean;
  readonly kind: 'fields' | 'epoch' | 'long-epoch' | 'tai64n' | 'none';
}

/** Formats of the logs that mail servers meet, most frequent first. */
const KNOWN: readonly string[] = [
  // ISO 8601 and its relatives: 2005-01-23T21:59:59.981746+01:00, 2015/05/27 15:45:58, 2006.12.21
  // 06:43:20
  '%ExY(?P<_sep>[-/.])%m(?P=_sep)%d(?:T|  ?)%H:%M:%S(?:[.,]%f)?(?:\\s*%z)?',
  // syslog and asctime: Jan 23 21:59:59, Sun Jan 23 21:59:59.011 2005
  '(?:%a )?%b %d %k:%M:%S(?:\\.%f)?(?: %ExY)?',
  '(?:%a )?%b %d %ExY %k:%M:%S(?:\\.%f)?',
  // 23/01/2005 21:59:59, 17-07-08 17:23:25
  '%d(?P<_sep>[-/])%m(?P=_sep)(?:%ExY|%Exy) %k:%M:%S',
  // Apache, named, Roundcube: 31/Oct/2006:09:22:55 -0000, 12-Jul-2022 08:56:39 +0200
  '%d(?P<_sep>[-/])%b(?P=_sep)%ExY[ :]?%H:%M:%S(?:\\.%f)?(?: %z)?',
  '%m/%d/%ExY:%H:%M:%S',
  '%m-%d-%ExY %k:%M:%S(?:\\.%f)?',
  'EPOCH',
  '{^LN-BEG}%H:%M:%S',
  '^<%m/%d/%Exy@%H:%M:%S>',
  // MySQL: 130322 11:46:11
  '%Exy%Exm%Exd  ?%H:%M:%S',
  '%b %d, %ExY %I:%M:%S %p',
  // ASSP: Apr-27-13 02:33:06
  '^%b-%d-%Exy %k:%M:%S',
  '%ExY%Exm%Exd(?:T|  ?)%ExH%ExM%ExS(?:[.,]%f)?(?:\\s*%z)?',
  // monit: PDT Apr 16 21:05:29
  '(?:%Z )?(?:%a )?%b %d %k:%M:%S(?:\\.%f)?(?: %ExY)?',
  '(?:%z )?(?:%a )?%b %d %k:%M:%S(?:\\.%f)?(?: %ExY)?',
  'TAI64N',
];

const EPOCH = '\\d{10,11}\\b(?:\\.\\d{3,6})?';
const WORD_END = '(?=\\b|\\W|$)';
const LONG_EPOCH = '\\d{10,11}(?:\\d{3}(?:\\.\\d{1,6}|\\d{3})?)?';
const TAI64N = '@[0-9a-f]{24}';
const LINE_BEGIN = '{^LN-BEG}';
const UNBOUND = '{UNB}';
const ALPHABETIC = /(?<!%)%(?:Ex)?[aAbBpc]/;

/**
 * The patterns of a `datepattern` value (one per line), or without one the known formats: at a
 * line's start first.
 */
export function datePatterns(value?: string): DatePattern[] {
  if (value === undefined || value.trim() === '') return known(() => true);
  const patterns: DatePattern[] = [];
  for (const line of value.split('\n').map((text) => text.trim())) {
    const key = line.includes('%') ? line : line.toUpperCase();
    if (line === '') continue;
    if (key === '{DEFAULT}') patterns.push(...known(() => true));
    else if (key === LINE_BEGIN) patterns.push(...known(({ anchored }) => anchored));
    else if (key === '{NONE}')
      patterns.push({ name: '{NONE}', source: '^', anchored: true, kind: 'none' });
    else if (/(?<!\\)\{DATE\}/i.test(line))
      patterns.push(
        ...KNOWN.map((text) => pattern(line.replace(/(?<!\\)\{DATE\}/i, () => unbound(text)))),
      );
    else patterns.push(pattern(line));
  }
  return patterns.filter((one, i) => patterns.findIndex(({ name }) => name === one.name) === i);
}

function known(wanted: (pattern: DatePattern) => boolean): DatePattern[] {
  const free = KNOWN.map(pattern);
  const bound = KNOWN.filter((_, i) => !free[i]?.anchored).map((text) =>
    pattern(LINE_BEGIN + text),
  );
  return [...bound, ...free].filter(wanted);
}

function unbound(text: string): string {
  const bare = text.replace(UNBOUND, '').replace(LINE_BEGIN, '');
  return bare === 'EPOCH'
    ? `(?P<epoch>${EPOCH})`
    : bare === 'TAI64N'
      ? `(?P<tai64n>${TAI64N})`
      : bare;
}

/** The pattern with its fields in words. */
export function patternLabel({ name }: DatePattern): string {
  return name.replace(/%(%|(Ex)?([A-Za-z]))/g, (whole, _all: string, exact = '', field = '%') => {
    const word = DATE_FIELD_NAMES[field];
    return field === '%' ? '%' : word === undefined ? whole : exact + word;
  });
}

/** One pattern as a regex with the bounds that fail2ban puts around it. */
function pattern(text: string): DatePattern {
  let rest = text;
  let begin: 'word' | 'line' | 'none' = 'word';
  let end = true;
  if (rest.startsWith(UNBOUND)) {
    rest = rest.slice(UNBOUND.length);
    begin = 'none';
    end = false;
  } else if (rest.startsWith(LINE_BEGIN)) {
    rest = rest.slice(LINE_BEGIN.length);
    begin = 'line';
  }
  const key = rest.toUpperCase();
  if (key === 'EPOCH' || key === '^EPOCH' || key === 'LEPOCH' || key === '^LEPOCH')
    return epoch(text, key.includes('LEPOCH'), begin === 'line' || key.startsWith('^'));
  const long = /(?<!\\)\{LEPOCH\}/i.test(rest);
  rest = rest.replace(
    /(?<!\\)\{(L?)EPOCH\}/i,
    (_, l: string) => `(?P<epoch>${l === '' ? EPOCH : LONG_EPOCH})`,
  );
  if (key === 'TAI64N') rest = `(?P<tai64n>${TAI64N})`;
  let source = withFields(rest);
  if (/(?<!\\)\((?!\?)/.test(source)) source = source.replace(/(?<!\\)\((?!\?)/, '(?P<cut>');
  else source = source.replace(/^(\^?)(.*?)(\$?)$/s, '$1(?P<cut>$2)$3');
  let anchored = /^(?:\(\?:)?\^(?!\|)/.test(source) || /(?<![\\|])\$\)?$/.test(source);
  if (!anchored && begin === 'line') {
    source = `^(?:\\W{0,2})?${source}`;
    anchored = true;
  } else if (!anchored && begin === 'word' && !/^\(*(?:\?P<cut>)?\*\*/.test(source))
    source = `(?=^|\\b|\\W)${source}`;
  if (end && !/(?<!\\)(?:\$\)?|\\b|\\s|\*\*\)*)$/.test(source)) source += WORD_END;
  // Two stars say that there is no bound; behind a backslash they are a star, any number of times.
  source = source.replace(/(?<!\\)\*\*/g, '');
  const kind = source.includes('(?P<epoch>') ? (long ? 'long-epoch' : 'epoch') : 'fields';
  return {
    name: text,
    source: ALPHABETIC.test(rest) ? `(?i)${source}` : source,
    anchored,
    kind: source.includes('(?P<tai64n>') ? 'tai64n' : kind,
  };
}

/** Epoch seconds stand at a line's start (nsd: in brackets) or in a line of the kernel's audit. */
function epoch(name: string, long: boolean, lineBegin: boolean): DatePattern {
  const digits = `(?P<cut>(?P<epoch>${long ? LONG_EPOCH : EPOCH}))`;
  const digitsToo = digits.replace('<cut>', '<cut2>').replace('<epoch>', '<epoch2>');
  const third = digits.replace('<cut>', '<cut3>').replace('<epoch>', '<epoch3>');
  const source = lineBegin
    ? `^(?:\\W{0,2})?${digits}${WORD_END}`
    : `(?:^${digits}${WORD_END}|^\\[${digitsToo}(?=\\])|\\baudit\\(${third}(?=:\\d+\\)))`;
  return { name, source, anchored: lineBegin, kind: long ? 'long-epoch' : 'epoch' };
}

/** Fields of a pattern that there are not, as written. */
export function unknownFields(text: string): string[] {
  const names = [...text.matchAll(FIELD)].map(([whole, field]) => ({
    whole,
    field: field as string,
  }));
  return names
    .filter(({ field }) => field !== '%' && !Object.hasOwn(DATE_FIELDS, field))
    .map(({ whole }) => whole);
}

const FIELD = /%(%|Ex[YymdHkMSlzZ]|[A-Za-z])/g;

function withFields(text: string): string {
  return text.replace(FIELD, (whole, field: string) =>
    field === '%' ? '%' : (DATE_FIELDS[field] ?? whole),
  );
}
