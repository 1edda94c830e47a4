/** How a server comes to listen on a port or a Unix socket, says so when it cannot, and ends. */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, OperatorError } from '../core/errors.js';

/** Where a part listens; either may be absent. */
export interface ListenPlaces {
  readonly port: { readonly host: string; readonly port: number } | null;
  readonly socket: string | null;
}

export interface Listening {
  /** `127.0.0.1:9813`, with the port that the system chose for 0; the socket's path. */
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

/** What is said where a server cannot listen: what was tried, and the remedy. */
interface ListenTrouble {
  readonly what: string;
  readonly hint: string;
}

/** Resolves when the server listens. Rejects with `OperatorError`. */
export function listen(
  server: Server,
  where: { readonly host: string; readonly port: number } | { readonly path: string },
  { what, hint }: ListenTrouble,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new OperatorError(`cannot ${what}: ${messageOf(cause)}`, { hint, cause })),
    );
    server.listen(where, () => resolve());
  });
}

/** Resolves when the server and all its connections have ended. */
export function endServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** The address of a server on a port, as a client writes it. */
export function addressOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * Opens port and socket, each with a server of its own. Whoever connects to the socket must still
 * say who it is, so everybody may. Throws `OperatorError` when one of them cannot be had.
 */
export async function listenAt(
  { port, socket }: ListenPlaces,
  serverFor: (isPort: boolean) => Server,
): Promise<Listening> {
  const servers: Server[] = [];
  const addresses: string[] = [];
  const close = async () => {
    await Promise.all(servers.map(endServer));
  };
  const next = (isPort: boolean) => {
    const server = serverFor(isPort);
    servers.push(server);
    return server;
  };
  try {
    if (port !== null) {
      const server = next(true);
      await listen(server, port, {
        what: `listen on port ${port.port} of ${port.host}`,
        hint: `ss -ltnp 'sport = :${port.port}' shows who listens there`,
      });
      addresses.push(addressOf(server));
    }
    if (socket !== null) {
      const server = next(false);
      removeLeftSocket(socket);
      await listen(
        server,
        { path: socket },
        {
          what: `listen on ${socket}`,
          hint: 'its directory must be one in which banjour-companion may write: /run/banjour-companion',
        },
      );
      chmodSync(socket, 0o666);
      addresses.push(socket);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses, close };
}

/**
 * Removes a socket that an earlier run left. Throws `OperatorError` where the path is anything but
 * a socket: a path that somebody mistyped deletes no file.
 */
export function removeLeftSocket(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket())
    throw new OperatorError(`cannot listen on ${path}: it exists and is no socket`, {
      hint: 'name a path that is free',
    });
  unlinkSync(path);
}
