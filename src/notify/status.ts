/**
 * Where banjour-notify is asked how it is: a Unix socket that only reads. `banjour metrics` takes
 * its numbers from here.
 */
import { chmodSync, existsSync, unlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { boundClients } from '../control/clients.js';
import { messageOf, OperatorError } from '../core/errors.js';
import { CONTROL_CLIENTS_MAX } from '../core/service-limits.js';
import { CONTROL_REQUEST_MS_MAX } from '../core/timeouts.js';
import type { Notifier, TargetView } from './notifier.js';

/** What `GET /v1/status` answers. */
export interface NotifyView {
  readonly targets: readonly TargetView[];
}

const TYPES = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
} as const;

/**
 * Opens the socket; resolves with the way to close it. Throws `OperatorError` when it cannot be
 * had.
 */
export async function serveStatus(
  path: string,
  notifier: Pick<Notifier, 'view' | 'metrics'>,
): Promise<() => Promise<void>> {
  // One service, one directory of its own: what stands there was left behind.
  if (existsSync(path)) unlinkSync(path);
  const server = createServer(async (request, response) => {
    // What a client calls the path may be no URL at all.
    const [path, query] = (request.url ?? '/').split('?');
    const format =
      new URLSearchParams(query).get('format') === 'prometheus' ? 'prometheus' : 'openmetrics';
    let answer: readonly [number, string, string] = [
      404,
      'application/json',
      '{"error":"no such path"}\n',
    ];
    if (request.method === 'GET' && path === '/v1/ping')
      answer = [200, 'application/json', '{"pong":true}\n'];
    if (request.method === 'GET' && path === '/v1/status')
      answer = [
        200,
        'application/json',
        `${JSON.stringify({ targets: notifier.view() } satisfies NotifyView)}\n`,
      ];
    if (request.method === 'GET' && path === '/v1/metrics')
      answer = [200, TYPES[format], await notifier.metrics.text(format)];
    const [status, type, text] = answer;
    response
      .writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
      .end(text);
  });
  boundClients(server, CONTROL_CLIENTS_MAX, CONTROL_REQUEST_MS_MAX);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new OperatorError(`cannot open the status socket ${path}: ${messageOf(cause)}`, {
          hint: 'its directory must exist and belong to banjour-notify (RuntimeDirectory= of the unit, or --run-dir)',
          cause,
        }),
      ),
    );
    server.listen(path, () => resolve());
  });
  chmodSync(path, 0o660);
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
}
