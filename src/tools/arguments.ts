/** What people type on a command line: addresses and prefixes, times and lengths. */
import { parseDuration } from '../config/values.js';
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

/** Seconds, in the grammar of `bantime` in jail.local; undefined for anything else. */
function lengthOf(text: string): number | undefined {
  const parsed = parseDuration(text);
  return 'value' in parsed ? parsed.value : undefined;
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

const DATE = /^\s*\d{4}-\d{2}-\d{2}(?!\d)/;

/** `--since`: a length before now, or a date and time of the local zone. */
export function sinceOf(text: string, nowMs = Date.now()): EpochMicros {
  // A date such as 2026-11-21 reads as a sum of seconds too, so that dates go first.
  const seconds = DATE.test(text) ? undefined : lengthOf(text);
  const ms = seconds === undefined ? Date.parse(text) : nowMs - seconds * 1000;
  if (Number.isNaN(ms) || (seconds !== undefined && seconds < 0))
    throw new OperatorError(`not a time: ${JSON.stringify(text)}`, {
      hint: 'write 2h, 7d, or 2026-11-21T18:00',
    });
  return epochMicros(Math.max(0, Math.round(ms)) * 1000);
}
