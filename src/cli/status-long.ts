/** `status --long`: whether it works, for people. */

import type { CompanionView } from '../companion/companion.js';
import type { AgentView, ShareView } from '../control/protocol.js';
import { SHARE_TEXT_CHARS_MAX } from '../core/service-limits.js';
import { counted, escapeUntrusted, formatCount } from '../core/text.js';
import { localTime, localZone } from '../core/time.js';
import { formatTable } from '../tools/columns.js';
import { formatLength, type Terminal, tableWidth, wantsColour } from '../tools/terminal.js';

/** The whole text: the agent, its sources, its jails, the companion, and what is to be noted. */
export function longStatus(
  view: AgentView,
  companion: CompanionView | null,
  terminal: Terminal,
): string {
  const width = tableWidth(terminal.stdout);
  const colour = wantsColour(terminal.stdout, terminal.env);
  const { firewall, sources, jails, warnings } = view;
  const running = `Banjour ${view.version}, ${view.state} since ${localTime(view.since)}`;
  const times = `(times: ${localZone()})`;
  const parts = [
    `${running}${running.length + 1 + times.length > width ? '\n' : ' '}${times}\n` +
      `${counted(firewall.inForce, 'ban')} in force at ${firewall.hook}, ${formatCount(firewall.refused)} refused, table repaired ${counted(firewall.healed, 'time')}\n`,
    sourcesTable(sources, width),
    ...streamsTable(sources, width),
    jailsTable(jails, width),
  ];
  if (view.shared !== undefined) parts.push(sharedText(view.shared));
  if (companion !== null) parts.push(companionText(companion, colour));
  const notes = jails.flatMap(notesOf);
  if (notes.length > 0)
    parts.push(`${notes.map((note) => escapeUntrusted(note, 4096)).join('\n')}\n`);
  if (warnings.length > 0)
    parts.push(
      `${warnings.map((text) => `${colour ? '\x1b[33mwarning:\x1b[0m' : 'warning:'} ${escapeUntrusted(text, 4096)}`).join('\n')}\n`,
    );
  return parts.join('\n');
}

/** How many bans of whom are in force, how much lists brought, and what was refused why. */
export function sharedText({ inForce, lists, engine, last, taken, refused }: ShareView): string {
  const shown = (text: string) => escapeUntrusted(text, SHARE_TEXT_CHARS_MAX);
  const from =
    engine === undefined
      ? 'nothing came yet'
      : `${counted(taken, 'decision')} taken, the last from ${shown(engine)} at ${localTime(last ?? '')}`;
  const hosts = inForce.map(
    ({ host, origin, bans }) => `  ${counted(bans, 'ban')} of ${shown(host || '?')} (${origin})\n`,
  );
  const listed = lists.inForce === 0 ? '' : `  ${counted(lists.inForce, 'element')} of lists\n`;
  const reasons = Object.entries(refused).map(([why, count]) => `${why} ${formatCount(count)}`);
  const no = reasons.length === 0 ? '' : `  refused: ${reasons.join(', ')}\n`;
  return `Shared bans: ${from}\n${hosts.join('')}${listed}${no}`;
}

/** A line for each of its parts; one that does not run is a warning. */
function companionText({ version, parts }: CompanionView, colour: boolean): string {
  const lines = parts.map(({ running, summary }) => {
    const warning = colour ? '\x1b[33mwarning:\x1b[0m' : 'warning:';
    return `  ${running ? '' : `${warning} `}${escapeUntrusted(summary, 4096)}\n`;
  });
  return `Companion ${version}\n${lines.join('')}`;
}

const ago = (time: string | undefined) => (time === undefined ? 'never' : localTime(time));

function sourcesTable(sources: AgentView['sources'], width: number): string {
  return formatTable(
    [
      { title: 'Source', shrink: true },
      { title: 'Phase' },
      { title: 'Entries read', align: 'right' },
      { title: 'Behind' },
      { title: 'Last entry', optional: true },
    ],
    sources.map((source) => [
      escapeUntrusted(source.source),
      source.phase,
      formatCount(source.entriesRead),
      behind(source),
      ago(source.lastEntry),
    ]),
    width,
  );
}

function jailsTable(jails: AgentView['jails'], width: number): string {
  return formatTable(
    [
      { title: 'Jail', shrink: true },
      { title: 'Selected', align: 'right' },
      { title: 'Looked at', align: 'right', optional: true },
      { title: 'Failures', align: 'right' },
      { title: 'Last failure', optional: true },
      { title: 'Banned', align: 'right' },
      { title: 'In total', align: 'right' },
    ],
    jails.map((jail) => [
      jail.jail,
      formatCount(jail.entriesMatched),
      formatCount(jail.prefilterHits),
      formatCount(jail.failuresFound),
      ago(jail.lastFailure),
      formatCount(jail.currentlyBanned),
      formatCount(jail.totalBanned),
    ]),
    width,
  );
}

/** What is out of the ordinary in a jail, a line each. */
function notesOf({
  jail,
  overrides,
  demoted,
  watched,
  evidence,
}: AgentView['jails'][number]): string[] {
  return [
    ...(evidence === undefined
      ? []
      : [
          `${jail}: weighs ${formatCount(evidence.addresses)} addresses and knows the logins of ${formatCount(evidence.users)} users (${formatCount(evidence.credits)} with the network they come from); ${counted(evidence.underAttack, 'user')} under attack within a day, ${counted(evidence.takeovers, 'takeover')}`,
        ]),
    ...(watched === undefined
      ? []
      : [
          `${jail}: only watches; it would have banned ${formatCount(watched.total)}, ${formatCount(watched.current)} of them would be banned now`,
        ]),
    ...overrides.map((override) => `${jail}: ${override} is set by hand, until reload or restart`),
    ...demoted.map((regex) => `${jail}: ${regex} is slow and runs in the linear matcher`),
  ];
}

/** The hosts and files that sources are made of. */
function streamsTable(sources: AgentView['sources'], width: number): string[] {
  const streams = sources.flatMap(({ streams = [] }) => streams);
  if (streams.length === 0) return [];
  return [
    formatTable(
      [
        { title: 'Host or file', shrink: true },
        { title: 'Calls itself', shrink: true, optional: true, widest: 64 },
        { title: 'Entries read', align: 'right' },
        { title: 'Last looked at', optional: true },
      ],
      streams.map(({ name, host, entriesRead, lastEntry }) => [
        escapeUntrusted(name, 256),
        escapeUntrusted(host ?? '', 256),
        formatCount(entriesRead),
        ago(lastEntry),
      ]),
      width,
    ),
  ];
}

function behind({ lagEntries, lagSeconds, phase }: AgentView['sources'][number]): string {
  if (phase !== 'live') return lagSeconds === null ? '?' : `${formatLength(lagSeconds)} (${phase})`;
  if (lagEntries === null || lagEntries === 0) return 'no';
  return `${counted(lagEntries, 'entry', 'entries')}, ${formatLength(lagSeconds ?? 0)}`;
}
