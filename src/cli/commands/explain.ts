/** `banjour explain`: the story of an address, for people or as JSON. */

import { ControlClient } from '../../control/client.js';
import type { OffendersView, UserView } from '../../control/offender-views.js';
import type { RefusalReason } from '../../control/policy-views.js';
import {
  addsPoints,
  type BanView,
  type Explanation,
  RULE_REASONS,
} from '../../control/protocol.js';
import type { Leniency } from '../../core/decision.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { alarmWords } from '../../core/figures.js';
import { OPERATOR_CHARS_MAX, USER_CHARS_MAX } from '../../core/limits.js';
import { SHARE_TEXT_CHARS_MAX } from '../../core/service-limits.js';
import { counted, escapeUntrusted, isUserName } from '../../core/text.js';
import { localTime, localZone } from '../../core/time.js';
import { statusSocket } from '../../setup/paths.js';
import { formatLength, tableWidth } from '../../tools/terminal.js';
import { timeLine } from '../../tools/time-line.js';
import { historyTable } from '../ban-tables.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const explain: CommandDefinition = {
  name: 'explain',
  summary:
    'Show why an address is banned or not, or what is known of a user, and how to lift the ban',
  details: [
    'Shows the entries that were counted, re-read from the journal, the regex that finds the failure in each, the decision, what the kernel has, and what happens next. Of addresses that attacked together it names the others.',
    'Of a user it shows whether many addresses attack the name, and which; alarms; the networks that the user logs in from; and logins that were refused unseen.',
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
    ['banjour explain 192.0.2.0/24', 'Who failed in a network'],
    ['banjour explain anna@example.org', 'Whether a user is attacked, and by whom'],
  ],
  exits: [[EXIT.no, 'nothing is known of it']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const { explain: ask } = await import('../../tools/explain.js');
  const client = new ControlClient(statusSocket(paths));
  const who = args.text('address') ?? '';
  if (isUserName(who)) {
    const told = await client.user({ user: who });
    terminal.out(args.flag('json') ? `${JSON.stringify(told)}\n` : userText(told));
    return isKnown(told) ? EXIT.ok : EXIT.no;
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
    told.offenders.length > 0 ||
    Object.keys(told.allowed).length > 0;
  return known ? EXIT.ok : EXIT.no;
}

/** True when anything is known of a user. */
function isKnown({ jails, alarms, refusals }: UserView): boolean {
  const said = jails.some(
    ({ isHoneypot, networks, offenders }) => isHoneypot || networks > 0 || offenders.found > 0,
  );
  return said || alarms.length > 0 || refusals.length > 0;
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

/** All that is known of a user, for people. */
function userText(told: UserView): string {
  const name = escapeUntrusted(told.user, USER_CHARS_MAX);
  if (!isKnown(told)) return `${name}: nothing is known of such a user.\n`;
  const lines = [`${name}  (times: ${localZone()})`, ''];
  for (const jail of told.jails) lines.push(...weighedUserLines(jail));
  if (told.alarms.length > 0) lines.push('', 'Alarms:', ...told.alarms.map(alarmLine));
  for (const { offenders } of told.jails)
    if (offenders.found > 0) lines.push('', ...offenderLines(offenders));
  for (const { jail, networks, credit } of told.jails)
    if (networks > 0)
      lines.push(
        '',
        `Logs in from ${counted(networks, 'network')}, which ${networks === 1 ? 'vouches' : 'vouch'} for the user in ${jail}:`,
        ...credit.map(
          ({ network, address, service, last }) =>
            `  ${network}  the last from ${address}, ${service}, at ${localTime(last)}`,
        ),
        ...moreLine(networks - credit.length, 'network'),
      );
  if (told.refusals.length > 0)
    lines.push(
      '',
      `${counted(told.refusals.length, 'login')} refused before the password was looked at:`,
      ...refusalLines(told.refusals),
    );
  return `${lines.join('\n')}\n`;
}

/** How a jail sees the user, in a sentence or two. */
function weighedUserLines(view: UserView['jails'][number]): string[] {
  const { jail, offenders, networks } = view;
  const lines: string[] = [];
  if (view.isUnderAttack)
    lines.push(
      `Under attack in ${jail}${view.attackedSince === undefined ? '' : ` since ${localTime(view.attackedSince)}`}: each further address without credit that fails for the user is banned at once.`,
    );
  else if (offenders.rule === 'user')
    lines.push(`Not under attack in ${jail}${ofNeeded(offenders)}.`);
  if (view.isHoneypot) lines.push(`A honeypot of ${jail}: whoever tries the name is banned.`);
  if (view.isDeadName)
    lines.push(
      `A dead name in ${jail}: nobody logs in with it, and each further address that tries it is banned at once.`,
    );
  else if (networks === 0 && !view.isUnderAttack)
    lines.push(`Nobody is known to log in with the name in ${jail}.`);
  return lines;
}

function ofNeeded({ found, needed }: OffendersView): string {
  return needed === undefined ? '' : `: ${found} of ${counted(needed, 'address', 'addresses')}`;
}

function alarmLine(alarm: UserView['alarms'][number]): string {
  return `  ${localTime(alarm.time)}  ${alarmWords(alarm)}, the last from ${alarm.address}`;
}

function moreLine(more: number, thing: string, things = `${thing}s`): string[] {
  return more > 0 ? [`  and ${counted(more, thing, things)} more`] : [];
}

/** Who attacked together. */
function offenderLines(view: Explanation['offenders'][number], lineChars = 1024): string[] {
  const { rule, network, user = '', decided, spanSeconds, needed, found, offenders } = view;
  const where =
    rule === 'subnet' ? `in ${network}` : `for ${escapeUntrusted(user, USER_CHARS_MAX)}`;
  const when = decided === undefined ? 'now' : `at the ban of ${localTime(decided)}`;
  const of = needed === undefined ? '' : `, of the ${needed} that it takes`;
  return [
    `Addresses that failed ${where}, ${when}: ${found}${of}, within ${formatLength(spanSeconds)}`,
    ...offenders.flatMap(({ target, attempts, users, names, last, banned, line }) => {
      const shown = users.map((name) => escapeUntrusted(name, USER_CHARS_MAX)).join(', ');
      const as =
        rule !== 'subnet' || names === 0
          ? ''
          : ` as ${shown}${names > users.length ? ` and ${names - users.length} more` : ''}`;
      const ban = banned === undefined ? '' : `, banned in ${banned}`;
      return [
        `  ${target}  ${counted(attempts, 'failure')}${as}, the last at ${localTime(last)}${ban}`,
        ...(line === undefined ? [] : [`    ${escapeUntrusted(line, lineChars)}`]),
      ];
    }),
    ...moreLine(found - offenders.length, 'address', 'addresses'),
  ];
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

/** A ban in force: since when, until when, by whom or why. */
function banText(ban: BanView, told: Explanation): string {
  const end = ban.until === null ? 'for good' : `until ${localTime(ban.until)}`;
  const reported =
    ban.host === undefined || ban.origin === 'shared'
      ? ''
      : `, reported by ${escapeUntrusted(ban.host, 256)}`;
  const lenient = ban.leniency === undefined ? '' : ` ${LENIENCIES[ban.leniency]}.`;
  return `Banned in ${ban.jail} as ${ban.target} since ${localTime(ban.time)}, ${end}${banReason(ban, told)}${reported}.${lenient}`;
}

function banReason(ban: BanView, { offenders }: Explanation): string {
  if (ban.origin === 'shared') return sharedBy(ban);
  if (ban.origin !== 'journal')
    return ` by ${ban.by === undefined ? ban.origin : escapeUntrusted(ban.by, OPERATOR_CHARS_MAX)}`;
  if (ban.rule === undefined) return ` for ${counted(ban.failures, 'failure')}`;
  const together = offenders.find(
    ({ jail, rule, decided }) => jail === ban.jail && rule === ban.rule && decided === ban.time,
  );
  const { needed, points } = ban;
  const more =
    together !== undefined
      ? `${together.user === undefined ? '' : `, ${escapeUntrusted(together.user, USER_CHARS_MAX)}`}, ${together.found}${together.needed === undefined ? '' : ` of ${together.needed}`} offenders`
      : ban.rule === 'slow' && points !== undefined
        ? `, ${Number(points.toFixed(1))}${needed === undefined ? '' : ` of ${needed}`} points`
        : '';
  return ` by evidence: ${RULE_REASONS[ban.rule]}${more}`;
}

/** The story of an address, for people. */
function explanationText(told: Explanation, width: number): string {
  // A line of log may fill a screen.
  const lineChars = Number.isFinite(width) ? 1024 : Number.POSITIVE_INFINITY;
  // Its place says where all of it stands.
  const regexChars = Number.isFinite(width) ? REGEX_CHARS : Number.POSITIVE_INFINITY;
  const lines: string[] = [`${told.address}  (times: ${localZone()})`, ''];
  const inForce = told.bans.filter(({ state }) => state === 'in-force' || state === 'wanted');
  for (const ban of inForce) lines.push(banText(ban, told));
  for (const { target, until, ...source } of told.listed ?? [])
    lines.push(
      `On a list as ${target} until ${localTime(until)}${sharedBy({ ...source, source: 'lists' })}.`,
    );
  if (inForce.length === 0) lines.push('Not banned now.');
  for (const [jail, reason] of Object.entries(told.allowed))
    lines.push(`Never banned in ${jail}: ${escapeUntrusted(reason)}.`);
  for (const window of told.windows) lines.push(windowText(window, told));
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
  for (const together of told.offenders) lines.push('', ...offenderLines(together, lineChars));
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
    for (const regex of regexes)
      lines.push(`  found by ${escapeUntrusted(regex, placeChars(regex) + regexChars)}`);
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
function windowText(window: Explanation['windows'][number], told: Explanation): string {
  const { jail, target, failures, points, needed, maxretry, last } = window;
  const since = last === undefined ? '' : `, the last at ${localTime(last)}`;
  const why = needed > maxretry ? ` (maxretry is ${maxretry}; others log in from there)` : '';
  if (points === undefined)
    return `${jail} counts ${failures} of ${counted(needed, 'failure')} of ${target}${why}${since}.`;
  const whatFor = failures === 0 ? '' : `, for ${counted(failures, 'failure')}`;
  const ban = newestBan(told, jail);
  const added =
    ban !== undefined && ban.target === target && addsPoints(ban)
      ? `. Its ban added ${counted(maxretry, 'point')} to what it failed for: its next failure is enough`
      : '';
  return `${jail} gives ${target} ${points.toFixed(1)} of ${counted(needed, 'point')} now${why}${whatFor}${since}${added}.`;
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
    isJoint: addsPoints(ban),
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

/** Characters of a regex on a terminal, without its place, which stands in front. */
const REGEX_CHARS = 300;
const placeChars = (regex: string) => /^.*?:\d+: /.exec(regex)?.[0].length ?? 0;
