/**
 * What the page asks and what it is answered: the types that server and page share. Every text that
 * a stranger wrote (user, host, reason, line) is whatever he wrote.
 *
 *     GET  /api/session                              WebSession
 *     GET  /api/status                               AgentView
 *     GET  /api/bans?q=&jail=&order=&offset=&limit=  BanPage
 *     GET  /api/history?jail=&address=&before=&limit= BanView[]
 *     GET  /api/figures?since=&until=                LocatedFigures
 *     GET  /api/alarms?limit=                        AlarmView[]
 *     GET  /api/explain?address=                     LocatedExplanation
 *     GET  /api/user?user=                           UserView
 *     GET  /api/refusals?user=&address=              RefusalView[]
 *     GET  /api/counters                             CountersView
 *     GET  /api/share                                ShareView
 *     GET  /api/options?jail=                        OptionsView
 *     GET  /api/whatif                               WhatIfView
 *     GET  /api/events                               server-sent events, see LiveMessages
 *     POST /api/ban, /api/unban                      BanRequest, UnbanRequest: ChangeAnswer
 *     POST /api/attempt  {jail, target, count?}      AttemptAnswer
 *     POST /api/signout                              {}
 *
 * An answer that is not 200 is an `ApiProblem`. 401: there is no session, or no more.
 */
import type { Explanation, JailView } from '../control/protocol.js';
import type { AlarmView, Figures } from '../core/figures.js';

/** The header in which a change names `WebSession.csrf`. */
export const CSRF_HEADER = 'x-banjour-csrf';

/** Rows of one page of bans where the request does not say; `WEB_ROWS_MAX` is the most. */
export const BAN_PAGE_ROWS = 50;

export interface WebSession {
  readonly version: string;
  /** The host's name. */
  readonly host: string;
  /** The host's own time zone: `Europe/Berlin`. */
  readonly timeZone: string;
  /** Who asked for the link, where that was said. */
  readonly user: string | null;
  /** True: `POST /api/ban` and so on are answered. */
  readonly changes: boolean;
  /** Why nothing can be changed although companion.conf says `changes = true`. */
  readonly lack?: string;
  /** Whether countries are known, by `country-file`. */
  readonly countries: boolean;
  /** Why they are not although companion.conf names a file. */
  readonly countriesLack?: string;
  readonly csrf: string;
  /** When the session ends. */
  readonly until: string;
}

/** What is known of where an address is, of a prefix where its first address is. */
export interface Located {
  /** Two letters (ISO 3166-1); absent where `country-file` has none. */
  readonly country?: string;
}

const COUNTRY_NAMES = new Intl.DisplayNames('en', { type: 'region' });

/** The English name of a country by its two letters; a code that is none is its own name. */
export function countryName(code: string): string {
  return COUNTRY_NAMES.of(code) ?? code;
}

/** What a jail sees of what it is there for. */
export type JailSight = 'reading' | 'nothing yet' | 'what others find' | 'selects nothing';

/** In the words of both forms of the page. */
export function sightOf({
  selects,
  evidence,
  entriesMatched,
}: Pick<JailView, 'selects' | 'evidence' | 'entriesMatched'>): JailSight {
  if (selects === false) return 'selects nothing';
  // It reads no log of its own.
  if (evidence !== undefined) return 'what others find';
  return entriesMatched > 0 ? 'reading' : 'nothing yet';
}

export type LocatedExplanation = Explanation & Located;

/** The report's figures, and where its networks are. */
export interface LocatedFigures extends Figures {
  readonly networks: readonly (Figures['networks'][number] & Located)[];
}

/** A ban in force. Times are ISO 8601; `until: null` is for good. */
export interface BanItem extends Located {
  readonly jail: string;
  readonly target: string;
  readonly time: string;
  readonly until: string | null;
  readonly failures: number;
  readonly user?: string;
  /** The host that reported it, when it was another one. */
  readonly host?: string;
  readonly by?: string;
  readonly rule?: string;
}

export const BAN_ORDERS = ['newest', 'oldest', 'ending', 'failures'] as const;
/** `ending`: those that end soonest first; those for good come last. */
export type BanOrder = (typeof BAN_ORDERS)[number];

/**
 * A page of bans in force. `q` is words, all of which must be found in a ban: an address or prefix
 * finds what shares an address with it, `country:DE` what is there, anything else what has it in
 * target, user, jail, host, rule or person, or as its country.
 */
export interface BanPage {
  /** Bans in force. */
  readonly total: number;
  /** Those that were asked for. */
  readonly found: number;
  /** The oldest, which do not fit into the list and are not found; 0 below 200,000 bans. */
  readonly left: number;
  readonly offset: number;
  readonly rows: readonly BanItem[];
  /** The list is kept up by the agent's events; false while it is read or the agent is silent. */
  readonly isCurrent: boolean;
}

/** Attempts and bans of one jail in a time. */
export interface LiveCounts {
  readonly attempts: number;
  readonly bans: number;
}

/** One minute; jails in which nothing happened are left out. */
export interface LiveMinute {
  /** When it began. */
  readonly time: string;
  readonly jails: Readonly<Record<string, LiveCounts>>;
}

/** The first event of the stream, `hello`. */
export interface LiveHello {
  readonly isAgentAnswering: boolean;
  /** Minutes up to now, oldest first, at most an hour; the last is not over. */
  readonly minutes: readonly LiveMinute[];
}

/** The event `tick`: twice a second at most, and every few seconds when nothing happens. */
export interface LiveTick {
  readonly time: string;
  readonly isAgentAnswering: boolean;
  /** Every ban is heard of as it happens; false while the agent's list of bans is read. */
  readonly isFollowing: boolean;
  /** The minute so far; takes the place of the one of the same time. */
  readonly minute: LiveMinute;
  /** The newest of the bans since the last tick, and how many there were. */
  readonly bans: readonly BanItem[];
  readonly bansMade: number;
  readonly bansEnded: number;
  /** Alarms since the last tick, the newest of them. */
  readonly alarms: readonly AlarmView[];
}

export interface LiveMessages {
  readonly hello: LiveHello;
  readonly tick: LiveTick;
}

/** Body of `POST /api/ban`; null bans for good, without a time it lasts as the jail says. */
export interface BanRequest {
  readonly jail: string;
  readonly target: string;
  readonly bantimeSeconds?: number | null;
}

/**
 * Body of `POST /api/unban`; without a jail in all of them. `POST /api/attempt` takes `jail`,
 * `target` and `count`, as the agent does.
 */
export interface UnbanRequest {
  readonly target: string;
  readonly jail?: string;
}

/** One setting that `banjour advise` judged. */
export interface WhatIfSetting {
  readonly maxretry: number;
  /** Seconds. */
  readonly findtime: number;
  /** Seconds; null is for good. */
  readonly bantime: number | null;
  /** The jail that weighs: off, only watching, on; `none`: there is none. */
  readonly login: 'off' | 'watch' | 'on' | 'none';
  /** Keys of the jail that weighs that differ from the configuration. */
  readonly weighing: Readonly<Record<string, string>>;
  /** What to write into jail.local; empty: it is so now. */
  readonly lines: string;
  /** Failures of clients that are no user's, and how many of them would have come through. */
  readonly guesses: number;
  readonly passed: number;
  readonly bans: number;
  /** Addresses and prefixes that would have been banned. */
  readonly targets: number;
  /** Logins of users that would have been shut out. */
  readonly blockedLogins: number;
  /** Clients of users that would have been banned. */
  readonly hits: readonly {
    readonly target: string;
    readonly jail: string;
    readonly time: string;
    readonly logins: number;
    readonly blocked: number;
    readonly users: readonly string[];
  }[];
}

/**
 * What the newest `banjour advise --for-web` found: the journal judged under some thirty settings
 * by the jails themselves. A slider moves among the settings that are there.
 */
export interface WhatIfView {
  /** When it was made; null: never. */
  readonly made: string | null;
  readonly advice: {
    readonly entries: number;
    readonly failures: number;
    readonly logins: number;
    readonly from: string | null;
    readonly to: string | null;
    readonly tried: readonly WhatIfSetting[];
    /** Index of the best in `tried`; null: none is better, see `reason`. */
    readonly best: number | null;
    readonly reason?: string;
  } | null;
}
