/** From what the agent explains to the picture of it: the entries, their sum, the decision. */
import type { TimeLine } from '../../charts/story.js';
import type { BanView, Explanation } from '../../control/protocol.js';
import { lengthOf, shortTime } from './format.js';

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

interface Timed {
  readonly at: number;
  readonly count: number;
}

/** How high something stands in the picture. */
type Height = readonly [at: number, height: number];

/** The newest ban of a jail that counted this evidence. */
export function banOf(explanation: Explanation, jail: string): BanView | undefined {
  return explanation.bans.find((ban) => ban.jail === jail);
}

/**
 * How high the sum of a counting jail stood after each entry: all attempts within findtime up to
 * then.
 */
export function sums(entries: readonly Timed[], findtimeMs: number): Height[] {
  const sorted = [...entries].sort((a, b) => a.at - b.at);
  return sorted.map(({ at }) => [
    at,
    sorted.reduce(
      (sum, one) => (one.at <= at && one.at > at - findtimeMs ? sum + one.count : sum),
      0,
    ),
  ]);
}

/** How long the jail counts together; of one that weighs, or that is no more, undefined. */
function windowOf({ rule }: Evidence): number | undefined {
  return rule === undefined || rule.isWeighing ? undefined : rule.findtimeSeconds * 1000;
}

/** The picture for any width; undefined where no entry has a time any more. */
export function storyOf(
  explanation: Explanation,
  evidence: Evidence,
): ((width: number) => TimeLine) | undefined {
  const { jail, entries, rule } = evidence;
  const timed = entries.flatMap(({ time, count = 1 }): Timed[] => {
    const at = Date.parse(time ?? '');
    return Number.isNaN(at) ? [] : [{ at, count }];
  });
  if (timed.length === 0) return undefined;
  const ban = banOf(explanation, jail);
  const times = timed.map(({ at }) => at);
  const decided = ban === undefined ? Math.max(...times) : Date.parse(ban.time);
  const last = Math.max(decided, ...times);
  const window = windowOf(evidence);
  const from = beginOf(Math.min(...times), decided, window);
  const until = last + Math.max(LENGTH_MIN_MS, (last - from) * TAIL);
  // As high as the sum stood after each entry, or as it weighs where nothing is summed.
  const heights =
    window === undefined ? timed.map(({ at, count }): Height => [at, count]) : sums(timed, window);
  const story = {
    kind: 'timeline' as const,
    title: `${explanation.address} in ${jail}`,
    from,
    until,
    marks: marksOf(heights, window === undefined ? 'attempts' : 'counted together', ban),
    spans: spansOf(window, decided, until, ban),
    ...(window === undefined || rule === undefined
      ? {}
      : {
          level: {
            limit: rule.maxretry,
            label: `bans at ${rule.maxretry}`,
            points: [[from, 0], ...heights] satisfies Height[],
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
  if (window === undefined) return Math.min(first, decided);
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

function spansOf(
  window: number | undefined,
  decided: number,
  until: number,
  ban: BanView | undefined,
): TimeLine['spans'] {
  const spans: TimeLine['spans'][number][] = [];
  if (window !== undefined) {
    const label = `counted together: ${lengthOf(window / 1000)}`;
    spans.push({ from: decided - window, until: decided, label, kind: 'window' });
  }
  if (ban !== undefined) {
    const end = Math.min(until, endOf(ban));
    spans.push({ from: decided, until: end, label: banLabel(ban), kind: 'ban' });
  }
  return spans;
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

/** The answer in a sentence: whether, where, until when and why. */
export function sentenceOf(explanation: Explanation): { banned: boolean; words: string } {
  const { address, bans, windows, allowed } = explanation;
  const present = bans.filter(({ state }) => state === 'in-force' || state === 'wanted');
  const [ban] = present;
  if (ban !== undefined) {
    const end = ban.until === null ? 'for good' : `until ${shortTime(ban.until)}`;
    const rule = explanation.evidence.find(({ jail }) => jail === ban.jail)?.rule;
    const within =
      rule === undefined || rule.isWeighing ? '' : ` within ${lengthOf(rule.findtimeSeconds)}`;
    const why =
      ban.origin === 'operator'
        ? `${ban.by ?? 'an operator'} banned it by hand`
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
