/** Servers that strangers can reach: so many clients, and none that says nothing. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { OperatorError } from '../core/errors.js';

/**
 * How many requests per second a socket takes. What is over waits: the flooder's own connections,
 * nobody else's turn.
 */
export class RateLimiter {
  readonly #perSecond: number;
  readonly #now: () => number;
  /** When the next request is due, ms. */
  #next = 0;

  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** Milliseconds that the next request must wait; a second's worth may come at once. */
  delay(): number {
    const now = this.#now();
    this.#next = Math.max(this.#next, now - 1000) + 1000 / this.#perSecond;
    return Math.max(0, this.#next - now);
  }
}

/**
 * Bounds the clients of a server. Who has sent no request after so many milliseconds is cut off
 * (Node's own limits do not know of a connection that never says a word). One client more than
 * `most` takes the place of the one that has been silent for longest, so that whoever asks is
 * answered.
 */
export function boundClients(server: Server, most: number, milliseconds: number): void {
  // A connection that the system has no descriptor for; the next one may have one.
  server.on('error', () => undefined);
  const silent = new Map<Socket, NodeJS.Timeout>();
  let open = 0;
  const forget = (socket: Socket) => {
    clearTimeout(silent.get(socket));
    silent.delete(socket);
  };
  const expect = (socket: Socket) => {
    // Several requests may come at once; the end of each answer begins the same time anew.
    forget(socket);
    silent.set(
      socket,
      setTimeout(() => socket.destroy(), milliseconds),
    );
  };
  server.on('connection', (socket: Socket) => {
    open++;
    expect(socket);
    socket.once('close', () => {
      open--;
      forget(socket);
    });
    const [oldest] = silent.keys();
    if (open <= most || oldest === undefined) return;
    // It closes a turn later: until then the next client must not take the same place.
    forget(oldest);
    oldest.destroy();
  });
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    forget(socket);
    response.once('close', () => {
      if (!socket.destroyed) expect(socket);
    });
  });
}

/**
 * True for the names of the loopback, and for none: a page of another name must not reach a port of
 * the loopback through its visitor's browser (DNS rebinding).
 */
export function namesLoopback(host: string | undefined): boolean {
  return (
    host === undefined || /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)(?::\d{1,5})?$/i.test(host)
  );
}

/**
 * The body of a request as text. Where it has more bytes it is read no further and what `tooLarge`
 * makes is thrown; the caller's answer ends the connection. Throws when it is sent half. Without
 * the iterator of the stream, which takes as long as all else that is done with a short request.
 */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  tooLarge: () => unknown,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      reject(tooLarge());
    });
    request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    // It comes behind the end as well, where an error that nobody sees would cost its stack.
    request.once('close', () => {
      if (!request.complete) reject(new OperatorError('the request was not read to its end'));
    });
    request.once('error', reject);
  });
}
