/** Small statistics and how numbers are written. */

/** The value below which `share` (0-1) of the values lie; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  return sorted.length % 2 === 1
    ? upper
    : (upper + (sorted[(sorted.length >> 1) - 1] ?? Number.NaN)) / 2;
}

/** `1 234 567` as `1,234,567`, without fraction. */
export function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en') : '-';
}

/** Three digits that count. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 4));
}

/** Lowest to highest, e.g. `1.2-1.9`. */
export function range(values: readonly number[]): string {
  return values.length < 2 ? '' : `${short(Math.min(...values))}-${short(Math.max(...values))}`;
}

/** Runs every way once per round, so that all see the same weather; returns the values by way. */
export async function rounds<K extends string>(
  runs: number,
  ways: Readonly<Record<K, () => Promise<number> | number>>,
): Promise<Record<K, number[]>> {
  const values = Object.fromEntries(
    Object.keys(ways).map((name) => [name, [] as number[]]),
  ) as Record<K, number[]>;
  for (let run = 0; run < runs; run++)
    for (const name of Object.keys(ways) as K[]) values[name].push(await ways[name]());
  return values;
}
