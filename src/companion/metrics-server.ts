/**
 * The metrics on a port of the loopback, for a Prometheus that cannot read Unix sockets. Never in
 * the agent, which keeps a sandbox without any network.
 */
import { createServer, type Server } from 'node:http';
import { boundClients, namesLoopback } from '../control/clients.js';
import { addressOf, endServer, listen } from '../control/listen.js';
import { messageOf } from '../core/errors.js';
import { METRICS_CLIENTS_MAX } from '../core/service-limits.js';
import { METRICS_REQUEST_MS_MAX } from '../core/timeouts.js';
import { CONTENT_TYPES, formatFor, type MetricsFormat } from '../metrics/format.js';
import { describePort, type LoopbackPort } from '../setup/companion-config.js';

export interface MetricsServer {
  /** `127.0.0.1:9811`, with the port that the system chose when 0 was asked for. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`; `read` is asked at each scrape. Throws `OperatorError` when the port cannot be
 * had.
 */
export async function serveMetrics(
  where: LoopbackPort,
  read: (format: MetricsFormat) => Promise<string>,
): Promise<MetricsServer> {
  const server: Server = createServer(async (request, response) => {
    if (!namesLoopback(request.headers.host)) {
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
  await listen(
    server,
    { host: where.host, port: where.port },
    {
      what: `listen on ${describePort(where)}`,
      hint: `ss -ltnp 'sport = :${where.port}' shows who listens there`,
    },
  );
  return { address: addressOf(server), close: () => endServer(server) };
}
