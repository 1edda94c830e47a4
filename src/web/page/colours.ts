/**
 * Which jail has which colour in the view now: one order for the legend and for every chart, and
 * the same colour for as long as somebody looks.
 */
import type { LiveMinute } from '../api.js';

/** Jails that have a colour of their own; the others share one. */
const NAMED = 5;
/** What the others are called together. */
const OTHERS = 'others';

/** The jails in the order of the colours of series. */
export interface JailColours {
  /** Those with a colour of their own. */
  readonly named: readonly string[];
  /** What stands in the legend: they, and the others where there are any. */
  readonly series: readonly string[];
}

/**
 * Gives colours to the jails in which anything happened, the busiest first. `before`: jails that
 * have one keep it while anything of them is shown, and their place while nothing is.
 */
export function coloursOf(
  minutes: readonly LiveMinute[],
  before: readonly string[] = [],
): JailColours {
  const totals = new Map<string, number>();
  for (const { jails } of minutes)
    for (const [jail, { attempts, bans }] of Object.entries(jails))
      if (attempts + bans > 0) totals.set(jail, (totals.get(jail) ?? 0) + attempts + bans);
  const fresh = [...totals]
    .filter(([jail]) => !before.includes(jail))
    .sort(([a, most], [b, least]) => least - most || (a < b ? -1 : 1))
    .map(([jail]) => jail);
  const named = before.slice(0, NAMED);
  for (const jail of fresh) {
    // Of those with a colour, one in which nothing happens any more makes room.
    const free = named.length < NAMED ? named.length : named.findIndex((one) => !totals.has(one));
    if (free < 0) break;
    named[free] = jail;
  }
  const isMore = [...totals.keys()].some((jail) => !named.includes(jail));
  return { named, series: isMore ? [...named, OTHERS] : named };
}
