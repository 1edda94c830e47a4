import { OperatorError } from '../../core/errors.js';

/** Reads `--bantime` as configuration files have it: seconds, or null for good. */
export function bantimeOf(text: string): number | null {
  if (/^-\d+$/.test(text)) return null;
  const seconds = lengthOf(text);
  if (seconds === undefined || seconds <= 0)
    throw new OperatorError(`not a length of time: ${JSON.stringify(text)}`, {
      hint: 'write 600, 10m, 1d12h, 1w, or -1 for good',
    });
  return seconds;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

function lengthOf(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(?:\d+[smhdw])+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/g))
    seconds += Number(count) * (UNITS[unit as string] as number);
  return seconds;
}
