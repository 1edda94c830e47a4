/**
 * The two control sockets. Bounded in clients, streams, requests per second, request size and time;
 * a client that floods, stalls or sends garbage costs its own connection and nothing else. One
 * request per connection.
 */

import { chmodSync, chownSync, existsSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { inBackground } from '../core/background.js';
import { messageOf, OperatorError } from '../core/errors.js';
import {
  CONTROL_CLIENTS_MAX,
  CONTROL_REQUEST_BYTES_MAX,
  CONTROL_REQUESTS_PER_SECOND_MAX,
  CONTROL_STREAMS_MAX,
} from '../core/service-limits.js';
import { CONTROL_REQUEST_MS_MAX, CONTROL_STALL_MS_MAX } from '../core/timeouts.js';
import { sendList, sendText, sendWhole } from './answer.js';
import { RateLimiter } from './clients.js';
import type { Operations } from './protocol.js';
import { findRoute, type Reply } from './routes.js';

export interface ControlSockets {
  readonly control: string;
  readonly status: string;
  /** Group that may read status.sock; absent leaves the process's own. */
  readonly statusGroupId?: number;
}

export interface ControlServer {
  close(): Promise<void>;
}

/**
 * Time limits of connections are looked at this often, ms, also while there are none: each look
 * wakes the process.
 */
const CHECK_MS = 2_500;

/** Opens both sockets. Throws `OperatorError` when another agent answers on them. */
export async function serveControl(
  sockets: ControlSockets,
  operations: Operations,
): Promise<ControlServer> {
  const control = await listen(sockets.control, 0o600, undefined, new Desk(operations, true));
  const status = await listen(
    sockets.status,
    0o660,
    sockets.statusGroupId,
    new Desk(operations, false),
  );
  return {
    close: async () => {
      await Promise.all(
        [control, status].map(
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
  path: string,
  mode: number,
  groupId: number | undefined,
  desk: Desk,
): Promise<Server> {
  await removeStale(path);
  const server = createServer(
    {
      headersTimeout: CONTROL_REQUEST_MS_MAX,
      requestTimeout: CONTROL_REQUEST_MS_MAX,
      connectionsCheckingInterval: CHECK_MS,
    },
    (request, response) => inBackground(desk.answer(request, response)),
  );
  server.maxConnections = CONTROL_CLIENTS_MAX;
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
  if (groupId !== undefined) chownSync(path, -1, groupId);
  chmodSync(path, mode);
  return server;
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

/** Answers the requests of one socket. */
class Desk {
  readonly #operations: Operations;
  readonly #mayChange: boolean;
  readonly #pace = new RateLimiter(CONTROL_REQUESTS_PER_SECOND_MAX);
  #streams = 0;

  constructor(operations: Operations, mayChange: boolean) {
    this.#operations = operations;
    this.#mayChange = mayChange;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    // What a client goes on sending after its answer is not read.
    response.once('finish', () => {
      if (!request.complete) request.destroy();
    });
    const delay = this.#pace.delay();
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    if (response.destroyed) return;
    const reply = await this.#reply(request);
    if (response.destroyed) return;
    try {
      if ('stream' in reply) this.#stream(request, response, reply.stream);
      else {
        response.setTimeout(CONTROL_STALL_MS_MAX, () => response.destroy());
        if ('text' in reply) sendText(response, reply.text, reply.contentType);
        else if ('items' in reply) await sendList(response, reply.before, reply.items, reply.after);
        else sendWhole(response, reply.status, reply.body);
      }
    } catch {
      // The ledger failed in the middle of a list: the client sees an answer that is cut short.
      response.destroy();
    }
  }

  async #reply(request: IncomingMessage): Promise<Reply> {
    try {
      const url = URL.canParse(request.url ?? '/', 'http://banjour')
        ? new URL(request.url ?? '/', 'http://banjour')
        : undefined;
      const route = url && findRoute(request.method ?? 'GET', url.pathname);
      if (url === undefined || route === undefined)
        return {
          status: 404,
          body: {
            error: `no such path: ${request.method} ${request.url}`,
            hint: 'docs/api.md lists them',
          },
        };
      if (route.changes && !this.#mayChange)
        return {
          status: 403,
          body: {
            error: 'this socket only reads',
            hint: 'changes go through control.sock, as root',
          },
        };
      const body = route.changes ? await readBody(request) : undefined;
      return await route.handle({
        operations: this.#operations,
        query: url.searchParams,
        headers: request.headers,
        parameters: route.parameters,
        body,
      });
    } catch (error) {
      if (!(error instanceof OperatorError))
        return { status: 500, body: { error: messageOf(error) } };
      return {
        status: 400,
        body: { error: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) },
      };
    }
  }

  #stream(
    request: IncomingMessage,
    response: ServerResponse,
    start: (request: IncomingMessage, response: ServerResponse) => void,
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
    start(request, response);
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > CONTROL_REQUEST_BYTES_MAX) {
      request.destroy();
      throw new OperatorError(`the request is larger than ${CONTROL_REQUEST_BYTES_MAX} bytes`, {
        hint: 'send it in parts',
      });
    }
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OperatorError(`the request is not JSON: ${messageOf(error)}`);
  }
}
