/**
 * The server of the page: files for everybody who may connect, answers for sessions alone. What a
 * stranger, a page of another origin or a slow client sends costs its own connection.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { boundClients } from '../control/clients.js';
import { type Listening, type ListenPlaces, listenAt } from '../control/listen.js';
import { inBackground } from '../core/background.js';
import { WEB_CLIENTS_MAX, WEB_HEAD_BYTES_MAX } from '../core/service-limits.js';
import { WEB_IDLE_MS_MAX, WEB_REQUEST_MS_MAX } from '../core/timeouts.js';

/** Requests that are not whole in time are looked for this often, ms. */
const CHECK_MS = 1_000;

/** Opens port and socket. Throws `OperatorError` when one of them cannot be had. */
export function listenWeb(
  places: ListenPlaces,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<Listening> {
  const { port, socket } = places;
  return listenAt(
    places,
    () => boundedServer(answer),
    (isPort) =>
      isPort
        ? {
            what: `listen on port ${port?.port} of ${port?.host}`,
            hint: `ss -ltnp 'sport = :${port?.port}' shows who listens there`,
          }
        : {
            what: `listen on ${socket}`,
            hint: 'its directory must be one in which banjour-companion may write: /run/banjour-companion',
          },
  );
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
