/** `banjour explain`: the story of an address, for people or as JSON. */

import { ControlClient } from '../../control/client.js';
import type { RefusalReason } from '../../control/policy-views.js';
import { type BanView, type Explanation, RULE_REASONS } from '../../control/protocol.js';
import { parsePrefix } from '../../core/address.js';
import type { Leniency } from '../../core/decision.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { OPERATOR_CHARS_MAX } from '../../core/limits.js';
import { SHARE_TEXT_CHARS_MAX } from '../../core/service-limits.js';
import { counted, escapeUntrusted } from '../../core/text.js';
import { localTime, localZone } from '../../core/time.js';
import { statusSocket } from '../../setup/paths.js';
import type { UserExplanation } from '../../tools/explain.js';
import { tableWidth } from '../../tools/terminal.js';
import { timeLine } from '../../tools/time-line.js';
import { historyTable } from '../ban-tables.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const explain: CommandDefinition = {
  name: 'explain',
  summary: 'Show why an address is banned or not, or a user refused, and how to lift the ban',
  details: [
    'Shows the entries that were counted, re-read from the journal, the regex that finds the failure in each, the decision, what the kernel has, and what happens next.',
  ],
  positionals: [
    {
      name: 'address',
      describe: 'An address or prefix, or the name of a user',
      required: true,
      complete: 'banned',
    },
  ],
  honours: ['json', 'pager', 'config-dir', 'shipped-dir', 'run-dir'],
  examples: [
    ['banjour explain 192.0.2.1', 'Everything that is known of an address'],
    ['banjour explain anna@example.org', 'Whose logins as this user were refused unseen'],
  ],
  exits: [[EXIT.no, 'nothing is known of it']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const { explain: ask, explainUser } = await import('../../tools/explain.js');
  const client = new ControlClient(statusSocket(paths));
  const who = args.text('address') ?? '';
  if (isUser(who)) {
    const told = await explainUser(client, who);
    terminal.out(args.flag('json') ? `${JSON.stringify(told)}\n` : userText(told));
    return told.refusals.length > 0 ? EXIT.ok : EXIT.no;
  }
  const told = await ask(client, who, { shippedRoot: paths.shipped, adminRoot: paths.config });
  terminal.out(
    args.flag('json')
      ? `${JSON.stringify(told)}\n`
      : explanationText(told, tableWidth(terminal.stdout)),
  );
  const known =
    told.bans.length > 0 ||
    told.windows.length > 0 ||
    told.kernel.length > 0 ||
    told.refusals.length > 0 ||
    Object.keys(told.allowed).length > 0;
  return known ? EXIT.ok : EXIT.no;
}

/** What looks like an address is one, however wrong; all else is the name of a user. */
function isUser(who: string): boolean {
  return parsePrefix(who) === undefined && !/^[\d.:/a-f]*[.:][\d.:/a-f]*$/i.test(who);
}

/** Refused logins, newest first. */
function refusalLines(refusals: Explanation['refusals']): string[] {
  return refusals
    .slice(0, REFUSALS_SHOWN)
    .map(
      ({ time, address, user, protocol, reason }) =>
        `  ${localTime(time)}  ${address}${user === undefined ? '' : `  ${escapeUntrusted(user, 256)}`}${protocol === undefined ? '' : `  ${escapeUntrusted(protocol, 32)}`}  ${REFUSALS[reason]}`,
    );
}

function userText({ user, refusals }: UserExplanation): string {
  const name = escapeUntrusted(user, 256);
  if (refusals.length === 0)
    return `${name}: no login was refused before its password was looked at.\n`;
  const all = counted(refusals.length, 'login');
  const words = `${name}: ${all} refused before the password was looked at (times: ${localZone()})`;
  return `${[words, ...refusalLines(refusals)].join('\n')}\n`;
}

/** Refused logins that are shown of those that the agent remembers. */
const REFUSALS_SHOWN = 20;
/** Why a login was refused, for people; docs/policy.md says more. */
const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  banned: 'the address is banned',
  honeypot: 'a honeypot name',
  'under-attack': 'the user is under attack, and never logged in from there',
  'dead-name': 'a name that nobody logs in with and that many addresses try',
  'new-name': 'a name that nobody ever logged in with, while many strangers try such names',
  'shared-address': 'the address would be banned if others did not log in from it',
};

const LENIENCIES: Readonly<Record<Leniency, string>> = {
  shared: 'Other users log in from there, so it does not count for recidive',
  storm: 'It is short: all failures came at once and for one name, as from a device',
};

/** The story of an address, for people. */
function explanationText(told: Explanation, width: number): string {
  // A line of log may fill a screen.
  const lineChars = Number.isFinite(width) ? 1024 : Number.POSITIVE_INFINITY;
  const lines: string[] = [`${told.address}  (times: ${localZone()})`, ''];
  const inForce = told.bans.filter(({ state }) => state === 'in-force' || state === 'wanted');
  for (const ban of inForce)
    lines.push(
      `Banned in ${ban.jail} as ${ban.target} since ${localTime(ban.time)}, ${ban.until === null ? 'for good' : `until ${localTime(ban.until)}`}` +
        `${ban.origin === 'shared' ? sharedBy(ban) : ban.origin !== 'journal' ? ` by ${ban.by === undefined ? ban.origin : escapeUntrusted(ban.by, OPERATOR_CHARS_MAX)}` : ban.rule === undefined ? ` for ${counted(ban.failures, 'failure')}` : ` by evidence: ${RULE_REASONS[ban.rule]}${ban.rule === 'slow' && ban.points !== undefined ? `, ${Number(ban.points.toFixed(1))}${ban.needed === undefined ? '' : ` of ${ban.needed}`} points` : ''}`}` +
        `${ban.host === undefined || ban.origin === 'shared' ? '' : `, reported by ${escapeUntrusted(ban.host, 256)}`}.${ban.leniency === undefined ? '' : ` ${LENIENCIES[ban.leniency]}.`}`,
    );
  for (const { target, until, ...source } of told.listed ?? [])
    lines.push(
      `On a list as ${target} until ${localTime(until)}${sharedBy({ ...source, source: 'lists' })}.`,
    );
  if (inForce.length === 0) lines.push('Not banned now.');
  for (const [jail, reason] of Object.entries(told.allowed))
    lines.push(`Never banned in ${jail}: ${escapeUntrusted(reason)}.`);
  for (const window of told.windows) lines.push(windowText(window));
  lines.push(
    told.kernel.length === 0
      ? 'The kernel does not shut it out.'
      : `The kernel shuts it out: ${told.kernel.map(({ jail, target, until }) => `${target} in ${jail}${until === null ? '' : ` until ${localTime(until)}`}`).join(', ')}.`,
  );
  if (told.refusals.length > 0)
    lines.push(
      '',
      'Logins refused before the password was looked at:',
      ...refusalLines(told.refusals),
    );
  for (const { jail, entries, earlier, rule } of told.evidence) {
    if (entries.length === 0) continue;
    lines.push('', `Counted in ${jail}:`);
    if (earlier > 0) lines.push(`  ${counted(earlier, 'failure')} before, not kept`);
    for (const entry of entries) {
      if (!entry.cursor.includes('=')) lines.push(`  ${escapeUntrusted(entry.cursor)}`);
      else if (entry.line === undefined)
        lines.push(`  (gone from the journal) ${escapeUntrusted(entry.cursor)}`);
      else
        lines.push(`  ${localTime(entry.time ?? '')}  ${escapeUntrusted(entry.line, lineChars)}`);
    }
    const regexes = [
      ...new Set(entries.flatMap(({ regex }) => (regex === undefined ? [] : [regex]))),
    ];
    for (const regex of regexes) lines.push(`  found by ${escapeUntrusted(regex, 2 * lineChars)}`);
    if (rule !== undefined) lines.push(...drawn(entries, rule, newestBan(told, jail), width));
  }
  if (told.bans.length > 0)
    lines.push('', 'Bans so far:', historyTable(told.bans, width).trimEnd());
  if (inForce.length > 0)
    lines.push(
      '',
      `To lift it: banjour unban ${told.address}`,
      `Never again:  ignoreip = ${told.address}   in /etc/banjour/jail.local, then banjour reload`,
    );
  return `${lines.join('\n')}\n`;
}

/** What counts against the address in a jail now, and what would ban it. */
function windowText(window: Explanation['windows'][number]): string {
  const { jail, target, failures, points, needed, maxretry, last } = window;
  const since = last === undefined ? '' : `, the last at ${localTime(last)}`;
  const why = needed > maxretry ? ` (maxretry is ${maxretry}; others log in from there)` : '';
  if (points === undefined)
    return `${jail} counts ${failures} of ${counted(needed, 'failure')} of ${target}${why}${since}.`;
  const whatFor = failures === 0 ? '' : `, for ${counted(failures, 'failure')}`;
  return `${jail} gives ${target} ${points.toFixed(1)} of ${counted(needed, 'point')} now${why}${whatFor}${since}.`;
}

/** Which host decided a shared ban, and why. */
function sharedBy({
  host,
  scenario,
  source,
}: Pick<BanView, 'host' | 'scenario' | 'source'>): string {
  const shown = (text: string) => escapeUntrusted(text, SHARE_TEXT_CHARS_MAX);
  const who = host === undefined ? 'another host' : shown(host);
  const why = scenario === undefined ? '' : ` for ${shown(scenario)}`;
  return `, decided by ${who}${why} (${source ?? 'unknown'})`;
}

function newestBan({ bans }: Explanation, jail: string): BanView | undefined {
  return bans.find((ban) => ban.jail === jail && ban.origin === 'journal');
}

/** The time line of a jail's entries, below them. */
function drawn(
  entries: Explanation['evidence'][number]['entries'],
  rule: NonNullable<Explanation['evidence'][number]['rule']>,
  ban: BanView | undefined,
  width: number,
): string[] {
  const facts = {
    ...rule,
    entries: entries.flatMap(({ time, count = 1, points }) =>
      time === undefined ? [] : [{ time, count, ...(points === undefined ? {} : { points }) }],
    ),
    ...(ban === undefined
      ? {}
      : {
          ban: {
            ...{ time: ban.time, until: ban.until },
            ...(ban.ended === undefined ? {} : { ended: ban.ended.time }),
          },
        }),
  };
  const lines = timeLine(facts, width);
  return lines.length === 0 ? [] : ['', ...lines];
}
