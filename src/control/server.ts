/**
 * The two control sockets. Bounded in clients, request size and time; a client that floods, stalls or sends garbage
 * costs its own connection and nothing else.
 */
import { chmodSync, chownSync, existsSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { messageOf, OperatorError } from '../core/errors.js';
import { CONTROL_CLIENTS_MAX, CONTROL_REQUEST_BYTES_MAX, CONTROL_REQUEST_MS_MAX } from '../core/limits.js';
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

/** Opens both sockets. Throws `OperatorError` when another agent answers on them. */
export async function serveControl(sockets: ControlSockets, operations: Operations): Promise<ControlServer> {
  const servers = [
    await listen(
      sockets.control,
      0o600,
      undefined,
      (request, response) => void answer(request, response, operations, true),
    ),
    await listen(
      sockets.status,
      0o660,
      sockets.statusGroupId,
      (request, response) => void answer(request, response, operations, false),
    ),
  ];
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
  path: string,
  mode: number,
  groupId: number | undefined,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  await removeStale(path);
  const server = createServer(
    {
      headersTimeout: CONTROL_REQUEST_MS_MAX,
      requestTimeout: CONTROL_REQUEST_MS_MAX,
      keepAliveTimeout: CONTROL_REQUEST_MS_MAX,
    },
    handle,
  );
  server.maxConnections = CONTROL_CLIENTS_MAX;
  // A broken client ends its own connection; Node's default would answer 400 on it, which is as good.
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

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  operations: Operations,
  mayChange: boolean,
): Promise<void> {
  let reply: Reply;
  try {
    const url = new URL(request.url ?? '/', 'http://banjour');
    const route = findRoute(request.method ?? 'GET', url.pathname);
    if (route === undefined)
      reply = { status: 404, body: { error: `no such path: ${request.method} ${url.pathname}` } };
    else if (route.changes && !mayChange)
      reply = {
        status: 403,
        body: { error: 'this socket only reads', hint: 'changes go through control.sock, as root' },
      };
    else {
      const body = route.changes ? await readBody(request) : undefined;
      reply = await route.handle({ operations, query: url.searchParams, parameters: route.parameters, body });
    }
  } catch (error) {
    reply =
      error instanceof OperatorError
        ? { status: 400, body: { error: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) } }
        : { status: 500, body: { error: messageOf(error) } };
  }
  if (response.destroyed) return;
  if ('stream' in reply) reply.stream(request, response);
  else if ('text' in reply) {
    response.writeHead(200, { 'content-type': reply.contentType, 'content-length': Buffer.byteLength(reply.text) });
    response.end(reply.text);
  } else {
    const text = `${JSON.stringify(reply.body)}\n`;
    response.writeHead(reply.status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.end(text);
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
