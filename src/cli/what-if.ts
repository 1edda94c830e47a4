/** What `banjour replay` says at its end: for people, or as one JSON object. */
import { comparePrefixes, formatPrefix } from '../core/address.js';
import { escapeUntrusted } from '../core/text.js';
import { isoTime, secondsBetween } from '../core/time.js';
import type { ReplayOutcome } from '../daemon/replay/replay-service.js';
import type { Mistake, WouldBan } from '../daemon/replay/what-if.js';
import type { WhatDiffers } from '../daemon/replay/what-if-history.js';
import { chartOf } from './chart.js';
import { formatCount, formatLength, formatTable, formatTime, type Terminal, wantsColour, widthOf } from './terminal.js';

/** Lines of each list that people get; the JSON object has all. */
const LIST_LINES_MAX = 20;
const DAY_SECONDS = 86_400;

/** The text after the last event. With `brief` the kernel's elements are counted and not listed. */
export function whatIfText(
  outcome: ReplayOutcome,
  terminal: Pick<Terminal, 'stdout' | 'env'>,
  { brief }: { readonly brief: boolean },
): string {
  const width = widthOf(terminal.stdout);
  const parts = [
    brief ? kernelCountText(outcome) : kernelText(outcome),
    chartText(outcome, wantsColour(terminal.stdout, terminal.env)),
    jailsText(outcome, width),
    mistakesText(outcome.mistakes, width),
    differenceText(outcome, width),
    costText(outcome),
  ];
  const text = parts.filter((part) => part !== '').join('\n');
  return brief ? text : `\n${text}`;
}

/** The last line of `--json --summary`. */
export function whatIfSummary(outcome: ReplayOutcome): object {
  const { totals, stats, end, cost, jails, timeline, mistakes, banned, atOnce, difference, noDifference } = outcome;
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
    timeline: timeline === undefined ? null : { ...timeline, from: new Date(timeline.from * 1000).toISOString() },
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
  const lines = [`In the kernel now (nft list table inet banjour), ${kernel.elements.length} elements:`];
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
  const names = counts.filter(({ own }) => own > 0).map(({ jail, own }) => `${jail} ${formatCount(own)}`);
  return `In the kernel now (nft list table inet banjour): ${formatCount(kernel.elements.length)} banned (${names.join(', ')})\n`;
}

function chartText({ timeline }: ReplayOutcome, colour: boolean): string {
  if (timeline === undefined) return '';
  const lines = chartOf(timeline, {
    bar: (text) => (colour ? `\x1b[31m${text}\x1b[0m` : text),
    time: (epochSeconds, width) => {
      const text = formatTime(new Date(epochSeconds * 1000).toISOString());
      return width >= DAY_SECONDS ? text.slice(0, 10) : width >= 60 ? text.slice(0, 16) : text.slice(11);
    },
  });
  if (lines.length === 0) return '';
  return `Bans over time, one column is ${formatLength(timeline.width)}:\n${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function jailsText({ jails, order, stats, end, totals, atOnce, timeline }: ReplayOutcome, width: number): string {
  const sorted = jails.toSorted((a, b) => order.indexOf(a.jail as never) - order.indexOf(b.jail as never));
  const table = formatTable(
    [
      { title: 'jail', shrink: true },
      ...['failures', 'bans', 'addresses', 'extended', 'at once'].map((title) => ({ title, align: 'right' as const })),
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
    `${formatCount(stats?.entriesRead ?? 0)} entries${span}, the last of ${isoTime(end)}`,
    `${formatCount(failures)} failures in ${formatCount(totals.found)} entries, ${formatCount(totals.ban)} bans, ${formatCount(totals.unban)} ended, ${formatCount(totals.ignored)} ignored${refused}; at most ${formatCount(atOnce)} in force at once`,
    '',
    table,
  ].join('\n');
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
      { title: 'users', shrink: true },
    ],
    mistakes
      .slice(0, LIST_LINES_MAX)
      .map(({ target, jail, first, failures, successes, shutOut, users }) => [
        target,
        jail,
        formatTime(isoTime(first)),
        String(failures),
        String(successes),
        String(shutOut),
        users.map((user) => escapeUntrusted(user, 40)).join(' '),
      ]),
    width,
  );
  return `Banned, but also logged in: likely users of yours, or accounts whose password was found (${mistakes.length}):\n${table}${more(mistakes.length)}`;
}

function differenceText({ difference, noDifference }: ReplayOutcome, width: number): string {
  if (noDifference !== undefined) return `No comparison with what happened: ${noDifference}\n`;
  if (difference === undefined) return '';
  const { both, onlyReplay, onlyThen, from, to } = difference;
  const head = `Against what happened (ledger, bans decided from ${isoTime(from)} to ${isoTime(to)}): ${formatCount(both)} the same, ${formatCount(onlyReplay.length)} only here, ${formatCount(onlyThen.length)} only then\n`;
  return `${head}${onlyHereText({ ...difference }, width)}${onlyThenText(difference, width)}`;
}

function onlyHereText({ onlyReplay }: WhatDiffers, width: number): string {
  if (onlyReplay.length === 0) return '';
  const rows = onlyReplay
    .slice(0, LIST_LINES_MAX)
    .map(({ target, jail, first, failures }) => [target, jail, formatTime(isoTime(first)), String(failures)]);
  const columns = [
    { title: 'only here', shrink: true },
    { title: 'jail' },
    { title: 'would be banned at' },
    { title: 'failures', align: 'right' as const },
  ];
  return `${formatTable(columns, rows, width)}${more(onlyReplay.length)}`;
}

function onlyThenText({ onlyThen }: WhatDiffers, width: number): string {
  if (onlyThen.length === 0) return '';
  const rows = onlyThen
    .slice(0, LIST_LINES_MAX)
    .map(({ target, jail, time }) => [target, jail, formatTime(isoTime(time))]);
  const columns = [{ title: 'only then', shrink: true }, { title: 'jail' }, { title: 'was banned at' }];
  return `${formatTable(columns, rows, width)}${more(onlyThen.length)}`;
}

function more(count: number): string {
  return count > LIST_LINES_MAX ? `... and ${count - LIST_LINES_MAX} more: --json --summary has all\n` : '';
}

function costText({ cost, stats, notCompared }: ReplayOutcome): string {
  const entries = stats?.entriesRead ?? 0;
  const rate = entries > 0 && cost.seconds > 0 ? `, ${formatCount(entries / cost.seconds)} entries per second` : '';
  const bound = notCompared > 0 ? `; ${formatCount(notCompared)} addresses did not fit into the comparison` : '';
  return `Took ${cost.seconds.toFixed(1)} s (${cost.cpuSeconds.toFixed(1)} s of processor)${rate}, ${Math.round(cost.residentBytesMax / 1048576)} MiB at most${bound}\n`;
}
