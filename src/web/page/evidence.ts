/** From what the agent explains to the picture of it: the entries, their sum, the decision. */
import type { TimeLine } from '../../charts/story.js';
import {
  addsPoints,
  type BanView,
  type Explanation,
  RULE_REASONS,
} from '../../control/protocol.js';
import { counted } from '../../core/text.js';
import { lengthOf, points as pointsText, shortTime } from './format.js';

type Evidence = Explanation['evidence'][number];

/** Of a picture the part behind the decision, as a share of what lies before it. */
const TAIL = 0.35;
/** A picture of less than this would show nothing, milliseconds. */
const LENGTH_MIN_MS = 2_000;
/** A part of a window in which entries would be drawn upon each other. */
const SMALL = 0.2;
/** Where words stand on the axis, as shares of it; none in a picture narrower than this. */
const TICKS = [0.25, 0.5, 0.75];
const NARROW = 480;

/** Times at which fading is drawn, of one picture. */
const FADES = 48;

interface Timed {
  readonly at: number;
  readonly count: number;
  /** What it weighed, where that is known. */
  readonly points?: number | undefined;
}

/** How high something stands in the picture. */
type Height = readonly [at: number, height: number];

/** The newest ban of a jail that counted this evidence. */
export function banOf(explanation: Explanation, jail: string): BanView | undefined {
  return explanation.bans.find((ban) => ban.jail === jail);
}

/** How a counting jail adds up. */
interface Counting {
  readonly findtimeMs: number;
  /** Attempts before the first entry whose own entries were not kept. */
  readonly earlier: number;
  /** What came up to then was answered by the ban, and does not count for later ones. */
  readonly settledAt?: number | undefined;
}

/**
 * How high the sum of a counting jail stood after each entry: all attempts within findtime up to
 * then, both ends included.
 */
export function sums(
  entries: readonly Timed[],
  { findtimeMs, earlier, settledAt = Number.POSITIVE_INFINITY }: Counting,
): Height[] {
  const sorted = [...entries].sort((a, b) => a.at - b.at);
  return sorted.map(({ at }) => {
    const isLater = at > settledAt;
    const own = sorted.filter(
      (one) => one.at <= at && one.at >= at - findtimeMs && (!isLater || one.at > settledAt),
    );
    return [at, own.reduce((sum, { count }) => sum + count, isLater ? 0 : earlier)];
  });
}

/** Entries of a jail that weighs, all points at a time, and how fast they fade. */
interface Weights {
  readonly entries: readonly { readonly at: number; readonly points: number }[];
  /** Absent: nothing but the entries is known. */
  readonly sum: { readonly at: number; readonly points: number } | undefined;
  readonly halfLifeMs: number;
  /** What a ban together with others adds for the next failure. */
  readonly added?: { readonly at: number; readonly points: number } | undefined;
  /** When an operator lifted the ban: what came before is forgotten from then on. */
  readonly pardonedAt?: number | undefined;
}

/**
 * How high the points of an address stood between two times: each entry adds what it weighs, and
 * all of them fade. What the entries do not explain was there before them, and fades like them.
 */
export function pointsOver(weights: Weights, from: number, until: number): Height[] {
  const { entries, sum, halfLifeMs, added, pardonedAt = Number.POSITIVE_INFINITY } = weights;
  const first = Math.min(...entries.map(({ at }) => at));
  const at = (time: number, all: typeof entries) =>
    all
      .filter((one) => one.at <= time && (one.at > pardonedAt || time <= pardonedAt))
      .reduce((total, one) => total + one.points * 2 ** (-(time - one.at) / halfLifeMs), 0);
  // Entries are kept from the newest on: what they do not explain was all there by the first.
  const rest = sum === undefined ? 0 : Math.max(0, sum.points - at(sum.at, entries));
  const before = { at: first, points: rest * 2 ** (((sum?.at ?? first) - first) / halfLifeMs) };
  const all = [before, ...entries, ...(added === undefined ? [] : [added])];
  const grid = Array.from({ length: FADES + 1 }, (_, i) => from + ((until - from) * i) / FADES);
  const steps = [...all.map((one) => one.at), ...(sum === undefined ? [] : [sum.at])];
  const times = [...new Set([...grid, ...steps])].filter((one) => one >= from && one <= until);
  // How much there was before the first entry, and since when, nobody knows any more.
  const known = rest === 0 ? times : times.filter((one) => one >= first);
  return known.sort((a, b) => a - b).map((time): Height => [time, at(time, all)]);
}

/** How long the jail counts together; of one that weighs, or that is no more, undefined. */
function windowOf({ rule }: Evidence): number | undefined {
  return rule === undefined || rule.isWeighing ? undefined : rule.findtimeSeconds * 1000;
}

/** The weights of a jail that weighs; undefined where one of them is not known any more. */
function weightsOf(
  { rule, sum }: Evidence,
  timed: readonly Timed[],
  ban: BanView | undefined,
): Weights | undefined {
  if (rule?.isWeighing !== true) return undefined;
  const entries = timed.flatMap(({ at, points }) => (points === undefined ? [] : [{ at, points }]));
  if (entries.length < timed.length) return undefined;
  const at = Date.parse(sum?.time ?? '');
  return {
    entries,
    sum: sum === undefined || Number.isNaN(at) ? undefined : { at, points: sum.points },
    halfLifeMs: rule.findtimeSeconds * 1000,
    // Right behind the decision, which went without it.
    added: addsPoints(ban)
      ? { at: Date.parse(ban?.time ?? '') + 1, points: rule.maxretry }
      : undefined,
    pardonedAt: ban?.ended?.reason === 'operator' ? Date.parse(ban.ended.time) : undefined,
  };
}

/** When the failures of a jail that counts were answered by a ban, if they were. */
function settledBy(ban: BanView | undefined): number | undefined {
  return ban?.origin === 'journal' ? Date.parse(ban.time) : undefined;
}

/**
 * The picture for any width; undefined where no entry has a time any more. `stopped`: packets that
 * the kernel has stopped by the jail.
 */
export function storyOf(
  explanation: Explanation,
  evidence: Evidence,
  stopped?: number,
): ((width: number) => TimeLine) | undefined {
  const { jail, entries, earlier, rule } = evidence;
  const timed = entries.flatMap(({ time, count = 1, points }): Timed[] => {
    const at = Date.parse(time ?? '');
    return Number.isNaN(at) ? [] : [{ at, count, points }];
  });
  if (timed.length === 0) return undefined;
  const ban = banOf(explanation, jail);
  const times = timed.map(({ at }) => at);
  const decided = ban === undefined ? Math.max(...times) : Date.parse(ban.time);
  const last = Math.max(decided, ...times);
  const window = windowOf(evidence);
  const from = beginOf(Math.min(...times), decided, window);
  const until = last + Math.max(LENGTH_MIN_MS, (last - from) * TAIL);
  const weights = weightsOf(evidence, timed, ban);
  // As high as the sum stood after each entry, or as it weighs where weights are added.
  const heights =
    window === undefined
      ? timed.map(({ at, count, points }): Height => [at, weights ? (points ?? 0) : count])
      : sums(timed, { findtimeMs: window, earlier, settledAt: settledBy(ban) });
  const counts: Height[] | undefined = window === undefined ? undefined : [[from, 0], ...heights];
  const level = weights === undefined ? counts : pointsOver(weights, from, until);
  const what = weights ? 'points' : window === undefined ? 'attempts' : 'counted together';
  const story = {
    kind: 'timeline' as const,
    title: `${explanation.address} in ${jail}`,
    from,
    until,
    marks: marksOf(heights, what, ban),
    spans: [
      ...windowSpans(window, weights, from, decided),
      ...banSpans(ban, decided, until, heldBy(explanation, jail) ? stopped : undefined),
    ],
    ...(level === undefined || rule === undefined
      ? {}
      : {
          level: {
            limit: rule.needed,
            label: `bans at ${rule.needed}${weights ? ' points' : ''}`,
            points: level,
          },
        }),
  };
  return (width) => {
    const isNarrow = width < NARROW;
    return {
      ...story,
      ends: [timeAt(from), isNarrow ? '' : timeAt(until)],
      width,
      ticks: (isNarrow ? [] : TICKS).map((share) => {
        const at = from + share * (until - from);
        return { at, label: timeAt(at) };
      }),
    };
  };
}

/**
 * Where the picture begins: with the window, or, where all entries came in a small part of it, a
 * little before them, so that they can be told apart.
 */
function beginOf(first: number, decided: number, window: number | undefined): number {
  if (window === undefined) return first - Math.max(LENGTH_MIN_MS, decided - first) / 8;
  const spread = Math.max(LENGTH_MIN_MS, decided - first);
  return spread < window * SMALL ? first - spread / 4 : Math.min(first, decided - window);
}

function marksOf(
  heights: readonly Height[],
  what: string,
  ban: BanView | undefined,
): TimeLine['marks'] {
  const entries = heights.map(([at, weight]) => ({
    at,
    label: `${timeAt(at)}, ${what}`,
    weight,
    kind: 'entry' as const,
  }));
  if (ban === undefined) return entries;
  const at = Date.parse(ban.time);
  return [...entries, { at, label: decisionOf(ban), weight: 1, kind: 'decision' }];
}

/** What was counted together, or how fast what was weighed together fades. */
function windowSpans(
  window: number | undefined,
  weights: Weights | undefined,
  from: number,
  decided: number,
): TimeLine['spans'] {
  if (window !== undefined) {
    const label = `counted together: ${lengthOf(window / 1000)}`;
    return [{ from: decided - window, until: decided, label, kind: 'window' }];
  }
  if (weights === undefined) return [];
  const { halfLifeMs } = weights;
  const label = `weighed together: half of each weight is gone after ${lengthOf(halfLifeMs / 1000)}`;
  return [{ from: Math.max(from, decided - halfLifeMs), until: decided, label, kind: 'window' }];
}

/** The ban, and what the kernel has stopped meanwhile, where it holds it. */
function banSpans(
  ban: BanView | undefined,
  decided: number,
  until: number,
  stopped: number | undefined,
): TimeLine['spans'] {
  if (ban === undefined) return [];
  const span = { from: decided, until: Math.min(until, endOf(ban)) };
  const kernel =
    stopped === undefined
      ? []
      : [
          {
            ...span,
            label: `in the kernel, which stopped ${counted(stopped, 'packet')} by this jail`,
            kind: 'kernel' as const,
          },
        ];
  return [{ ...span, label: banLabel(ban), kind: 'ban' }, ...kernel];
}

/** True while the kernel holds the address by the jail. */
function heldBy({ kernel }: Explanation, jail: string): boolean {
  return kernel.some((one) => one.jail === jail);
}

function timeAt(at: number): string {
  return shortTime(new Date(at).toISOString());
}

function decisionOf(ban: BanView): string {
  return `banned ${shortTime(ban.time)}`;
}

function endOf(ban: BanView): number {
  const end = Date.parse(ban.ended?.time ?? ban.until ?? '');
  return Number.isNaN(end) ? Number.POSITIVE_INFINITY : end;
}

function banLabel(ban: BanView): string {
  if (ban.ended !== undefined) return `over ${shortTime(ban.ended.time)} (${ban.ended.reason})`;
  if (ban.until === null) return 'for good';
  const seconds = (Date.parse(ban.until) - Date.parse(ban.time)) / 1000;
  return `kept out for ${lengthOf(seconds)}, until ${shortTime(ban.until)}`;
}

/** Why evidence made the ban, with its points where these decided. */
function reasonOf(
  rule: NonNullable<BanView['rule']>,
  had: number | undefined,
  limit: number | undefined,
): string {
  const reason = RULE_REASONS[rule];
  if (rule !== 'slow' || had === undefined || limit === undefined) return reason;
  return `${reason}: ${pointsText(had)} of ${counted(limit, 'point')}`;
}

/** The answer in a sentence: whether, where, until when and why. */
export function sentenceOf(explanation: Explanation): { banned: boolean; words: string } {
  const { address, bans, windows, allowed } = explanation;
  const present = bans.filter(({ state }) => state === 'in-force' || state === 'wanted');
  const [ban] = present;
  if (ban !== undefined) {
    const end = ban.until === null ? 'for good' : `until ${shortTime(ban.until)}`;
    const { rule, sum } = explanation.evidence.find(({ jail }) => jail === ban.jail) ?? {};
    const within =
      rule === undefined || rule.isWeighing ? '' : ` within ${lengthOf(rule.findtimeSeconds)}`;
    const why =
      ban.origin === 'operator'
        ? `${ban.by ?? 'an operator'} banned it by hand`
        : ban.rule !== undefined
          ? reasonOf(ban.rule, ban.points ?? sum?.points, ban.needed ?? rule?.needed)
          : ban.failures > 0
            ? `it failed ${ban.failures === 1 ? 'once' : `${ban.failures} times`}${within}`
            : 'of what others told';
    return { banned: true, words: `${address} is banned in ${ban.jail} ${end}, because ${why}.` };
  }
  const reasons = Object.values(allowed);
  if (reasons.length > 0)
    return { banned: false, words: `${address} is never banned: ${reasons[0]}.` };
  const open = windows.reduce((sum, { failures }) => sum + failures, 0);
  if (open > 0)
    return {
      banned: false,
      words: `${address} is not banned; ${open === 1 ? '1 failure counts' : `${open} failures count`} now.`,
    };
  return {
    banned: false,
    words: `${address} is not banned${bans.length > 0 ? ' any more' : ', and nothing is known of it'}.`,
  };
}
