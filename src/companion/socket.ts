/**
 * Where the companion is asked how it is: a Unix socket that only reads. `banjour metrics`,
 * `status` and `doctor` ask here.
 */
import { chmodSync, existsSync, unlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { boundClients } from '../control/clients.js';
import { messageOf, OperatorError } from '../core/errors.js';
import { CONTROL_CLIENTS_MAX } from '../core/service-limits.js';
import { CONTROL_REQUEST_MS_MAX } from '../core/timeouts.js';
import { CONTENT_TYPES, joinMetrics, type MetricsFormat } from '../metrics/format.js';
import type { Companion } from './companion.js';

const JSON_TYPE = 'application/json';

/** Status, type and text. */
type Answer = readonly [number, string, string];

async function answerTo(
  companion: Pick<Companion, 'view' | 'figures'>,
  path: string,
  format: MetricsFormat,
): Promise<Answer> {
  switch (path) {
    case '/v1/ping':
      return [200, JSON_TYPE, '{"pong":true}\n'];
    case '/v1/status':
      return [200, JSON_TYPE, `${JSON.stringify(companion.view())}\n`];
    case '/v1/metrics':
      return [200, CONTENT_TYPES[format], joinMetrics(await companion.figures(format), format)];
    default:
      return [404, JSON_TYPE, '{"error":"no such path"}\n'];
  }
}

/**
 * Opens the socket; resolves with the way to close it. Throws `OperatorError` when it cannot be
 * had.
 */
export async function serveCompanion(
  path: string,
  companion: Pick<Companion, 'view' | 'figures'>,
): Promise<() => Promise<void>> {
  // One service, one directory of its own: what stands there was left behind.
  if (existsSync(path)) unlinkSync(path);
  const server = createServer(async (request, response) => {
    // What a client calls the path may be no URL at all.
    const [path, query] = (request.url ?? '/').split('?');
    const format =
      new URLSearchParams(query).get('format') === 'prometheus' ? 'prometheus' : 'openmetrics';
    const known = request.method === 'GET' ? (path ?? '') : '';
    const [status, type, text] = await answerTo(companion, known, format).catch(
      (error: unknown): Answer => [
        500,
        JSON_TYPE,
        `${JSON.stringify({ error: messageOf(error) })}\n`,
      ],
    );
    response
      .writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
      .end(text);
  });
  boundClients(server, CONTROL_CLIENTS_MAX, CONTROL_REQUEST_MS_MAX);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new OperatorError(`cannot open the socket ${path}: ${messageOf(cause)}`, {
          hint: 'its directory must exist and belong to banjour-companion (RuntimeDirectory= of the unit, or --run-dir)',
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
