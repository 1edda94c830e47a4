/** The pictures of `banjour top` and their loop. */

import type { ControlClient } from '../control/client.js';
import type { AgentView, BanView, CountersView } from '../control/protocol.js';
import { EXIT, type ExitCode } from '../core/errors.js';
import { type AlarmView, alarmWords } from '../core/figures.js';
import { USER_CHARS_MAX } from '../core/limits.js';
import { counted, escapeUntrusted, formatCount } from '../core/text.js';
import { localTime, localZone } from '../core/time.js';
import { formatTable } from '../tools/columns.js';
import { formatLength, type Terminal, tableWidth, wantsColour } from '../tools/terminal.js';
import { sharedText } from './status-long.js';

export interface TopOptions {
  readonly intervalMs: number;
  readonly json: boolean;
  readonly once: boolean;
}

/** All that one picture shows. */
export interface TopSample {
  /** Monotonic, ms. */
  readonly at: number;
  readonly view: AgentView;
  readonly counters: CountersView;
  readonly newest: readonly BanView[];
  /** Of the last day, the newest first. */
  readonly alarms: readonly AlarmView[];
}

/** Newest bans in a picture. */
const NEWEST = 8;
/** Users under attack in a picture, and alarms that are looked through for them. */
const ATTACKED = 5;
const ALARMS = 100;
const DAY_MS = 86_400_000;
const ALTERNATE_SCREEN = '\x1b[?1049h\x1b[?25l';
const NORMAL_SCREEN = '\x1b[?25h\x1b[?1049l';

export async function showTop(
  client: ControlClient,
  terminal: Terminal,
  options: TopOptions,
): Promise<ExitCode> {
  const live = !options.once && !options.json && terminal.stdout.isTTY === true;
  const keys = live ? listenForEnd() : undefined;
  let before: TopSample | undefined;
  if (live) terminal.out(ALTERNATE_SCREEN);
  try {
    for (;;) {
      const sample = await take(client);
      if (options.json) terminal.out(`${JSON.stringify(jsonOf(sample))}\n`);
      else {
        const rows = (terminal.stdout as { readonly rows?: number }).rows;
        const text = picture(sample, before, terminal);
        terminal.out(live ? `\x1b[H${clipped(text, rows)}\x1b[J` : text);
      }
      before = sample;
      if (options.once) return EXIT.ok;
      if (await (keys?.within(options.intervalMs) ?? pause(options.intervalMs))) return EXIT.ok;
    }
  } finally {
    keys?.close();
    if (live) terminal.out(NORMAL_SCREEN);
  }
}

async function take(client: ControlClient): Promise<TopSample> {
  const since = new Date(Date.now() - DAY_MS).toISOString();
  const [view, counters, newest, alarms] = await Promise.all([
    client.status(),
    client.counters(),
    client.history({ limit: NEWEST }),
    client.alarms({ since, limit: ALARMS }),
  ]);
  return { at: performance.now(), view, counters, newest, alarms };
}

function jsonOf({ view, counters, newest, alarms }: TopSample) {
  return { time: new Date().toISOString(), ...view, counters: counters.jails, newest, alarms };
}

/** One picture; rates are of the time since `before`. */
export function picture(
  sample: TopSample,
  before: TopSample | undefined,
  terminal: Terminal,
): string {
  const { view, counters, newest, alarms } = sample;
  const width = tableWidth(terminal.stdout);
  const bold = (text: string) =>
    wantsColour(terminal.stdout, terminal.env) ? `\x1b[1m${text}\x1b[0m` : text;
  const perMinute = (now: number, then: number | undefined) => {
    if (before === undefined || then === undefined) return '';
    const minutes = (sample.at - before.at) / 60_000;
    return minutes > 0 ? formatCount(Math.max(0, now - then) / minutes) : '';
  };
  const old = new Map(before?.view.jails.map((jail) => [jail.jail, jail]));
  const read = view.sources.reduce((sum, { entriesRead }) => sum + entriesRead, 0);
  const readBefore = before?.view.sources.reduce((sum, { entriesRead }) => sum + entriesRead, 0);
  const waiting = view.sources.reduce((sum, { lagEntries }) => sum + (lagEntries ?? 0), 0);
  const head = [
    `${bold('banjour')} ${view.version}  ${view.state}, up ${formatLength((Date.now() - Date.parse(view.since)) / 1000)}, ${counted(view.firewall.inForce, 'ban')} in force`,
    `${counted(read, 'entry', 'entries')} read${readBefore === undefined ? '' : ` (${perMinute(read, readBefore)}/min)`}, ${waiting === 0 ? 'none waiting' : `${formatCount(waiting)} waiting`}`,
    '',
  ].join('\n');
  const jails = formatTable(
    [
      { title: 'Jail', shrink: true },
      { title: 'Failing', align: 'right' },
      { title: 'Failures', align: 'right' },
      { title: '/min', align: 'right' },
      { title: 'Banned', align: 'right' },
      { title: 'Total', align: 'right' },
      { title: '/min', align: 'right' },
      { title: 'Packets stopped', align: 'right', optional: true },
      { title: 'Last failure', optional: true },
    ],
    view.jails.map((jail) => [
      jail.watched === undefined ? jail.jail : `${jail.jail} (watches)`,
      formatCount(jail.currentlyFailed),
      formatCount(jail.totalFailed),
      perMinute(jail.totalFailed, old.get(jail.jail)?.totalFailed),
      formatCount(jail.currentlyBanned),
      formatCount(jail.totalBanned),
      perMinute(jail.totalBanned, old.get(jail.jail)?.totalBanned),
      formatCount(counters.jails[jail.jail]?.packets ?? 0),
      jail.lastFailure === undefined ? 'never' : localTime(jail.lastFailure),
    ]),
    width,
  );
  const bans = newestTable(newest, width);
  const weighing = view.jails.flatMap(({ jail, evidence }) =>
    evidence === undefined
      ? []
      : [
          `${jail}: ${counted(evidence.addresses, 'address', 'addresses')} weighed, ${counted(evidence.underAttack, 'user')} under attack, ${counted(evidence.takeovers, 'takeover')}\n`,
        ],
  );
  const warnings = view.warnings.map(
    (warning) => `! ${escapeUntrusted(warning, Math.max(20, width - 2))}\n`,
  );
  const shared = view.shared === undefined ? '' : sharedText(view.shared);
  return `${head}\n${jails}${weighing.join('')}${shared}\n${bans}${attackedTable(alarms, width)}${warnings.length > 0 ? `\n${warnings.join('')}` : ''}\nTimes: ${localZone()}\n`;
}

function newestTable(newest: TopSample['newest'], width: number): string {
  return formatTable(
    [
      { title: 'Newest bans' },
      { title: 'Jail' },
      { title: 'Address' },
      { title: 'Until' },
      { title: 'User', shrink: true, optional: true, widest: 64 },
    ],
    newest.map((ban) => [
      localTime(ban.time),
      ban.jail,
      ban.target,
      ban.ended !== undefined
        ? ban.ended.reason
        : ban.until === null
          ? 'for good'
          : localTime(ban.until),
      escapeUntrusted(ban.user ?? '', USER_CHARS_MAX),
    ]),
    width,
  );
}

/** Users of the newest alarms, each once; nothing when there are none. */
function attackedTable(alarms: TopSample['alarms'], width: number): string {
  const users = new Map<string, AlarmView>();
  for (const alarm of alarms) {
    const key = `${alarm.kind} ${alarm.user}`;
    if (!users.has(key)) users.set(key, alarm);
  }
  if (users.size === 0) return '';
  const table = formatTable(
    [
      { title: 'User', shrink: true, widest: 64 },
      { title: 'Alarm' },
      { title: 'Since' },
      { title: 'Newest address', optional: true },
    ],
    [...users.values()]
      .slice(0, ATTACKED)
      .map((alarm) => [
        escapeUntrusted(alarm.user, USER_CHARS_MAX),
        alarmWords(alarm),
        localTime(alarm.time),
        escapeUntrusted(alarm.address),
      ]),
    width,
  );
  return `\n${table}`;
}

/** As many lines as the terminal has; the rest of each line is cleared. */
function clipped(text: string, rows: number | undefined): string {
  const lines = text.trimEnd().split('\n');
  return lines
    .slice(0, rows === undefined || rows === 0 ? lines.length : Math.max(1, rows - 1))
    .map((line) => `${line}\x1b[K\n`)
    .join('');
}

async function pause(milliseconds: number): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return false;
}

/** Waits for q or Ctrl-C on the terminal. */
function listenForEnd(): { within(milliseconds: number): Promise<boolean>; close(): void } {
  let ended = false;
  let wake: () => void = () => undefined;
  const end = () => {
    ended = true;
    wake();
  };
  const onData = (data: Buffer) => {
    if (/[qQ\x03]/.test(data.toString('latin1'))) end();
  };
  const { stdin } = process;
  const isTerminal = stdin.isTTY === true;
  if (isTerminal) {
    stdin.setRawMode(true);
    stdin.on('data', onData);
  }
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  return {
    within: (milliseconds) =>
      new Promise((resolve) => {
        if (ended) return resolve(true);
        const timer = setTimeout(() => resolve(false), milliseconds);
        wake = () => {
          clearTimeout(timer);
          resolve(true);
        };
      }),
    close: () => {
      process.off('SIGINT', end);
      process.off('SIGTERM', end);
      if (!isTerminal) return;
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}
