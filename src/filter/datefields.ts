/**
 * The fields of a date, as `datepattern` names them (strptime(3) with fail2ban's `%Ex..` exact
 * forms, jail.conf(5)): the regex of each, and the time that they make.
 */
import type { Groups } from './regex/match.js';

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
export const DATE_FIELD_NAMES: Readonly<Record<string, string>> = {
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
      fields['f'] === undefined ? 0 : millisOfFraction(fields['f']),
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

/** Whole milliseconds of the digits of a fraction of a second. */
export function millisOfFraction(digits: string): number {
  return Math.floor(Number(`0.${digits}`) * 1000);
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

/** The pattern with the regex of each field in its place. */
export function withFields(text: string): string {
  return text.replace(FIELD, (whole, field: string) =>
    field === '%' ? '%' : (DATE_FIELDS[field] ?? whole),
  );
}
