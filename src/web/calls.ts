/**
 * The calls of the page: what each takes, how old its answer may be, and what it asks. A call that
 * is not here is not answered, whatever the agent knows.
 */
import type { ControlClient } from '../control/client.js';
import {
  type Fields,
  instant,
  oneOf,
  optional,
  orElse,
  type RequestOf,
  readFields,
  secondsOrNull,
  shortText,
  whole,
  wholeInQuery,
  wordUpTo,
} from '../control/fields.js';
import type { Explanation } from '../control/protocol.js';
import { EVENT_COUNT_MAX } from '../core/limits.js';
import { WEB_ROWS_MAX, WEB_SEARCH_CHARS_MAX } from '../core/service-limits.js';
import {
  BAN_ORDERS,
  BAN_PAGE_ROWS,
  type BanPage,
  type Located,
  type LocatedExplanation,
  type LocatedFigures,
  type WhatIfView,
} from './api.js';
import type { BanSearch } from './bans.js';

/** What the page is answered from. */
export interface WebSources {
  readonly agent: Pick<
    ControlClient,
    | 'status'
    | 'history'
    | 'figures'
    | 'alarms'
    | 'refusals'
    | 'user'
    | 'counters'
    | 'shareStatus'
    | 'jailOptions'
    | 'options'
  >;
  readonly bans: (query: BanSearch) => Promise<BanPage>;
  readonly explain: (address: string) => Promise<Explanation>;
  /** The two letters of the country that an address is in, where that is known. */
  readonly countryOf: (target: string) => string | undefined;
  readonly whatIf: () => Promise<WhatIfView>;
}

/** What may be changed, by whom. */
export type WebChanges = Pick<ControlClient, 'ban' | 'unban' | 'attempt'>;

/** One call that reads. */
interface ReadCall<F extends Fields = Fields> {
  readonly fields: F;
  /** How old its answer may be, ms; 0: it is not kept, and asks the agent nothing. */
  readonly ageMs: number;
  /** It needs the processor for long. */
  readonly isHeavy: boolean;
  readonly answer: (sources: WebSources, request: RequestOf<F>) => Promise<unknown>;
}

interface ChangeCall<F extends Fields = Fields> {
  readonly fields: F;
  /** What it does, for the log. */
  readonly says: (request: RequestOf<F>) => string;
  readonly change: (to: WebChanges, request: RequestOf<F>, by: string) => Promise<unknown>;
}

const word = wordUpTo(WEB_SEARCH_CHARS_MAX);
const rows = optional(wholeInQuery(1, WEB_ROWS_MAX));
const id = optional(wholeInQuery(0, Number.MAX_SAFE_INTEGER));

function reads<F extends Fields>(
  fields: F,
  ageMs: number,
  answer: ReadCall<F>['answer'],
  isHeavy = false,
): ReadCall {
  return { fields, ageMs, answer, isHeavy } as unknown as ReadCall;
}

function changes<F extends Fields>(
  fields: F,
  says: ChangeCall<F>['says'],
  change: ChangeCall<F>['change'],
): ChangeCall {
  return { fields, says, change } as unknown as ChangeCall;
}

/** Which bans are asked for. */
export const BANS_FIELDS = {
  q: orElse(shortText(WEB_SEARCH_CHARS_MAX), ''),
  jail: optional(word),
  order: orElse(oneOf(...BAN_ORDERS), 'newest'),
  offset: orElse(wholeInQuery(0, Number.MAX_SAFE_INTEGER), 0),
  limit: orElse(wholeInQuery(1, WEB_ROWS_MAX), BAN_PAGE_ROWS),
};
/** Whom an explanation is asked of. */
export const EXPLAIN_FIELDS = { address: word };

function located(country: string | undefined): Located {
  return country === undefined ? {} : { country };
}

/** All that is known of an address, and where it is. */
export async function explained(
  { explain, countryOf }: Pick<WebSources, 'explain' | 'countryOf'>,
  { address }: { readonly address: string },
): Promise<LocatedExplanation> {
  return { ...(await explain(address)), ...located(countryOf(address)) };
}

/** By the last part of the path: `GET /api/status`. */
export const READ_CALLS: ReadonlyMap<string, ReadCall> = new Map([
  ['status', reads({}, 1_500, ({ agent }) => agent.status())],
  ['bans', reads(BANS_FIELDS, 0, ({ bans }, query) => bans(query))],
  [
    'history',
    reads(
      { jail: optional(word), address: optional(word), before: id, limit: rows },
      2_000,
      ({ agent }, query) => agent.history({ limit: BAN_PAGE_ROWS, ...query }),
    ),
  ],
  [
    'figures',
    reads(
      { since: optional(instant), until: optional(instant) },
      60_000,
      async ({ agent, countryOf }, query): Promise<LocatedFigures> => {
        const figures = await agent.figures(query);
        const networks = figures.networks.map((one) => ({
          ...one,
          ...located(countryOf(one.network)),
        }));
        return { ...figures, networks };
      },
    ),
  ],
  ['alarms', reads({ limit: rows }, 5_000, ({ agent }, query) => agent.alarms(query))],
  ['explain', reads(EXPLAIN_FIELDS, 3_000, explained, true)],
  ['user', reads({ user: word }, 3_000, ({ agent }, { user }) => agent.user({ user }), true)],
  [
    'refusals',
    reads({ user: optional(word), address: optional(word) }, 3_000, ({ agent }, query) =>
      agent.refusals(query),
    ),
  ],
  ['counters', reads({}, 3_000, ({ agent }) => agent.counters())],
  ['share', reads({}, 3_000, ({ agent }) => agent.shareStatus())],
  [
    'options',
    reads({ jail: optional(word) }, 5_000, ({ agent }, { jail }) =>
      jail === undefined ? agent.options() : agent.jailOptions({ jail }),
    ),
  ],
  ['whatif', reads({}, 0, ({ whatIf }) => whatIf())],
]);

/** By the last part of the path: `POST /api/ban`. */
export const CHANGE_CALLS: ReadonlyMap<string, ChangeCall> = new Map([
  [
    'ban',
    changes(
      { jail: word, target: word, bantimeSeconds: optional(secondsOrNull) },
      ({ jail, target }) => `bans ${target} in ${jail}`,
      (to, { target, ...rest }, by) => to.ban({ ...rest, targets: [target], by }),
    ),
  ],
  [
    'unban',
    changes(
      { target: word, jail: optional(word) },
      ({ target, jail }) => `unbans ${target}${jail === undefined ? '' : ` in ${jail}`}`,
      (to, { target, ...rest }, by) => to.unban({ ...rest, targets: [target], by }),
    ),
  ],
  [
    'attempt',
    changes(
      { jail: word, target: word, count: optional(whole(1, EVENT_COUNT_MAX)) },
      ({ jail, target }) => `counts an attempt of ${target} in ${jail}`,
      (to, request) => to.attempt(request),
    ),
  ],
]);

/** The request of a call, checked. Throws `OperatorError`. */
export function requestOfCall(call: { readonly fields: Fields }, values: unknown) {
  return readFields(call.fields, values);
}
