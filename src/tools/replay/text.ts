/**
 * What `banjour replay` says at its end: for people, with a chart of bans over time, or as one JSON
 * object.
 */

import { comparePrefixes, formatPrefix } from '../../core/address.js';
import { USER_CHARS_MAX } from '../../core/limits.js';
import { counted, escapeUntrusted, formatCount } from '../../core/text.js';
import { isoTime, localTime, localZone, secondsBetween } from '../../core/time.js';
import { formatTable } from '../columns.js';
import { formatLength, type Terminal, tableWidth, wantsColour } from '../terminal.js';
import type { WhatDiffers } from './history.js';
import type { ReplayOutcome } from './service.js';
import type { Mistake, TimelineView, WouldBan } from './what-if.js';

/** Eighths of a character cell, from the bottom. */
const BLOCKS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/** Lines of the chart. */
const HEIGHT = 6;

/** Columns that labels take from the width. */
export const CHART_MARGIN = 12;

interface ChartStyle {
  /** Marks the bars, e.g. with a colour. */
  readonly bar: (text: string) => string;
  /** A time on the axis, at most 16 characters. */
  readonly time: (epochSeconds: number, width: number) => string;
}

/**
 * The lines of the chart; none without a ban: columns of block characters, failures as a line
 * below, a time axis.
 */
function chartOf(timeline: TimelineView, style: ChartStyle): string[] {
  const { bins, from, width } = timeline;
  const most = Math.max(...bins.map(({ bans }) => bans));
  if (most === 0) return [];
  const failures = Math.max(...bins.map((bin) => bin.failures));
  const label = (text: string) => `${text.padStart(CHART_MARGIN - 2)} `;
  const lines: string[] = [];
  for (let row = HEIGHT - 1; row >= 0; row--) {
    const cells = bins.map(({ bans }) => BLOCKS[eighths(bans, most, HEIGHT, row)] ?? ' ').join('');
    const mark = row === HEIGHT - 1 ? formatCount(most) : row === 0 ? 'bans' : '';
    lines.push(`${label(mark)}│${style.bar(cells)}`);
  }
  lines.push(`${label('0')}└${'─'.repeat(bins.length)}`);
  lines.push(
    `${label('failures')} ${bins.map((bin) => BLOCKS[eighths(bin.failures, failures, 1, 0)] ?? ' ').join('')}`,
  );
  const begin = style.time(from, width);
  const end = style.time(from + (bins.length - 1) * width, width);
  const room = bins.length - begin.length - end.length;
  lines.push(
    `${label('')} ${begin}${bins.length > 1 && room > 0 ? `${' '.repeat(room)}${end}` : ''}`,
  );
  return lines;
}

/** How much of this row's cell a value fills; a value above zero is always seen. */
function eighths(value: number, most: number, height: number, row: number): number {
  if (value === 0 || most === 0) return 0;
  const filled = Math.max(1, Math.round((value / most) * height * 8));
  return Math.min(8, Math.max(0, filled - row * 8));
}

// The text and the JSON object.

/** Lines of each list on a terminal; elsewhere the lists are whole, as in the JSON object. */
const LIST_LINES_MAX = 20;
const DAY_SECONDS = 86_400;

/** The text after the last event. With `brief` the kernel's elements are counted and not listed. */
export function whatIfText(
  outcome: ReplayOutcome,
  terminal: Pick<Terminal, 'stdout' | 'env'>,
  { brief }: { readonly brief: boolean },
): string {
  const width = tableWidth(terminal.stdout);
  const parts = [
    brief ? kernelCountText(outcome) : kernelText(outcome),
    chartText(outcome, wantsColour(terminal.stdout, terminal.env)),
    jailsText(outcome, width),
    rulesText(outcome),
    mistakesText(outcome.mistakes, width),
    differenceText(outcome, width),
    costText(outcome),
  ];
  const text = parts.filter((part) => part !== '').join('\n');
  return brief ? text : `\n${text}`;
}

/** The last line of `--json --summary`. */
export function whatIfSummary(outcome: ReplayOutcome): object {
  const {
    totals,
    stats,
    end,
    cost,
    jails,
    timeline,
    mistakes,
    banned,
    atOnce,
    difference,
    noDifference,
  } = outcome;
  const would = ({ first, last, until, ...ban }: WouldBan) => ({
    ...ban,
    first: isoTime(first),
    last: isoTime(last),
    until: until === null ? null : isoTime(until),
  });
  return {
    entries: stats?.entriesRead ?? 0,
    end: isoTime(end),
    totals,
    atOnce,
    jails,
    timeline:
      timeline === undefined
        ? null
        : { ...timeline, from: new Date(timeline.from * 1000).toISOString() },
    mistakes: mistakes.map(({ successes, users, ...ban }) => ({
      ...would(ban),
      successes,
      users: users.map((user) => escapeUntrusted(user)),
    })),
    banned: banned.map(would),
    difference:
      difference === undefined
        ? null
        : {
            ...difference,
            from: isoTime(difference.from),
            to: isoTime(difference.to),
            onlyReplay: difference.onlyReplay.map(would),
            onlyThen: difference.onlyThen.map((one) => ({ ...one, time: isoTime(one.time) })),
          },
    ...(noDifference === undefined ? {} : { noDifference }),
    notCompared: outcome.notCompared,
    cost,
  };
}

function kernelText({ kernel, order, end }: ReplayOutcome): string {
  if (kernel === undefined) return '';
  const lines = [
    `In the kernel now (nft list table inet banjour), ${counted(kernel.elements.length, 'element')}:`,
  ];
  for (const jail of order) {
    const own = kernel.elements.filter((element) => element.jail === jail);
    lines.push(`  ${jail} (${own.length}):`);
    for (const { target, until } of own.toSorted((a, b) => comparePrefixes(a.target, b.target)))
      lines.push(
        `    ${formatPrefix(target)}${until === null ? '' : ` for ${Math.round(secondsBetween(end, until))} s more`}`,
      );
  }
  return `${lines.join('\n')}\n`;
}

function kernelCountText({ kernel, order }: ReplayOutcome): string {
  if (kernel === undefined) return '';
  const counts = order.map((jail) => ({
    jail,
    own: kernel.elements.filter((element) => element.jail === jail).length,
  }));
  const names = counts
    .filter(({ own }) => own > 0)
    .map(({ jail, own }) => `${jail} ${formatCount(own)}`);
  return `In the kernel now (nft list table inet banjour): ${formatCount(kernel.elements.length)} banned (${names.join(', ')})\n`;
}

function chartText({ timeline }: ReplayOutcome, colour: boolean): string {
  if (timeline === undefined) return '';
  const lines = chartOf(timeline, {
    bar: (text) => (colour ? `\x1b[31m${text}\x1b[0m` : text),
    time: (epochSeconds, width) => {
      const text = localTime(epochSeconds * 1000);
      return width >= DAY_SECONDS
        ? text.slice(0, 10)
        : width >= 60
          ? text.slice(0, 16)
          : text.slice(11);
    },
  });
  if (lines.length === 0) return '';
  return `Bans over time, one column is ${formatLength(timeline.width)}:\n${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function jailsText(
  { jails, order, stats, end, totals, atOnce, timeline }: ReplayOutcome,
  width: number,
): string {
  const sorted = jails.toSorted(
    (a, b) => order.indexOf(a.jail as never) - order.indexOf(b.jail as never),
  );
  const table = formatTable(
    [
      { title: 'jail', shrink: true },
      ...['failures', 'bans', 'addresses', 'extended', 'at once'].map((title) => ({
        title,
        align: 'right' as const,
      })),
    ],
    sorted.map(({ jail, failures, bans, targets, extended, atOnce: most }) => [
      jail,
      ...[failures, bans, targets, extended, most].map(formatCount),
    ]),
    width,
  );
  const failures = jails.reduce((sum, one) => sum + one.failures, 0);
  const refused = totals.refused > 0 ? `, ${totals.refused} refused by the kernel` : '';
  const span = timeline === undefined ? '' : ` of ${formatLength(end / 1e6 - timeline.from)}`;
  return [
    `${counted(stats?.entriesRead ?? 0, 'entry', 'entries')}${span}, the last of ${localTime(end / 1000)} (times: ${localZone()})`,
    `${counted(failures, 'failure')} in ${counted(totals.found, 'entry', 'entries')}, ${counted(totals.ban, 'ban')}, ${formatCount(totals.unban)} ended, ${formatCount(totals.ignored)} ignored${refused}; at most ${formatCount(atOnce)} in force at once`,
    '',
    table,
  ].join('\n');
}

/** Bans of jails that weigh by rule, and what jails that only watch would have done. */
function rulesText({ jails }: ReplayOutcome): string {
  return jails
    .flatMap(({ jail, bans, wouldBan, rules }) => {
      const told = Object.entries(rules)
        .sort(([, a], [, b]) => b - a)
        .map(([rule, count]) => `${rule} ${formatCount(count)}`)
        .join(', ');
      const by = told === '' ? '' : `, by rule: ${told}`;
      if (wouldBan > 0)
        return [`${jail} only watches, and would have made ${counted(wouldBan, 'ban')}${by}\n`];
      return told === '' ? [] : [`${jail} made ${counted(bans, 'ban')}${by}\n`];
    })
    .join('');
}

function mistakesText(mistakes: readonly Mistake[], width: number): string {
  if (mistakes.length === 0) return '';
  const table = formatTable(
    [
      { title: 'address' },
      { title: 'jail' },
      { title: 'banned at' },
      { title: 'failures', align: 'right' },
      { title: 'logins', align: 'right' },
      { title: 'while banned', align: 'right' },
      { title: 'users', shrink: true, widest: 120 },
    ],
    mistakes
      .slice(0, listLines(width))
      .map(({ target, jail, first, failures, successes, shutOut, users }) => [
        target,
        jail,
        localTime(first / 1000),
        String(failures),
        String(successes),
        String(shutOut),
        users.map((user) => escapeUntrusted(user, USER_CHARS_MAX)).join(' '),
      ]),
    width,
  );
  return `Banned, but also logged in: likely users of yours, or accounts whose password was found (${mistakes.length}):\n${table}${more(mistakes.length, width)}`;
}

function differenceText({ difference, noDifference }: ReplayOutcome, width: number): string {
  if (noDifference !== undefined) return `No comparison with what happened: ${noDifference}\n`;
  if (difference === undefined) return '';
  const { both, onlyReplay, onlyThen, from, to } = difference;
  const head = `Against what happened (ledger, bans decided from ${localTime(from / 1000)} to ${localTime(to / 1000)}): ${formatCount(both)} the same, ${formatCount(onlyReplay.length)} only here, ${formatCount(onlyThen.length)} only then\n`;
  return `${head}${onlyHereText({ ...difference }, width)}${onlyThenText(difference, width)}`;
}

function onlyHereText({ onlyReplay }: WhatDiffers, width: number): string {
  if (onlyReplay.length === 0) return '';
  const rows = onlyReplay
    .slice(0, listLines(width))
    .map(({ target, jail, first, failures }) => [
      target,
      jail,
      localTime(first / 1000),
      String(failures),
    ]);
  const columns = [
    { title: 'only here', shrink: true },
    { title: 'jail' },
    { title: 'would be banned at' },
    { title: 'failures', align: 'right' as const },
  ];
  return `${formatTable(columns, rows, width)}${more(onlyReplay.length, width)}`;
}

function onlyThenText({ onlyThen }: WhatDiffers, width: number): string {
  if (onlyThen.length === 0) return '';
  const rows = onlyThen
    .slice(0, listLines(width))
    .map(({ target, jail, time }) => [target, jail, localTime(time / 1000)]);
  const columns = [
    { title: 'only then', shrink: true },
    { title: 'jail' },
    { title: 'was banned at' },
  ];
  return `${formatTable(columns, rows, width)}${more(onlyThen.length, width)}`;
}

function listLines(width: number): number {
  return Number.isFinite(width) ? LIST_LINES_MAX : Number.POSITIVE_INFINITY;
}

function more(count: number, width: number): string {
  const hidden = count - listLines(width);
  return hidden > 0 ? `... and ${formatCount(hidden)} more: --json --summary has all\n` : '';
}

function costText({ cost, stats, notCompared }: ReplayOutcome): string {
  const entries = stats?.entriesRead ?? 0;
  const rate =
    entries > 0 && cost.seconds > 0
      ? `, ${formatCount(entries / cost.seconds)} entries per second`
      : '';
  const bound =
    notCompared > 0
      ? `; ${counted(notCompared, 'address', 'addresses')} did not fit into the comparison`
      : '';
  return `Took ${cost.seconds.toFixed(1)} s (${cost.cpuSeconds.toFixed(1)} s of processor)${rate}, ${Math.round(cost.residentBytesMax / 1048576)} MiB at most${bound}\n`;
}
