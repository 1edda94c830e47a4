/**
 * A report in sections: sentences and tables, the same for the terminal, for a page and for a mail.
 * Every text is escaped here; who makes markup of it escapes that in addition.
 */

import type { EndReason } from '../../core/decision.js';
import { alarmWords, type FigureCounts, type MistakeFigures } from '../../core/figures.js';
import { USER_CHARS_MAX } from '../../core/limits.js';
import { counted, escapeUntrusted, formatCount } from '../../core/text.js';
import { localTime } from '../../core/time.js';
import { formatLength } from '../terminal.js';
import type { HostReport } from './report.js';

export interface ReportSection {
  readonly title: string;
  readonly columns: readonly { readonly title: string; readonly align?: 'right' }[];
  readonly rows: readonly (readonly string[])[];
  /** Instead of a table without rows. */
  readonly nothing: string;
}

/** Hours of attempts and bans, put together. */
export interface Step extends FigureCounts {
  readonly time: string;
}

const STEP_HOURS = [1, 2, 3, 6, 12, 24, 48, 96, 168] as const;

/** The hours in steps of equal length, at most so many. */
export function stepsOf(
  { hours }: Pick<HostReport, 'hours'>,
  most: number,
): { readonly hours: number; readonly steps: readonly Step[] } {
  const length = STEP_HOURS.find((step) => Math.ceil(hours.length / step) <= most) ?? 168;
  const steps = Array.from({ length: Math.ceil(hours.length / length) }, (_, i) => {
    const own = hours.slice(i * length, (i + 1) * length);
    return {
      time: own[0]?.time ?? '',
      attempts: own.reduce((sum, { attempts }) => sum + attempts, 0),
      bans: own.reduce((sum, { bans }) => sum + bans, 0),
    };
  });
  return { hours: length, steps };
}

export const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;

/** Attempts by day of the week (from Monday) and hour of the day, in the local time zone. */
export function weekOf({ hours }: Pick<HostReport, 'hours'>): readonly (readonly number[])[] {
  const week = WEEKDAYS.map(() => Array<number>(24).fill(0));
  for (const { time, attempts } of hours) {
    const date = new Date(time);
    const day = week[(date.getDay() + 6) % 7] as number[];
    day[date.getHours()] = (day[date.getHours()] ?? 0) + attempts;
  }
  return week;
}

/** `2026-11-21`, in the local time zone. */
function dayOf(iso: string): string {
  return localTime(iso).slice(0, 10);
}

/** `2026-11-21 18:00`, in the local time zone. */
export function minuteOf(iso: string): string {
  return localTime(iso).slice(0, 16);
}

/** A stranger's text. */
function shown(text: string, charsMax = USER_CHARS_MAX): string {
  return escapeUntrusted(text, charsMax);
}

/** What the report is of, in a line. */
export function headOf({ host, since, until }: HostReport): string {
  return `Banjour on ${shown(host)}, ${minuteOf(since)} to ${minuteOf(until)}`;
}

/** The most important, in sentences. */
export function summaryOf(report: HostReport): readonly string[] {
  const { totals, health } = report;
  const { mistakes, alarms, byOrigin } = totals;
  const wrong = mistakes.known + mistakes.lifted + mistakes.returned;
  const byHand = byOrigin.operator === 0 ? '' : `, ${formatCount(byOrigin.operator)} by hand`;
  return [
    `${counted(totals.attempts, 'failed attempt')}, ${counted(totals.bans, 'ban')} of ${counted(totals.targets, 'address or prefix', 'addresses and prefixes')}${byHand}, ${counted(totals.extended, 'ban')} made longer.`,
    ...(totals.shared.bans === 0
      ? []
      : [
          `Beside these, other hosts decided ${counted(totals.shared.bans, 'ban')} of ${counted(totals.shared.targets, 'address or prefix', 'addresses and prefixes')}.`,
        ]),
    `The kernel kept ${counted(totals.packets, 'packet')} of banned addresses away.`,
    wrong === 0
      ? 'No likely mistakes.'
      : `${counted(wrong, 'likely mistake')}: ${formatCount(mistakes.known)} of addresses that had logged in before, ${formatCount(mistakes.returned)} that logged in afterwards, ${formatCount(mistakes.lifted)} lifted by an operator.`,
    alarms.takeover + alarms['under-attack'] === 0
      ? 'No alarms.'
      : `${counted(alarms.takeover, 'alarm')} of a takeover, ${counted(alarms['under-attack'], 'user')} under attack.`,
    `The agent ran in ${formatCount(health.hoursAwake)} of ${counted(health.hoursCounted, 'hour')} that were counted.`,
  ];
}

/** Every table of the report. */
export function sectionsOf(report: HostReport): readonly ReportSection[] {
  return [
    daysSection(report),
    jailsSection(report),
    usersSection(report),
    networksSection(report),
    ...(report.shared.length === 0 ? [] : [sharedSection(report)]),
    mistakesSection(report),
    alarmsSection(report),
    endsSection(report),
    healthSection(report),
  ];
}

function right(title: string) {
  return { title, align: 'right' as const };
}

function daysSection({ hours }: HostReport): ReportSection {
  const days = new Map<string, { attempts: number; bans: number }>();
  for (const { time, attempts, bans } of hours) {
    const day = days.get(dayOf(time)) ?? { attempts: 0, bans: 0 };
    days.set(dayOf(time), { attempts: day.attempts + attempts, bans: day.bans + bans });
  }
  return {
    title: 'Days',
    columns: [{ title: 'Day' }, right('Attempts'), right('Bans')],
    rows: [...days].map(([day, { attempts, bans }]) => [
      day,
      formatCount(attempts),
      formatCount(bans),
    ]),
    nothing: 'Nothing was counted.',
  };
}

function jailsSection({ jails }: HostReport): ReportSection {
  return {
    title: 'Jails',
    columns: [
      { title: 'Jail' },
      right('Attempts'),
      right('Logins'),
      right('Bans'),
      right('Longer'),
      right('Lifted'),
      right('Refused'),
      right('Packets stopped'),
    ],
    rows: jails.map((jail) => [
      shown(jail.jail),
      ...[
        jail.attempts,
        jail.logins,
        jail.bans,
        jail.extended,
        jail.lifted,
        jail.refused,
        jail.packets,
      ].map(formatCount),
    ]),
    nothing: 'No jail saw anything.',
  };
}

function usersSection({ users, usersFrom }: HostReport): ReportSection {
  return {
    title: usersFrom === 'attempts' ? 'Users attacked most' : 'Users of the bans',
    columns: [{ title: 'User' }, right('Attempts'), right('Addresses'), right('Bans')],
    rows: users.map(({ user, attempts, addresses, bans }) => [
      shown(user),
      formatCount(attempts),
      formatCount(addresses),
      formatCount(bans),
    ]),
    nothing: 'No user was attacked.',
  };
}

function networksSection({ networks }: HostReport): ReportSection {
  return {
    title: 'Networks',
    columns: [{ title: 'Network' }, right('Addresses'), right('Attempts'), right('Bans')],
    rows: networks.map(({ network, addresses, attempts, bans }) => [
      network,
      formatCount(addresses),
      formatCount(attempts),
      formatCount(bans),
    ]),
    nothing: 'None.',
  };
}

function sharedSection({ shared }: HostReport): ReportSection {
  return {
    title: 'Bans of other hosts',
    columns: [
      { title: 'Host' },
      { title: 'From' },
      right('Bans'),
      right('Changed'),
      right('Lifted'),
    ],
    rows: shared.map(({ host, source, bans, changed, lifted }) => [
      host === '' ? '-' : shown(host),
      shown(source),
      ...[bans, changed, lifted].map(formatCount),
    ]),
    nothing: 'None.',
  };
}

const MISTAKES: Readonly<Record<MistakeFigures['kind'], (who: string) => string>> = {
  known: (who) => `${who === '' ? 'somebody' : who} had logged in`,
  returned: (who) => `${who === '' ? 'somebody' : who} logged in`,
  lifted: (who) => `lifted${who === '' ? '' : ` by ${who}`}`,
};

function mistakesSection({ mistakes }: HostReport): ReportSection {
  return {
    title: 'Likely mistakes (or accounts whose password was found)',
    columns: [
      { title: 'Banned' },
      { title: 'Address' },
      { title: 'Jail' },
      { title: 'Last user' },
      { title: 'Why' },
      { title: 'When' },
    ],
    rows: mistakes.map(({ kind, time, target, jail, user, who, when }) => [
      minuteOf(time),
      target,
      shown(jail),
      shown(user ?? ''),
      MISTAKES[kind](shown(who ?? '')),
      minuteOf(when),
    ]),
    nothing: 'None.',
  };
}

function alarmsSection({ alarms }: HostReport): ReportSection {
  return {
    title: 'Alarms',
    columns: [{ title: 'Time' }, { title: 'User' }, { title: 'What' }, { title: 'Newest address' }],
    rows: alarms.map((alarm) => [
      minuteOf(alarm.time),
      shown(alarm.user),
      alarmWords(alarm),
      shown(alarm.address),
    ]),
    nothing: 'None.',
  };
}

const ENDS: Readonly<Record<EndReason, string>> = {
  expired: 'their time was over',
  operator: 'lifted by an operator',
  reload: 'lifted by a reload: the jail went, or the address became one of ours',
  replaced: 'made longer',
  lapsed: 'over before the kernel had them',
  ignored: 'forbidden by an ignorecommand',
};

function endsSection({ totals }: HostReport): ReportSection {
  return {
    title: 'Bans that ended',
    columns: [{ title: 'Why' }, right('Bans')],
    rows: (Object.keys(ENDS) as EndReason[]).flatMap((reason) => {
      const count = totals.ended[reason] ?? 0;
      return count === 0 ? [] : [[ENDS[reason], formatCount(count)]];
    }),
    nothing: 'None.',
  };
}

function healthSection({ health, now }: HostReport): ReportSection {
  const deaf = health.deaf.map(({ jail, hours }) => [
    jail === '' ? 'Warnings of the agent' : `${shown(jail)}: may not have seen its attackers`,
    `in ${counted(hours, 'hour')}`,
  ]);
  const refusals = health.refusals.map(({ reason, count }) => [
    `Refused by the kernel: ${shown(reason)}`,
    counted(count, 'ban'),
  ]);
  const present =
    now === null
      ? []
      : [
          ['Now', `version ${shown(now.version)}, since ${minuteOf(now.since)}`],
          ['Bans in force now', formatCount(now.bansInForce)],
          ['Behind the journal now', formatLength(now.lagSeconds)],
          ...now.warnings.map((warning) => ['Warning now', shown(warning, 1024)]),
        ];
  return {
    title: 'Health',
    columns: [{ title: 'What' }, { title: 'How much' }],
    rows: [
      ['Ran', `in ${formatCount(health.hoursAwake)} of ${counted(health.hoursCounted, 'hour')}`],
      ['Longest behind the journal', formatLength(health.lagSecondsMax)],
      [
        "The kernel's table changed by others",
        `${counted(health.drifts, 'time')}, repaired ${counted(health.healed, 'time')}`,
      ],
      ['Places lost in the journal', formatCount(health.gaps)],
      ...refusals,
      ...deaf,
      ...present,
    ],
    nothing: '',
  };
}
