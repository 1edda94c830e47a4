/** The paths of the API: one table from method and path to what the daemon does. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OperatorError } from '../core/errors.js';
import { API_VERSION, type Operations } from './protocol.js';
import { banRequest, reloadRequest, unbanRequest } from './requests.js';
import { streamEvents } from './stream.js';

export type Reply =
  | { readonly status: number; readonly body: unknown }
  /** Status 200, not JSON. */
  | { readonly text: string; readonly contentType: string }
  | { readonly stream: (request: IncomingMessage, response: ServerResponse) => void };

export interface Call {
  readonly operations: Operations;
  readonly query: URLSearchParams;
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

/** Rows of history in one answer when the client does not say, and at most. */
const HISTORY_ROWS = 100;
const HISTORY_ROWS_MAX = 10_000;

export const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/ping', changes: false, handle: () => ok({ pong: true }) },
  { method: 'GET', path: '/status', changes: false, handle: ({ operations }) => ok(operations.status()) },
  {
    method: 'GET',
    path: '/jails/:jail',
    changes: false,
    handle: ({ operations, parameters }) => ok(operations.jail(parameters[0] ?? '')),
  },
  {
    method: 'GET',
    path: '/bans',
    changes: false,
    handle: ({ operations, query }) => ok(operations.bans(selection(query))),
  },
  {
    method: 'GET',
    path: '/history',
    changes: false,
    handle: ({ operations, query }) => ok(operations.history({ ...selection(query), limit: rows(query) })),
  },
  {
    method: 'GET',
    path: '/explain/:address',
    changes: false,
    handle: async ({ operations, parameters }) => ok(await operations.explain(parameters[0] ?? '')),
  },
  {
    method: 'GET',
    path: '/metrics',
    changes: false,
    handle: async ({ operations, query }) => {
      const format = query.get('format') === 'prometheus' ? 'prometheus' : 'openmetrics';
      return { text: await operations.metrics(format), contentType: METRICS_TYPES[format] };
    },
  },
  {
    method: 'GET',
    path: '/events',
    changes: false,
    handle: ({ operations }) => ({ stream: (request, response) => streamEvents(request, response, operations) }),
  },
  {
    method: 'POST',
    path: '/ban',
    changes: true,
    handle: async ({ operations, body }) => ok(await operations.ban(banRequest(body))),
  },
  {
    method: 'POST',
    path: '/unban',
    changes: true,
    handle: async ({ operations, body }) => ok(await operations.unban(unbanRequest(body))),
  },
  {
    method: 'POST',
    path: '/reload',
    changes: true,
    handle: async ({ operations, body }) => ok(await operations.reload(reloadRequest(body))),
  },
  {
    method: 'POST',
    path: '/flush',
    changes: true,
    handle: async ({ operations }) => {
      await operations.flush();
      return ok({ flushed: true });
    },
  },
];

/** OpenMetrics 1.0.0 unless the older format of Prometheus is asked for. */
const METRICS_TYPES = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
} as const;

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
    const parameters = pattern.flatMap((part, index) => (part.startsWith(':') ? [decode(parts[index] ?? '')] : []));
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

function rows(query: URLSearchParams): number {
  const text = query.get('limit');
  if (text === null) return HISTORY_ROWS;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > HISTORY_ROWS_MAX)
    throw new OperatorError(`limit must be a whole number from 1 to ${HISTORY_ROWS_MAX}, not ${JSON.stringify(text)}`);
  return limit;
}
