/** What people type on a command line: addresses and prefixes, times and lengths. */
import { parsePrefix } from '../core/address.js';
import { EXIT, OperatorError } from '../core/errors.js';
import { escapeUntrusted } from '../core/text.js';
import { type EpochMicros, epochMicros } from '../core/time.js';

/**
 * The words as they are. @throws OperatorError (65) naming those that are neither, before anything
 * is changed.
 */
export function targetsOf(words: readonly string[]): readonly string[] {
  const wrong = words
    .filter((word) => parsePrefix(word) === undefined)
    .map((word) => `"${escapeUntrusted(word)}"`);
  if (wrong.length === 0) return words;
  const are = wrong.length === 1 ? 'is not an address or prefix' : 'are not addresses or prefixes';
  throw new OperatorError(`${wrong.join(', ')} ${are}; nothing was changed`, {
    hint: 'write e.g. 192.0.2.1, 198.51.100.0/24 or 2001:db8::/64',
    exitCode: EXIT.dataError,
  });
}

// Times and lengths.

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `600`, `10m`, `1d12h` as seconds; undefined for anything else. */
function lengthOf(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(?:\d+[smhdw])+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/g))
    seconds += Number(count) * (UNITS[unit as string] as number);
  return seconds;
}

/** `--bantime`: seconds, or null for good. */
export function bantimeOf(text: string): number | null {
  if (/^-\d+$/.test(text)) return null;
  const seconds = lengthOf(text);
  if (seconds === undefined || seconds <= 0)
    throw new OperatorError(`not a length of time: ${JSON.stringify(text)}`, {
      hint: 'write 600, 10m, 1d12h, 1w, or -1 for good',
    });
  return seconds;
}

/** `--since`: a length before now, or a date and time of the local zone. */
export function sinceOf(text: string, nowMs = Date.now()): EpochMicros {
  const seconds = lengthOf(text);
  const ms = seconds === undefined ? Date.parse(text) : nowMs - seconds * 1000;
  if (Number.isNaN(ms))
    throw new OperatorError(`not a time: ${JSON.stringify(text)}`, {
      hint: 'write 2h, 7d, or 2026-11-21T18:00',
    });
  return epochMicros(Math.max(0, Math.round(ms)) * 1000);
}
