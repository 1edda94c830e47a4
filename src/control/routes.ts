/**
 * The paths of the API: one table from method and path to what the daemon does. docs/api.md has an
 * entry for each.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { BANJOUR_EVENTS, type BanjourEvent } from '../core/decision.js';
import { OperatorError } from '../core/errors.js';
import { HISTORY_ANSWER_ROWS_MAX } from '../core/service-limits.js';
import { streamEvents } from './answer.js';
import { API_VERSION, type Operations } from './protocol.js';
import {
  attemptRequest,
  banRequest,
  importRequest,
  reloadRequest,
  setRequest,
  unbanRequest,
} from './requests.js';

export type Reply =
  | { readonly status: number; readonly body: unknown }
  /** Status 200: `before`, the items with commas, `after`; together they are one JSON text. */
  | { readonly before: string; readonly items: Iterable<unknown>; readonly after: string }
  /** Status 200, not JSON. */
  | { readonly text: string; readonly contentType: string }
  | { readonly stream: (request: IncomingMessage, response: ServerResponse) => void };

interface Call {
  readonly operations: Operations;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly parameters: readonly string[];
  readonly body: unknown;
}

interface Route {
  readonly method: 'GET' | 'POST';
  /** Below `/v1`; `:name` is a parameter. */
  readonly path: string;
  /** Only control.sock answers it. */
  readonly changes: boolean;
  readonly handle: (call: Call) => Reply | Promise<Reply>;
}

const ok = (body: unknown): Reply => ({ status: 200, body });

/** OpenMetrics 1.0.0 unless the older format of Prometheus is asked for. */
const METRICS_TYPES = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
} as const;

/** Rows of history in one answer when the client does not say. */
const HISTORY_ROWS = 100;

function reads(path: string, handle: Route['handle']): Route {
  return { method: 'GET', path, changes: false, handle };
}

function changes(path: string, handle: Route['handle']): Route {
  return { method: 'POST', path, changes: true, handle };
}

export const ROUTES: readonly Route[] = [
  reads('/ping', () => ok({ pong: true })),
  reads('/version', ({ operations }) => ok({ version: operations.version(), api: API_VERSION })),
  reads('/status', ({ operations }) => ok(operations.status())),
  reads('/jails/:jail', ({ operations, parameters }) => {
    const { jail, banned } = operations.jail(parameters[0] ?? '');
    return { before: `{"jail":${JSON.stringify(jail)},"banned":[`, items: banned, after: ']}' };
  }),
  reads('/jails/:jail/options', ({ operations, parameters }) =>
    ok(operations.options(parameters[0] ?? '')),
  ),
  reads('/options', ({ operations }) => ok(operations.options(undefined))),
  reads('/bans', ({ operations, query }) => ({
    before: '[',
    items: operations.bans(selection(query)),
    after: ']',
  })),
  reads('/history', ({ operations, query }) => {
    const before = whole(query, 'before', Number.MAX_SAFE_INTEGER);
    const after = whole(query, 'after', Number.MAX_SAFE_INTEGER);
    return ok(
      operations.history({
        ...selection(query),
        limit: whole(query, 'limit', HISTORY_ANSWER_ROWS_MAX) ?? HISTORY_ROWS,
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
        oldestFirst: isOldestFirst(query),
      }),
    );
  }),
  reads('/history/newest', ({ operations }) => ok({ id: operations.newestBan() })),
  reads('/explain/:address', async ({ operations, parameters }) =>
    ok(await operations.explain(parameters[0] ?? '')),
  ),
  reads('/counters', async ({ operations }) => ok(await operations.counters())),
  reads('/metrics', async ({ operations, query }) => {
    const format = query.get('format') === 'prometheus' ? 'prometheus' : 'openmetrics';
    return { text: await operations.metrics(format), contentType: METRICS_TYPES[format] };
  }),
  reads('/events', ({ operations, query, headers }) => {
    const since = whole(query, 'since', Number.MAX_SAFE_INTEGER) ?? lastEventId(headers);
    const only = kinds(query);
    const wish = {
      ...(since === undefined ? {} : { since }),
      ...(only === undefined ? {} : { only }),
    };
    return { stream: (request, response) => streamEvents(request, response, operations, wish) };
  }),
  changes('/ban', async ({ operations, body }) => ok(await operations.ban(banRequest(body)))),
  changes('/unban', async ({ operations, body }) => ok(await operations.unban(unbanRequest(body)))),
  changes('/attempt', async ({ operations, body }) =>
    ok(await operations.attempt(attemptRequest(body))),
  ),
  changes('/set', async ({ operations, body }) => ok(await operations.set(setRequest(body)))),
  changes('/import', async ({ operations, body }) =>
    ok(await operations.import(importRequest(body))),
  ),
  changes('/reload', async ({ operations, body }) =>
    ok(await operations.reload(reloadRequest(body))),
  ),
  changes('/flush', async ({ operations }) => {
    await operations.flush();
    return ok({ flushed: true });
  }),
];

export function findRoute(
  method: string,
  pathname: string,
): (Route & { readonly parameters: readonly string[] }) | undefined {
  const prefix = `/v${API_VERSION}`;
  if (!pathname.startsWith(`${prefix}/`)) return undefined;
  const parts = pathname.slice(prefix.length + 1).split('/');
  for (const route of ROUTES) {
    const pattern = route.path.slice(1).split('/');
    if (route.method !== method || pattern.length !== parts.length) continue;
    if (!pattern.every((part, index) => part.startsWith(':') || part === parts[index])) continue;
    const parameters = pattern.flatMap((part, index) =>
      part.startsWith(':') ? [decode(parts[index] ?? '')] : [],
    );
    return { ...route, parameters };
  }
  return undefined;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new OperatorError(`the path is not well encoded: ${part}`);
  }
}

function selection(query: URLSearchParams): { jail?: string; address?: string } {
  const jail = query.get('jail');
  const address = query.get('address');
  return { ...(jail === null ? {} : { jail }), ...(address === null ? {} : { address }) };
}

function isOldestFirst(query: URLSearchParams): boolean {
  const order = query.get('order') ?? 'newest';
  if (order !== 'newest' && order !== 'oldest')
    throw new OperatorError(
      `order must be newest or oldest, not ${JSON.stringify(order.slice(0, 100))}`,
    );
  return order === 'oldest';
}

function whole(query: URLSearchParams, name: string, max: number): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= (name === 'limit' ? 1 : 0) && value <= max))
    throw new OperatorError(
      `${name} must be a whole number up to ${max}, not ${JSON.stringify(text.slice(0, 100))}`,
    );
  return value;
}

/** `only=ban,unban`: kinds of events. */
function kinds(query: URLSearchParams): ReadonlySet<BanjourEvent> | undefined {
  const text = query.get('only');
  if (text === null) return undefined;
  const words = text.split(',');
  const known = BANJOUR_EVENTS.filter((event) => words.includes(event));
  if (known.length < words.length)
    throw new OperatorError(
      `only must be a list of ${BANJOUR_EVENTS.join(', ')}, not ${JSON.stringify(text.slice(0, 100))}`,
    );
  return new Set(known);
}

/** What a browser's EventSource sends when it comes back (HTML standard, "Server-sent events"). */
function lastEventId(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['last-event-id'];
  return typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}
