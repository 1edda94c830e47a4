/**
 * Where the companion is asked how it is, and its parts for what they can do: a Unix socket for its
 * user and its group. `banjour metrics`, `status`, `doctor` and `web` ask here.
 */
import { chmodSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { boundClients, readBody } from '../control/clients.js';
import { endServer, listen, removeLeftSocket } from '../control/listen.js';
import { EXIT, messageOf, OperatorError } from '../core/errors.js';
import { CONTROL_CLIENTS_MAX, WEB_WHAT_IF_BYTES_MAX } from '../core/service-limits.js';
import { CONTROL_REQUEST_MS_MAX } from '../core/timeouts.js';
import { CONTENT_TYPES, joinMetrics, type MetricsFormat } from '../metrics/format.js';
import type { Companion } from './companion.js';

const JSON_TYPE = 'application/json';

/** Status, type and text. */
type Answer = readonly [number, string, string];

/** What the socket asks of the companion. */
type Asked = Pick<Companion, 'view' | 'figures' | 'order'>;

const NO_SUCH_PATH: Answer = [404, JSON_TYPE, '{"error":"no such path"}\n'];

async function read(companion: Asked, path: string, format: MetricsFormat): Promise<Answer> {
  switch (path) {
    case '/v1/ping':
      return [200, JSON_TYPE, '{"pong":true}\n'];
    case '/v1/status':
      return [200, JSON_TYPE, `${JSON.stringify(companion.view())}\n`];
    case '/v1/metrics':
      return [200, CONTENT_TYPES[format], joinMetrics(await companion.figures(format), format)];
    default:
      return NO_SUCH_PATH;
  }
}

/** `POST /v1/PART/ORDER`. */
async function order(companion: Asked, path: string, request: IncomingMessage): Promise<Answer> {
  const [, version, part = '', name = '', ...rest] = path.split('/');
  if (version !== 'v1' || rest.length > 0) return NO_SUCH_PATH;
  const answer = await companion.order(part, name, await jsonOf(request));
  return answer === undefined ? NO_SUCH_PATH : [200, JSON_TYPE, `${JSON.stringify(answer)}\n`];
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const text = await readBody(
    request,
    WEB_WHAT_IF_BYTES_MAX,
    () => new OperatorError(`the request is larger than ${WEB_WHAT_IF_BYTES_MAX} bytes`),
  );
  try {
    return JSON.parse(text || '{}');
  } catch (error) {
    throw new OperatorError(`the request is not JSON: ${messageOf(error)}`);
  }
}

function problemOf(error: unknown): Answer {
  const hint = error instanceof OperatorError ? error.hint : undefined;
  const status = !(error instanceof OperatorError)
    ? 500
    : error.exitCode === EXIT.unavailable
      ? 503
      : 400;
  return [status, JSON_TYPE, `${JSON.stringify({ error: messageOf(error), hint })}\n`];
}

/**
 * Opens the socket; resolves with the way to close it. Throws `OperatorError` when it cannot be
 * had.
 */
export async function serveCompanion(path: string, companion: Asked): Promise<() => Promise<void>> {
  // One service, one directory of its own: what stands there was left behind.
  removeLeftSocket(path);
  const server = createServer(async (request, response) => {
    // What a client calls the path may be no URL at all.
    const [path, query] = (request.url ?? '/').split('?');
    const format =
      new URLSearchParams(query).get('format') === 'prometheus' ? 'prometheus' : 'openmetrics';
    const asked =
      request.method === 'POST'
        ? order(companion, path ?? '', request)
        : read(companion, request.method === 'GET' ? (path ?? '') : '', format);
    const [status, type, text] = await asked.catch(problemOf);
    if (!request.complete) response.setHeader('connection', 'close');
    response
      .writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
      .end(text);
  });
  boundClients(server, CONTROL_CLIENTS_MAX, CONTROL_REQUEST_MS_MAX);
  await listen(
    server,
    { path },
    {
      what: `open the socket ${path}`,
      hint: 'its directory must exist and belong to banjour-companion (RuntimeDirectory= of the unit, or --run-dir)',
    },
  );
  chmodSync(path, 0o660);
  return () => endServer(server);
}
