/**
 * The control sockets. Bounded in clients, streams, requests per second, request size and time; a
 * client that floods, stalls or sends garbage costs its own connection and nothing else. One
 * request per connection, but on policy.sock and share.sock.
 */

import { chmodSync, chownSync, existsSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { inBackground } from '../core/background.js';
import type { BanjourEvent } from '../core/decision.js';
import { messageOf, OperatorError } from '../core/errors.js';
import {
  CONTROL_CLIENTS_MAX,
  CONTROL_REQUEST_BYTES_MAX,
  CONTROL_REQUESTS_PER_SECOND_MAX,
  CONTROL_STREAMS_MAX,
  POLICY_CLIENTS_MAX,
  POLICY_REQUESTS_PER_SECOND_MAX,
  SHARE_CLIENTS_MAX,
  SHARE_REQUESTS_PER_SECOND_MAX,
} from '../core/service-limits.js';
import {
  CONTROL_IDLE_MS_MAX,
  CONTROL_REQUEST_MS_MAX,
  CONTROL_STALL_MS_MAX,
} from '../core/timeouts.js';
import { sendAnswer, sendText, sendWhole, streamEvents } from './answer.js';
import { RateLimiter, readBody } from './clients.js';
import {
  type ControlHandlers,
  type Endpoint,
  type EventFeed,
  findEndpoint,
  type Right,
  requestOf,
} from './endpoints.js';
import type { ApiProblem } from './protocol.js';

export interface ControlSockets {
  readonly control: string;
  readonly status: string;
  /** Group that may read status.sock; absent leaves the process's own. */
  readonly statusGroupId?: number;
  /** For the companion: what mail servers ask. */
  readonly policy?: string;
  /** For the companion: what other hosts decided. */
  readonly share?: string;
  /** Group that may ask these two; absent leaves them to root. */
  readonly companionGroupId?: number | undefined;
}

/** How one of the sockets is served. */
interface SocketSpec {
  readonly path: string;
  readonly mode: number;
  readonly groupId?: number | undefined;
  readonly rights: readonly Right[];
  readonly clients: number;
  readonly perSecond: number;
  /** Many requests of one connection. */
  readonly keepAlive: boolean;
}

function specsOf(sockets: ControlSockets): SocketSpec[] {
  const bounds = {
    clients: CONTROL_CLIENTS_MAX,
    perSecond: CONTROL_REQUESTS_PER_SECOND_MAX,
    keepAlive: false,
  };
  const { control, status, statusGroupId, policy, share, companionGroupId: groupId } = sockets;
  const companion = { mode: groupId === undefined ? 0o600 : 0o660, groupId, keepAlive: true };
  const specs: SocketSpec[] = [
    { ...bounds, path: control, mode: 0o600, rights: ['read', 'change', 'policy', 'share'] },
    { ...bounds, path: status, mode: 0o660, groupId: statusGroupId, rights: ['read'] },
  ];
  if (policy !== undefined)
    specs.push({
      ...companion,
      path: policy,
      rights: ['policy'],
      clients: POLICY_CLIENTS_MAX,
      perSecond: POLICY_REQUESTS_PER_SECOND_MAX,
    });
  if (share !== undefined)
    specs.push({
      ...companion,
      path: share,
      rights: ['share'],
      clients: SHARE_CLIENTS_MAX,
      perSecond: SHARE_REQUESTS_PER_SECOND_MAX,
    });
  return specs;
}

export interface ControlServer {
  close(): Promise<void>;
}

/**
 * Time limits of connections are looked at this often, ms, also while there are none: each look
 * wakes the process.
 */
const CHECK_MS = 2_500;

/** Opens the sockets. Throws `OperatorError` when another agent answers on them. */
export async function serveControl(
  sockets: ControlSockets,
  handlers: ControlHandlers,
): Promise<ControlServer> {
  const servers: Server[] = [];
  for (const spec of specsOf(sockets))
    servers.push(await listen(spec, new RequestHandler(handlers, spec)));
  return {
    close: async () => {
      await Promise.all(
        servers.map(
          (server) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };
}

async function listen(
  { path, mode, groupId, clients, keepAlive }: SocketSpec,
  requests: RequestHandler,
): Promise<Server> {
  await removeStale(path);
  const server = createServer(
    {
      headersTimeout: CONTROL_REQUEST_MS_MAX,
      requestTimeout: CONTROL_REQUEST_MS_MAX,
      connectionsCheckingInterval: CHECK_MS,
      ...(keepAlive ? { keepAliveTimeout: CONTROL_IDLE_MS_MAX } : {}),
    },
    (request, response) => inBackground(requests.answer(request, response)),
  );
  // A connection that the system has no descriptor for; the next one may have one.
  server.on('error', () => undefined);
  server.maxConnections = clients;
  server.on('connection', (socket: Socket) => {
    // Of a connection that never says a word, Node's limits know nothing.
    const timer = setTimeout(() => socket.destroy(), CONTROL_REQUEST_MS_MAX);
    socket.once('data', () => clearTimeout(timer));
    socket.once('close', () => clearTimeout(timer));
  });
  // A broken client ends its own connection; Node's default would answer 400 on it, which is as
  // good.
  server.on('clientError', (_error, socket) => socket.destroy());
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => resolve());
    });
  } catch (error) {
    throw new OperatorError(`cannot open the control socket ${path}: ${messageOf(error)}`, {
      hint: 'its directory must exist and belong to the agent (RuntimeDirectory= of the unit, or --run-dir)',
      cause: error,
    });
  } finally {
    process.umask(before);
  }
  chmodSync(path, isGivenTo(path, groupId) ? mode : 0o600);
  return server;
}

/** False when the group cannot have the socket: then it is the owner's alone. */
function isGivenTo(path: string, groupId: number | undefined): boolean {
  if (groupId === undefined) return true;
  try {
    chownSync(path, -1, groupId);
    return true;
  } catch {
    return false;
  }
}

/** A socket that nobody answers on was left by an agent that died. */
async function removeStale(path: string): Promise<void> {
  if (!existsSync(path)) return;
  const alive = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
  if (alive)
    throw new OperatorError(`another agent is running: it answers on ${path}`, {
      hint: 'systemctl stop banjour, or give this one its own --run-dir and --state-dir',
    });
  unlinkSync(path);
}

/** An answer that is not the one that was asked for. */
class Refusal {
  readonly status: number;
  readonly body: ApiProblem;

  constructor(status: number, error: string, hint?: string) {
    this.status = status;
    this.body = { error, ...(hint === undefined ? {} : { hint }) };
  }
}

/** Answers the requests of one socket. */
class RequestHandler {
  readonly #handlers: ControlHandlers;
  readonly #rights: readonly Right[];
  readonly #keepAlive: boolean;
  readonly #limiter: RateLimiter;
  #streams = 0;

  constructor(handlers: ControlHandlers, { rights, keepAlive, perSecond }: SocketSpec) {
    this.#handlers = handlers;
    this.#rights = rights;
    this.#keepAlive = keepAlive;
    this.#limiter = new RateLimiter(perSecond);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    if (!this.#keepAlive) response.setHeader('connection', 'close');
    // What a client goes on sending after its answer is not read.
    response.once('finish', () => {
      if (!request.complete) request.destroy();
    });
    const delay = this.#limiter.delay();
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    if (response.destroyed) return;
    const call = await this.#call(request);
    if (response.destroyed) return;
    try {
      if (call instanceof Refusal) sendWhole(response, call.status, call.body);
      else await this.#send(request, response, call);
    } catch {
      // The ledger failed in the middle of a list: the client sees an answer that is cut short.
      response.destroy();
    }
  }

  /** What the call answers, with the fields that it was asked with. */
  async #call(request: IncomingMessage): Promise<Called | Refusal> {
    try {
      const url = URL.canParse(request.url ?? '/', 'http://banjour')
        ? new URL(request.url ?? '/', 'http://banjour')
        : undefined;
      const found = url && findEndpoint(request.method ?? 'GET', url.pathname);
      if (url === undefined || found === undefined)
        return new Refusal(
          404,
          `no such path: ${request.method} ${request.url}`,
          'docs/api.md lists them',
        );
      const { name, endpoint, parameters } = found;
      if (!this.#rights.includes(endpoint.right))
        return new Refusal(
          403,
          this.#rights.includes('read')
            ? 'this socket only reads'
            : 'this socket does not answer that',
          endpoint.right === 'change'
            ? 'changes go through control.sock, as root'
            : 'docs/api.md says which socket answers what',
        );
      const given = endpoint.method === 'POST' ? await jsonOf(request) : queryOf(url, request);
      const fields = requestOf(
        endpoint,
        typeof given === 'object' && given !== null && !Array.isArray(given)
          ? { ...given, ...parameters }
          : given,
      );
      const handle = this.#handlers[name] as (request: unknown) => unknown;
      return { endpoint, fields, answer: await handle.call(this.#handlers, fields) };
    } catch (error) {
      if (!(error instanceof OperatorError)) return new Refusal(500, messageOf(error));
      return new Refusal(400, error.message, error.hint);
    }
  }

  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    { endpoint, fields, answer }: Called,
  ): Promise<void> {
    if (endpoint.kind === 'stream') {
      this.#stream(request, response, answer as EventFeed, fields);
      return;
    }
    response.setTimeout(CONTROL_STALL_MS_MAX, () => response.destroy());
    if (endpoint.kind === 'json') return sendAnswer(response, answer);
    const { text, contentType } = answer as { text: string; contentType: string };
    sendText(response, text, contentType);
  }

  #stream(
    request: IncomingMessage,
    response: ServerResponse,
    feed: EventFeed,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    if (this.#streams >= CONTROL_STREAMS_MAX) {
      sendWhole(response, 503, {
        error: `${CONTROL_STREAMS_MAX} clients follow the events already`,
        hint: 'end one of them',
      });
      return;
    }
    this.#streams++;
    response.once('close', () => this.#streams--);
    streamEvents(request, response, feed, fields['only'] as readonly BanjourEvent[] | undefined);
  }
}

/** A call that was carried out. */
interface Called {
  readonly endpoint: Endpoint;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly answer: unknown;
}

/**
 * The query as fields. A browser's EventSource that comes back sends the last id as a header (HTML
 * standard, "Server-sent events").
 */
function queryOf({ searchParams }: URL, { headers }: IncomingMessage): Record<string, string> {
  const last = headers['last-event-id'];
  return {
    ...(typeof last === 'string' && /^\d{1,16}$/.test(last) ? { since: last } : {}),
    ...Object.fromEntries(searchParams),
  };
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const text = await readBody(request, CONTROL_REQUEST_BYTES_MAX, () => {
    request.destroy();
    return new OperatorError(`the request is larger than ${CONTROL_REQUEST_BYTES_MAX} bytes`, {
      hint: 'send it in parts',
    });
  });
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OperatorError(`the request is not JSON: ${messageOf(error)}`);
  }
}
