/**
 * The metrics on a port of the loopback, for a Prometheus that cannot read Unix sockets. A process
 * of its own: the agent keeps a sandbox without any network.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { boundClients } from '../control/clients.js';
import { messageOf, OperatorError } from '../core/errors.js';
import { METRICS_CLIENTS_MAX } from '../core/service-limits.js';
import { METRICS_REQUEST_MS_MAX } from '../core/timeouts.js';
import { CONTENT_TYPES, formatFor, type MetricsFormat } from '../metrics/format.js';

export interface MetricsServer {
  /** `127.0.0.1:9811`, with the port that the system chose when 0 was asked for. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * `127.0.0.1:9811`, `[::1]:9811` or a port. Throws `OperatorError` for anything that is not on the
 * loopback.
 */
export function listenAddress(text: string): { readonly host: string; readonly port: number } {
  const parts = /^(?:(127(?:\.\d{1,3}){3}|\[::1\]|localhost):)?(\d{1,5})$/.exec(text);
  const port = Number(parts?.[2]);
  if (parts === null || port > 65_535)
    throw new OperatorError(`not a port of the loopback: ${JSON.stringify(text)}`, {
      hint: 'write 9811, 127.0.0.1:9811 or [::1]:9811; for other hosts put a proxy with a password before it',
    });
  return {
    host: (parts[1] ?? '127.0.0.1').replace(/^\[|\]$/g, '').replace('localhost', '127.0.0.1'),
    port,
  };
}

/**
 * True for the names of the loopback, and for none: a page of another name must not read the
 * numbers (DNS rebinding).
 */
function isLoopback(host: string | undefined): boolean {
  return (
    host === undefined || /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)(?::\d{1,5})?$/i.test(host)
  );
}

/**
 * Serves `/metrics`; `read` is asked at each scrape. Throws `OperatorError` when the port cannot be
 * had.
 */
export async function serveMetrics(
  where: { readonly host: string; readonly port: number },
  read: (format: MetricsFormat) => Promise<string>,
): Promise<MetricsServer> {
  const server: Server = createServer(async (request, response) => {
    if (!isLoopback(request.headers.host)) {
      response
        .writeHead(403, { 'content-type': 'text/plain' })
        .end('this port answers to the names of the loopback\n');
      return;
    }
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('GET /metrics\n');
      return;
    }
    const format = formatFor(request.headers.accept);
    try {
      const text = await read(format);
      response.writeHead(200, { 'content-type': CONTENT_TYPES[format] }).end(text);
    } catch (error) {
      response.writeHead(503, { 'content-type': 'text/plain' }).end(`${messageOf(error)}\n`);
    }
  });
  boundClients(server, METRICS_CLIENTS_MAX, METRICS_REQUEST_MS_MAX);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new OperatorError(`cannot listen on ${where.host}:${where.port}: ${messageOf(cause)}`, {
          cause,
        }),
      ),
    );
    server.listen(where.port, where.host, () => resolve());
  });
  const { address, port, family } = server.address() as AddressInfo;
  return {
    address: family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
