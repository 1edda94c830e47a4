/**
 * The page without script: how the agent is, who is banned, and why, as HTML that this server
 * makes. It only reads. Whatever a stranger wrote is escaped here, and no script runs in it.
 */
import { escapeXml } from '../charts/svg.js';
import { readFields } from '../control/fields.js';
import { type AgentView, type Explanation, RULE_REASONS } from '../control/protocol.js';
import type { EvidenceRule } from '../core/decision.js';
import { counted, formatCount } from '../core/text.js';
import { localTime } from '../core/time.js';
import type { WebRefusal } from './answer.js';
import {
  BAN_PAGE_ROWS,
  type BanPage,
  countryName,
  type LocatedExplanation,
  sightOf,
} from './api.js';
import type { BanSearch } from './bans.js';
import { BANS_FIELDS, EXPLAIN_FIELDS, explained, type WebSources } from './calls.js';
import type { Questions } from './questions.js';

/** Characters of a line of log, of anything else. */
const [LINE_CHARS, CELL_CHARS] = [1024, 256];

interface Column<T> {
  readonly title: string;
  readonly isNumber?: boolean;
  /** Markup: made with `shown` from whatever is not ours. */
  readonly cell: (row: T) => string;
}

/** What people are told of the host above everything else. */
interface PlainAbout {
  readonly host: string;
  readonly timeZone: string;
}

/** What the pages are made from. */
interface PlainParts {
  readonly questions: Questions;
  readonly sources: WebSources;
  readonly about: PlainAbout;
}

type PlainPage = (parts: PlainParts, query: unknown) => Promise<string>;

/** How old a page may be, ms. */
const AGE_MS = 2_000;

/** By path; the report at `/plain` is none of them. A query that is wrong is an `OperatorError`. */
export const PLAIN_PAGES: ReadonlyMap<string, PlainPage> = new Map([
  [
    '/plain/now',
    async ({ questions, sources, about }, query) => {
      const search = readFields(BANS_FIELDS, query);
      return questions.ask(`plain now ${JSON.stringify(search)}`, AGE_MS, async () =>
        nowPage(about, await sources.agent.status(), await sources.bans(search), search),
      );
    },
  ],
  [
    '/plain/explain',
    async ({ questions, sources, about }, query) => {
      const { address } = readFields(EXPLAIN_FIELDS, query);
      const make = async () => explainPage(about, await explained(sources, { address }));
      return questions.ask(`plain explain ${address}`, AGE_MS, make, true);
    },
  ],
]);

/** How it is, and a page of the bans in force. */
function nowPage(about: PlainAbout, agent: AgentView, page: BanPage, search: BanSearch): string {
  return document(about, 'Now', [
    healthOf(agent),
    '<h2>Bans in force</h2>',
    searchForm(search),
    `<p>${shown(foundOf(page))}</p>`,
    table('Bans in force', BANS, page.rows, 'Nobody is banned, or no ban has these words.'),
    paging(page, search),
    '<h2>Jails</h2>',
    table('Jails', JAILS, agent.jails, 'No jail.'),
    '<h2>Sources</h2>',
    table('Sources', SOURCES, agent.sources, 'None.'),
  ]);
}

/** All that is known of an address. */
function explainPage(about: PlainAbout, told: LocatedExplanation): string {
  const allowed = Object.entries(told.allowed).map(
    ([jail, reason]) => `<p>Never banned in ${shown(jail)}: ${shown(reason)}.</p>`,
  );
  return document(about, `Explain ${told.address}`, [
    ...allowed,
    told.country === undefined ? '' : `<p>It is in ${shown(countryName(told.country))}.</p>`,
    told.kernel.length === 0
      ? '<p>No element of the kernel’s sets holds it: its packets come through.</p>'
      : `<p>In the kernel: ${told.kernel.map(({ jail, target, until }) => `${shown(target)} in ${shown(jail)}, ${endOf(until)}`).join('; ')}.</p>`,
    ...told.windows.map(
      ({ jail, failures, points, needed }) =>
        `<p>${shown(jail)} counts ${points === undefined ? formatCount(failures) : points.toFixed(1)} of ${needed}${points === undefined ? '' : ' points'} now.</p>`,
    ),
    ...(told.listed ?? []).map(
      ({ target, until, host = 'another host', scenario }) =>
        `<p>On a list as ${shown(target)}, by ${shown(host)}${scenario === undefined ? '' : ` for ${shown(scenario)}`}, ${endOf(until)}.</p>`,
    ),
    '<h2>Its bans</h2>',
    table('Its bans', HISTORY, told.bans, 'Never banned.'),
    ...told.offenders.map(together),
    ...told.evidence.filter(({ entries }) => entries.length > 0).map(countedIn),
    ...(told.refusals.length === 0
      ? []
      : [
          '<h2>Logins refused before the password was looked at</h2>',
          table('Refused logins', REFUSALS, told.refusals, ''),
        ]),
  ]);
}

/** Who failed in one network, or for one user. */
function together(view: Explanation['offenders'][number]): string {
  const { network, user = '', needed, found, decided, offenders } = view;
  const of = needed === undefined ? '' : ` of the ${needed} that it takes`;
  const when = decided === undefined ? 'now' : `at the ban of ${localTime(decided)}`;
  const caption = `Who failed together: ${network ?? user}`;
  return `<h2>${shown(caption)}</h2><p>${formatCount(found)}${of}, ${when}.</p>${table(caption, OFFENDERS, offenders, '')}`;
}

/** What a jail counted, and what it takes to be banned there. */
function countedIn({ jail, entries, earlier, rule }: Explanation['evidence'][number]): string {
  const limit =
    rule === undefined
      ? 'The jail is no more.'
      : rule.isWeighing
        ? `It bans at ${counted(rule.needed, 'point')}.`
        : `It bans at ${counted(rule.needed, 'failure')}.`;
  const more = earlier === 0 ? '' : ` ${counted(earlier, 'failure')} before, not kept.`;
  return `<h2>Counted in ${shown(jail)}</h2><p>${limit}${more}</p>${table(`Counted in ${jail}`, ENTRIES, entries, '')}`;
}

/** Why something was not answered, for whoever reads it. It tells nothing of the host. */
export function refusalPage({ body: { error, hint } }: WebRefusal): string {
  return page('Not answered', '', [
    '<h1>Not answered</h1>',
    `<p>${escapeXml(error, LINE_CHARS)}</p>`,
    hint === undefined ? '' : `<p>${escapeXml(hint, LINE_CHARS)}</p>`,
  ]);
}

const BANS: readonly Column<BanPage['rows'][number]>[] = [
  {
    title: 'Address',
    cell: ({ target, country }) =>
      `<a href="/plain/explain?address=${encodeURIComponent(target)}">${shown(target)}</a>${country === undefined ? '' : ` <span class="dim">${shown(countryName(country))}</span>`}`,
  },
  { title: 'Jail', cell: ({ jail }) => shown(jail) },
  { title: 'User', cell: ({ user = '-' }) => shown(user) },
  { title: 'Failures', isNumber: true, cell: ({ failures }) => formatCount(failures) },
  { title: 'Since', cell: ({ time }) => localTime(time) },
  { title: 'Ends', cell: ({ until }) => endOf(until) },
  { title: 'Why', cell: whyOf },
];

/** Who or what made a ban. */
function whyOf({ by, rule, host }: Pick<BanPage['rows'][number], 'by' | 'rule' | 'host'>): string {
  if (by !== undefined) return shown(`by ${by}`);
  if (rule !== undefined)
    return shown(Object.hasOwn(RULE_REASONS, rule) ? RULE_REASONS[rule as EvidenceRule] : rule);
  return shown(host === undefined ? 'its failures' : `told by ${host}`);
}

const HISTORY: readonly Column<Explanation['bans'][number]>[] = [
  { title: 'Jail', cell: ({ jail }) => shown(jail) },
  { title: 'State', cell: ({ state, refusal = '' }) => shown(`${state} ${refusal}`.trim()) },
  { title: 'Failures', isNumber: true, cell: ({ failures }) => formatCount(failures) },
  { title: 'Since', cell: ({ time }) => localTime(time) },
  { title: 'Ends', cell: ({ until, ended }) => (ended ? localTime(ended.time) : endOf(until)) },
  { title: 'User', cell: ({ user = '-' }) => shown(user) },
  { title: 'Why', cell: whyOf },
];

const ENTRIES: readonly Column<Explanation['evidence'][number]['entries'][number]>[] = [
  { title: 'Time', cell: ({ time }) => (time === undefined ? 'gone' : localTime(time)) },
  { title: 'Attempts', isNumber: true, cell: ({ count = 1 }) => formatCount(count) },
  {
    title: 'Points',
    isNumber: true,
    cell: ({ points }) => (points === undefined ? '-' : String(points)),
  },
  {
    title: 'Entry of the journal',
    cell: ({ line, cursor }) =>
      line === undefined
        ? `The journal has it no more: ${shown(cursor)}`
        : `<code>${escapeXml(line, LINE_CHARS)}</code>`,
  },
  { title: 'Found by', cell: ({ regex = '-' }) => escapeXml(regex, LINE_CHARS) },
];

const OFFENDERS: readonly Column<Explanation['offenders'][number]['offenders'][number]>[] = [
  { title: 'Last failure', cell: ({ last }) => localTime(last) },
  {
    title: 'Address',
    cell: ({ target }) =>
      `<a href="/plain/explain?address=${encodeURIComponent(target)}">${shown(target)}</a>`,
  },
  { title: 'Failures', isNumber: true, cell: ({ attempts }) => formatCount(attempts) },
  { title: 'As', cell: ({ users }) => shown(users.length === 0 ? '-' : users.join(', ')) },
  { title: 'Banned in', cell: ({ banned = '-' }) => shown(banned) },
];

const REFUSALS: readonly Column<Explanation['refusals'][number]>[] = [
  { title: 'Time', cell: ({ time }) => localTime(time) },
  { title: 'User', cell: ({ user = '-' }) => shown(user) },
  { title: 'Reason', cell: ({ reason }) => shown(reason) },
];

const JAILS: readonly Column<AgentView['jails'][number]>[] = [
  { title: 'Jail', cell: ({ jail }) => shown(jail) },
  {
    title: 'Sees',
    cell: sightOf,
  },
  { title: 'Failing now', isNumber: true, cell: (jail) => formatCount(jail.currentlyFailed) },
  { title: 'Banned now', isNumber: true, cell: (jail) => formatCount(jail.currentlyBanned) },
  { title: 'Failures', isNumber: true, cell: (jail) => formatCount(jail.totalFailed) },
  { title: 'Bans', isNumber: true, cell: (jail) => formatCount(jail.totalBanned) },
];

const SOURCES: readonly Column<AgentView['sources'][number]>[] = [
  { title: 'Source', cell: ({ source }) => shown(source) },
  {
    title: 'State',
    cell: ({ phase, problem }) =>
      problem === undefined ? shown(phase) : `cannot be read: ${shown(problem)}`,
  },
  { title: 'Behind', cell: ({ lagSeconds }) => (lagSeconds === null ? '-' : `${lagSeconds} s`) },
  { title: 'Entries', isNumber: true, cell: ({ entriesRead }) => formatCount(entriesRead) },
];

function healthOf({ sources, jails, warnings, firewall, since }: AgentView): string {
  const broken = sources.filter(({ problem }) => problem !== undefined).length;
  const deaf = jails.filter(({ selects }) => selects === false);
  const words =
    broken > 0
      ? `${counted(broken, 'source')} cannot be read.`
      : warnings.length + deaf.length > 0
        ? `It reads, with ${counted(warnings.length + deaf.length, 'warning')}.`
        : 'It reads, and every jail sees its log.';
  const more = [
    ...deaf.map(({ jail }) => `${jail} selects nothing that is in the journal.`),
    ...warnings,
  ];
  return [
    `<p><strong>${shown(words)}</strong> ${shown(`${counted(sources.length, 'source')}, ${counted(jails.length, 'jail')}, `)}up since ${localTime(since)}.</p>`,
    `<p>${formatCount(firewall.inForce)} banned in the kernel, ${formatCount(firewall.healed)} repairs of its table, ${formatCount(firewall.refused)} refused.</p>`,
    more.length === 0
      ? ''
      : `<ul>${more.map((one) => `<li>${escapeXml(one, LINE_CHARS)}</li>`).join('')}</ul>`,
  ].join('\n');
}

function foundOf({ found, total, isCurrent }: BanPage): string {
  const words = found === total ? counted(total, 'ban') : `${found} of ${counted(total, 'ban')}`;
  return isCurrent ? `${words}.` : `${words}; the list is still being read: load it again.`;
}

/** What was asked for beside the place in the list, where it is not the usual. */
function asked({ q, jail = '', order, limit }: BanSearch): Record<string, string> {
  const given = {
    ...{ q, jail, order: order === 'newest' ? '' : order },
    limit: limit === BAN_PAGE_ROWS ? '' : String(limit),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
}

function searchForm(search: BanSearch): string {
  const value = (text: string) => escapeXml(text, Number.POSITIVE_INFINITY);
  const { q: _, ...others } = asked(search);
  const kept = Object.entries(others).map(
    ([name, one]) => `<input type="hidden" name="${name}" value="${value(one)}">`,
  );
  return `<form action="/plain/now" method="get" class="tools">${kept.join('')}<label><span>Address, prefix, user, jail, host</span> <input type="search" name="q" value="${value(search.q)}"></label> <button type="submit">Search</button></form>`;
}

function paging({ found, offset, rows }: BanPage, search: BanSearch): string {
  const { limit } = search;
  const link = (to: number, words: string) => {
    const query = new URLSearchParams(asked(search));
    query.set('offset', String(to));
    return `<a href="/plain/now?${escapeXml(query.toString(), Number.POSITIVE_INFINITY)}">${words}</a>`;
  };
  const links = [
    ...(offset > 0 ? [link(Math.max(0, offset - limit), 'Newer')] : []),
    ...(offset + rows.length < found ? [link(offset + limit, 'Older')] : []),
  ];
  return links.length === 0 ? '' : `<p>${links.join(' · ')}</p>`;
}

function table<T>(
  caption: string,
  columns: readonly Column<T>[],
  rows: readonly T[],
  nothing: string,
): string {
  if (rows.length === 0) return `<p class="nothing">${shown(nothing)}</p>`;
  const kind = ({ isNumber }: Column<T>) => (isNumber ? ' class="number"' : '');
  const heads = columns.map((one) => `<th scope="col"${kind(one)}>${shown(one.title)}</th>`);
  const body = rows.map(
    (row) => `<tr>${columns.map((one) => `<td${kind(one)}>${one.cell(row)}</td>`).join('')}</tr>\n`,
  );
  return `<section class="scroll" tabindex="0" aria-label="${shown(caption)}"><table><caption class="unseen">${shown(caption)}</caption><thead><tr>${heads.join('')}</tr></thead>\n<tbody>${body.join('')}</tbody></table></section>`;
}

function document({ host, timeZone }: PlainAbout, title: string, parts: readonly string[]): string {
  const links = '<a href="/plain/now">Now</a> · <a href="/plain">The report of seven days</a>';
  return page(title, ` on ${host}`, [
    `<p>${links}</p><h1>${shown(title)}</h1><p class="dim">Banjour on ${shown(host)}. Times: ${shown(timeZone)}.</p>`,
    ...parts,
  ]);
}

/** A whole page. `where`: what its title says of the host. */
function page(title: string, where: string, parts: readonly string[]): string {
  return [
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${shown(title)} - Banjour${shown(where)}</title>`,
    '<link rel="stylesheet" href="/app.css"></head><body><main class="scriptless">',
    ...parts,
    '</main></body></html>\n',
  ].join('\n');
}

/** Any text as markup that shows it. */
function shown(text: string): string {
  return escapeXml(text, CELL_CHARS);
}

function endOf(until: string | null): string {
  return until === null ? 'for good' : localTime(until);
}
