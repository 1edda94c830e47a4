/**
 * How the page says times, lengths and numbers: in the reader's own time zone, in English, short in
 * tables and whole where a pointer rests.
 */
import { formatCount } from '../../core/text.js';
import { localZone } from '../../core/time.js';

const DAY_MS = 86_400_000;
const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [31_536_000, 'y'],
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const minute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const year = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const whole = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});

/** The reader's time zone: `Europe/Berlin`. */
export const ZONE = localZone();

/** `14:05:09` today, `28 Nov 14:05` this year, `28 Nov 2024` before; `-` of what is no time. */
export function shortTime(iso: string, now = Date.now()): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return '-';
  const today = new Date(now);
  if (time.toDateString() === today.toDateString()) return clock.format(time);
  if (Math.abs(now - time.getTime()) < 300 * DAY_MS)
    return `${day.format(time)} ${minute.format(time)}`;
  return year.format(time);
}

/** A remark of the agent's as a sentence, its times (ISO 8601, UTC) as the reader has them. */
export function asSentence(remark: string): string {
  const told = remark.replace(/\b\d{4}-\d\d-\d\dT[\d:.]{5,12}Z/g, (iso) => shortTime(iso));
  return `${told.slice(0, 1).toUpperCase()}${told.slice(1)}${told.endsWith('.') ? '' : '.'}`;
}

/** Points with as much behind the dot as says something: `5`, `4.9`. */
export function points(value: number): string {
  return String(Number(value.toFixed(1)));
}

/** `14:05`. */
export function minuteTime(at: number): string {
  return minute.format(new Date(at));
}

/** With the day, the year and the zone. */
export function wholeTime(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? '-' : whole.format(time);
}

/** A length of time by its two highest units: `2 h 5 min`. */
export function lengthOf(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-';
  const rest = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([size]) => rest >= size);
  if (first === -1) return '0 s';
  const [size, name] = UNITS[first] as (typeof UNITS)[number];
  const [next, nextName] = UNITS[first + 1] ?? [0, ''];
  const more = next === 0 ? 0 : Math.floor((rest % size) / next);
  return `${Math.floor(rest / size)} ${name}${more > 0 ? ` ${more} ${nextName}` : ''}`;
}

/** How long ago something was: `3 min ago`, `just now`. */
export function ago(iso: string, now = Date.now()): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (Number.isNaN(seconds)) return 'never';
  return seconds < 5 ? 'just now' : `${lengthOf(seconds).replace(/ \d+ \w+$/, '')} ago`;
}

/** How long a ban lasts from now on: `in 3 min`, `for good`. */
export function endsIn(until: string | null, now = Date.now()): string {
  if (until === null) return 'for good';
  const seconds = (Date.parse(until) - now) / 1000;
  return seconds <= 0 ? 'over' : `in ${lengthOf(seconds)}`;
}

/** `12,345`. */
export function count(value: number): string {
  return Number.isFinite(value) ? formatCount(value) : '-';
}

/** Bytes as `3.1 MB`. */
export function size(bytes: number): string {
  const names = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** step).toPrecision(3))} ${names[step]}`;
}
