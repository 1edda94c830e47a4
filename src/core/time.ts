/**
 * Time, in three kinds that must never be mixed.
 *
 * - `EpochMicros` is a point on the wall clock in microseconds since 1970, the journal's own unit
 *   (`sd_journal_get_realtime_usec(3)`). A double holds it exactly until the year 2255.
 * - `Seconds` is a length of time, the unit of findtime and bantime.
 * - Monotonic time (deadlines, back-off) is `performance.now()` and stays inside the function that
 *   measures.
 *
 * Windows count in the entries' own time; `now` is the time of the source (see ARCHITECTURE.md,
 * "Clocks").
 */
import { ENTRY_MICROS_MAX } from './timeouts.js';

export type EpochMicros = number & { readonly __unit: 'epoch microseconds' };
export type Seconds = number & { readonly __unit: 'seconds' };

export const MICROS_PER_SECOND = 1_000_000;

/**
 * Takes a number as microseconds since 1970; throws on anything that is not a whole, non-negative
 * number.
 */
export function epochMicros(value: number): EpochMicros {
  const time = microsOf(value);
  if (time === undefined) throw new RangeError(`not a time in microseconds: ${value}`);
  return time;
}

/**
 * The same for a number that a line, and so a stranger, chose: undefined when it is no such time.
 */
export function microsOf(value: number): EpochMicros | undefined {
  return Number.isSafeInteger(value) && value >= 0 ? (value as EpochMicros) : undefined;
}

/** The time of an entry as its writer states it: what lies after the year 2200 counts as that. */
export function entryTime(stated: number | bigint): EpochMicros {
  return Math.min(Number(stated), ENTRY_MICROS_MAX) as EpochMicros;
}

/**
 * Takes a number as seconds; throws on NaN, infinity and negative values. Fractions are allowed.
 */
export function seconds(value: number): Seconds {
  if (!Number.isFinite(value) || value < 0)
    throw new RangeError(`not a length of time in seconds: ${value}`);
  return value as Seconds;
}

/** `time` plus `length`, rounded to whole microseconds, never below zero. */
export function plus(time: EpochMicros, length: Seconds | number): EpochMicros {
  return Math.max(0, Math.round(time + length * MICROS_PER_SECOND)) as EpochMicros;
}

/** The one that comes first. */
export function earlierOf(a: EpochMicros, b: EpochMicros): EpochMicros {
  return Math.min(a, b) as EpochMicros;
}

/** The one that comes last. */
export function laterOf(a: EpochMicros, b: EpochMicros): EpochMicros {
  return Math.max(a, b) as EpochMicros;
}

/** Seconds from `from` to `to`; negative when `to` lies earlier. */
export function secondsBetween(from: EpochMicros, to: EpochMicros): number {
  return (to - from) / MICROS_PER_SECOND;
}

/** Where "now" comes from: the wall when live, the last entry read in warm-up and replay. */
export interface Clock {
  now(): EpochMicros;
}

/** The machine's wall clock. The only reader of `Date.now` outside the command line. */
export const wallClock: Clock = {
  now: () => (Date.now() * 1000) as EpochMicros,
};

/**
 * A clock that stands where it was last set: the source's clock of warm-up and replay, and of
 * tests.
 */
export class SetClock implements Clock {
  #now: EpochMicros;
  constructor(now: EpochMicros = 0 as EpochMicros) {
    this.#now = now;
  }
  now(): EpochMicros {
    return this.#now;
  }
  set(now: EpochMicros): void {
    this.#now = now;
  }
}

/** ISO 8601 in UTC with milliseconds, e.g. `2026-11-21T18:50:38.144Z`. */
export function isoTime(time: EpochMicros): string {
  return new Date(time / 1000).toISOString();
}

/**
 * `2026-11-21 18:50:38` in the time zone of the process, of ISO 8601 or milliseconds since 1970. Of
 * what is no time `-`.
 */
export function localTime(time: string | number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '-';
  const two = (value: number) => String(value).padStart(2, '0');
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}

/** The same with its milliseconds, `2019-08-22 10:18:05,975`, as fail2ban writes it. */
export function localMillis(ms: number): string {
  return `${localTime(ms)},${String(new Date(ms).getMilliseconds()).padStart(3, '0')}`;
}

/** The local time zone, e.g. `Europe/Berlin`. */
export function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
