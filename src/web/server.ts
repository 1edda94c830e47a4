/**
 * The server of the page: files for everybody who may connect, answers for sessions alone. What a
 * stranger, a page of another origin or a slow client sends costs its own connection.
 */
import { chmodSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { boundClients } from '../control/clients.js';
import { removeLeftSocket } from '../control/socket-file.js';
import { inBackground } from '../core/background.js';
import { messageOf, OperatorError } from '../core/errors.js';
import { WEB_CLIENTS_MAX, WEB_HEAD_BYTES_MAX } from '../core/service-limits.js';
import { WEB_IDLE_MS_MAX, WEB_REQUEST_MS_MAX } from '../core/timeouts.js';

/** Where it listens; either may be absent. */
export interface WebPlaces {
  readonly port: { readonly host: string; readonly port: number } | null;
  readonly socket: string | null;
}

export interface WebServer {
  /** `127.0.0.1:9815`, with the port that the system chose for 0; the socket's path. */
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

/** Requests that are not whole in time are looked for this often, ms. */
const CHECK_MS = 1_000;

/** Opens port and socket. Throws `OperatorError` when one of them cannot be had. */
export async function listenWeb(
  { port, socket }: WebPlaces,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<WebServer> {
  const servers: Server[] = [];
  const addresses: string[] = [];
  const close = async () => {
    await Promise.all(servers.map(end));
  };
  try {
    if (port !== null) {
      const server = boundedServer(answer);
      servers.push(server);
      await listen(
        server,
        { host: port.host, port: port.port },
        `port ${port.port} of ${port.host}`,
        `ss -ltnp 'sport = :${port.port}' shows who listens there`,
      );
      const { address, port: chosen, family } = server.address() as AddressInfo;
      addresses.push(family === 'IPv6' ? `[${address}]:${chosen}` : `${address}:${chosen}`);
    }
    if (socket !== null) {
      const server = boundedServer(answer);
      servers.push(server);
      removeLeftSocket(socket);
      await listen(
        server,
        { path: socket },
        socket,
        'its directory must be one in which banjour-companion may write: /run/banjour-companion',
      );
      // Whoever connects still needs a session; the proxy's user is another one.
      chmodSync(socket, 0o666);
      addresses.push(socket);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses, close };
}

function boundedServer(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Server {
  const server = createServer(
    {
      maxHeaderSize: WEB_HEAD_BYTES_MAX,
      headersTimeout: WEB_REQUEST_MS_MAX,
      requestTimeout: WEB_REQUEST_MS_MAX,
      keepAliveTimeout: WEB_IDLE_MS_MAX,
      connectionsCheckingInterval: CHECK_MS,
    },
    (request, response) => {
      response.on('error', () => undefined);
      inBackground(answer(request, response), () => response.destroy());
    },
  );
  server.on('clientError', (_error, socket) => socket.destroy());
  // An upgrade is nothing that is spoken here.
  server.on('upgrade', (_request, socket: Socket) => socket.destroy());
  server.on('connect', (_request, socket: Socket) => socket.destroy());
  boundClients(server, WEB_CLIENTS_MAX, WEB_IDLE_MS_MAX);
  return server;
}

function listen(server: Server, where: object, name: string, hint: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new OperatorError(`cannot listen on ${name}: ${messageOf(cause)}`, { hint, cause })),
    );
    server.listen(where, () => resolve());
  });
}

function end(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
