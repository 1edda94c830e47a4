/** What `banjour advise` says: for people, or as one JSON object. */
import { formatPrefix } from '../../core/address.js';
import { USER_CHARS_MAX } from '../../core/limits.js';
import { counted, escapeUntrusted, formatCount } from '../../core/text.js';
import { isoTime, localTime, secondsBetween } from '../../core/time.js';
import { formatTable } from '../columns.js';
import { formatLength, tableWidth } from '../terminal.js';
import { type Advice, HARM_GUESSES, type Tried } from './advise.js';
import type { HitClient, SettingTally } from './judge.js';
import { type Lines, type SettingValues, textOf } from './settings.js';

/** Rows of each table on a terminal; elsewhere, and in the JSON object, all. */
const ROWS_SHOWN = 15;

const WHY_NOT = {
  'no-failures': 'too few failed logins were found to advise anything. Is the right journal read?',
  'too-short': 'the journal holds less than a day; that is too little to advise anything.',
  'no-logins':
    'no login was found, so nobody can say who would be shut out. Do the jails read the right services?',
  good: 'keep what you have: no other setting is clearly better.',
} as const;

/** `stream`: where it is shown, for its width. */
export function adviceText(
  advice: Advice,
  stream: { readonly isTTY?: boolean; readonly columns?: number },
): string {
  const width = tableWidth(stream);
  const rows = Number.isFinite(width) ? ROWS_SHOWN : Number.POSITIVE_INFINITY;
  return [
    headText(advice),
    triedText(advice, width, rows),
    keepsText(advice),
    choiceText(advice),
    hitsText(advice, width, rows),
    `Nothing was changed. Read in ${advice.seconds.reading.toFixed(1)} s, judged in ${advice.seconds.judging.toFixed(1)} s.\n`,
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** What `--json` prints. */
export function adviceObject(advice: Advice): object {
  const { entries, failures, logins, left, span, base, tried, best, lines, seconds } = advice;
  return {
    entries,
    failures,
    logins,
    left,
    from: span === undefined ? null : isoTime(span.from),
    to: span === undefined ? null : isoTime(span.to),
    keeps: base.keeps,
    tried: tried.map((one) => ({
      ...settingObject(one.values),
      lines: textOfLines(one.lines),
      ...tallyObject(one.tally),
    })),
    best: typeof best === 'number' ? best : null,
    ...(typeof best === 'number' ? {} : { reason: best }),
    lines: textOfLines(lines),
    seconds,
  };
}

/** Lines of jail.local. */
function textOfLines(lines: Lines): string {
  return [...lines]
    .map(([section, keys]) =>
      [`[${section}]`, ...[...keys].map(([key, value]) => `${key} = ${value}`), ''].join('\n'),
    )
    .join('\n');
}

function settingObject({ weighing, ...values }: SettingValues): object {
  return { ...values, weighing: Object.fromEntries(weighing) };
}

function tallyObject({ guesses, passed, bans, targets, blocked, hits }: SettingTally): object {
  return {
    guesses,
    passed,
    bans,
    targets,
    blockedLogins: blocked,
    hits: hits.map(({ client, jail, time, blocked: own }) => ({
      target: formatPrefix(client.target),
      jail,
      time: isoTime(time),
      logins: client.logins,
      blocked: own,
      users: client.users.map((user) => escapeUntrusted(user)),
    })),
  };
}

function headText({ entries, failures, logins, left, span }: Advice): string {
  const when =
    span === undefined
      ? ''
      : ` of ${formatLength(secondsBetween(span.from, span.to))} up to ${localTime(span.to / 1000)}`;
  const rest = left > 0 ? `; ${formatCount(left)} older ones did not fit and are left out` : '';
  return `${counted(entries, 'entry', 'entries')}; ${counted(failures, 'failure')} and ${counted(logins, 'login')}${when}${rest}\n`;
}

function triedText({ tried, best, base }: Advice, width: number, rows: number): string {
  if (base.values.maxretry === 0) return '';
  const shown = tried.slice(0, rows);
  const table = formatTable(
    [
      { title: '' },
      { title: 'maxretry', align: 'right' },
      { title: 'findtime', align: 'right' },
      { title: 'bantime', align: 'right' },
      { title: 'login', shrink: true },
      { title: 'let through', align: 'right' },
      { title: 'banned', align: 'right' },
      { title: 'users hit', align: 'right' },
      { title: 'logins blocked', align: 'right' },
    ],
    shown.map(({ values, tally }, index) => [
      index === 0 ? 'now' : index === best ? '=>' : '',
      String(values.maxretry),
      textOf('findtime', values.findtime),
      textOf('bantime', values.bantime),
      loginText(values),
      shareText(tally),
      formatCount(tally.targets),
      formatCount(tally.hits.length),
      formatCount(tally.blocked),
    ]),
    width,
  );
  const hidden = tried.length - shown.length;
  const more = hidden > 0 ? `... and ${hidden} settings that do worse: --json has all\n` : '';
  const { guesses } = (tried[0] as Tried).tally;
  return `What of ${counted(guesses, 'guess', 'guesses')} each setting lets through, and whom it bans (addresses and networks; users hit are addresses that log in):\n${table}${more}`;
}

function loginText({ login, weighing }: SettingValues): string {
  const rules = [...weighing].map(([key, value]) => `${key} = ${value}`);
  return [login === 'none' ? '-' : login, ...rules].join(', ');
}

function shareText({ guesses, passed }: SettingTally): string {
  return guesses === 0 ? '-' : `${((100 * passed) / guesses).toFixed(1)} %`;
}

function keepsText({ base }: Advice): string {
  if (base.keeps.length === 0) return '';
  const keys = new Map<string, string[]>();
  for (const { jail, key } of base.keeps) keys.set(jail, [...(keys.get(jail) ?? []), key]);
  return `These jails state a value of their own, which stays: ${[...keys].map(([jail, own]) => `${jail} (${own.join(', ')})`).join(', ')}\n`;
}

function choiceText({ best, lines, tried, base }: Advice): string {
  if (typeof best !== 'number') return `Advice: ${WHY_NOT[best]}\n`;
  const [now, then] = [tried[0] as Tried, tried[best] as Tried];
  const what = ({ tally }: Tried) =>
    `${shareText(tally)} of the guesses let through, ${counted(tally.hits.length, 'address', 'addresses')} of users banned, ${counted(tally.blocked, 'login')} blocked`;
  const watch =
    base.login !== undefined && lines.get(base.login)?.get('enabled') === 'watch'
      ? `The jail ${base.login} learns who logs in for three days, and the journal is shorter: let it watch first.\n`
      : '';
  return [
    `Advice (a login blocked or a user's address banned weighs like ${HARM_GUESSES} guesses):`,
    `  now:  ${what(now)}`,
    `  then: ${what(then)}`,
    `${watch}Write into /etc/banjour/jail.local, then banjour reload:`,
    '',
    textOfLines(lines).replace(/^(?=.)/gm, '    '),
  ].join('\n');
}

function hitsText({ tried, best }: Advice, width: number, rows: number): string {
  const { tally } = tried[typeof best === 'number' ? best : 0] as Tried;
  if (tally.hits.length === 0) return '';
  const table = formatTable(
    [
      { title: 'address' },
      { title: 'jail' },
      { title: 'banned at' },
      { title: 'logins', align: 'right' },
      { title: 'blocked', align: 'right' },
      { title: 'users', shrink: true, widest: 120 },
    ],
    tally.hits.slice(0, rows).map(hitRow),
    width,
  );
  const hidden = tally.hits.length - rows;
  const more = hidden > 0 ? `... and ${formatCount(hidden)} more: --json has all\n` : '';
  return `Addresses that log in and would ${typeof best === 'number' ? 'still ' : ''}have been banned, likely by mistake (${tally.hits.length}):\n${table}${more}`;
}

function hitRow({ client, jail, time, blocked }: HitClient): string[] {
  return [
    formatPrefix(client.target),
    jail,
    localTime(time / 1000),
    String(client.logins),
    String(blocked),
    client.users.map((user) => escapeUntrusted(user, USER_CHARS_MAX)).join(' '),
  ];
}
