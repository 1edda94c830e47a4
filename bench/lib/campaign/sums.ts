/** Scores of several months as one figure, and beside what is wanted. */
import { short } from '../numbers.js';
import type { Result } from '../result.js';
import type { Part, Score } from './campaign.js';

/** A target that is reached from below. */
export function most(
  what: string,
  unit: string,
  limit: number,
  measured: number,
): Result['targets'][number] {
  return {
    what,
    wanted: `<= ${limit}${unit}`,
    measured: `${short(measured)}${unit}`,
    reached: measured <= limit,
  };
}

/** Each kind of attacker over several months. */
export function classesOf(months: readonly Score[]): ReadonlyMap<string, Part> {
  const names = [...(months[0]?.classes.keys() ?? [])];
  return new Map(
    names.map((name) => [name, sum(months, ({ classes }) => classes.get(name) ?? NONE)]),
  );
}

const NONE: Part = { all: 0, some: 0 };

export function sum(months: readonly Score[], of: (score: Score) => Part): Part {
  return months.map(of).reduce((a, b) => ({ all: a.all + b.all, some: a.some + b.some }), NONE);
}

export function mean(months: readonly Score[], of: (score: Score) => number): number {
  return months.reduce((n, score) => n + of(score), 0) / months.length;
}

export function percent(part: Part | undefined): number {
  return part === undefined || part.all === 0 ? 0 : (100 * part.some) / part.all;
}
