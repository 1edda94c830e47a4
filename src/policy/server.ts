/**
 * The port (and the Unix socket) that mail servers ask: HTTP with a key, for programs of this host
 * alone. Who has no key gets no body read; connections, bodies and time are bounded.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { boundClients, namesLoopback, readBody } from '../control/clients.js';
import { type Listening, type ListenPlaces, listenAt } from '../control/listen.js';
import { OperatorError } from '../core/errors.js';
import { POLICY_BODY_BYTES_MAX, POLICY_HTTP_CLIENTS_MAX } from '../core/service-limits.js';
import { POLICY_BODY_MS_MAX, POLICY_IDLE_MS_MAX } from '../core/timeouts.js';

/** What becomes of a request with the key; the answer is JSON. */
type PolicyAnswerer = (command: string, body: string) => Promise<object | undefined>;

/** Why a request got no answer to what it asked. */
export type PolicyDenial = 'key' | 'host' | 'path' | 'body';

export interface PolicyServerOptions {
  readonly places: ListenPlaces;
  readonly key: string;
  readonly answer: PolicyAnswerer;
  readonly denied: (why: PolicyDenial) => void;
}

const WORDS: Readonly<Record<PolicyDenial, readonly [number, string]>> = {
  key: [401, 'the key is not the one of api-key-file'],
  host: [403, 'this port answers to the names of the loopback'],
  path: [404, 'POST /?command=allow or report'],
  body: [400, 'the request is too large, too slow or not JSON'],
};

/** Opens port and socket. Throws `OperatorError` when one of them cannot be had. */
export function servePolicy(options: PolicyServerOptions): Promise<Listening> {
  return listenAt(options.places, (isPort) => makeServer(options, isPort));
}

function makeServer({ key, answer, denied }: PolicyServerOptions, isPort: boolean): Server {
  const digest = digestOf(key);
  const server = createServer(async (request, response) => {
    response.on('error', () => undefined);
    const deny = (why: PolicyDenial) => {
      denied(why);
      const [status, error] = WORDS[why];
      // The rest of such a client's request is not read.
      response.setHeader('connection', 'close');
      send(response, status, { error });
    };
    if (isPort && !namesLoopback(request.headers.host)) return deny('host');
    if (!isKey(request, digest)) return deny('key');
    const command = commandOf(request);
    if (command === undefined) return deny('path');
    try {
      const body = request.method === 'POST' ? await bodyOf(request) : '';
      const answered = await answer(command, body);
      if (answered === undefined) deny('path');
      else send(response, 200, answered);
    } catch (error) {
      // The mail server goes on without an answer.
      if (error instanceof OperatorError) deny('body');
      else response.destroy();
    }
  });
  server.keepAliveTimeout = POLICY_IDLE_MS_MAX;
  server.on('clientError', (_error, socket) => socket.destroy());
  boundClients(server, POLICY_HTTP_CLIENTS_MAX, POLICY_IDLE_MS_MAX);
  return server;
}

/** `/?command=allow`, and weakforced's `GET /?command=ping`. */
function commandOf({ method, url = '' }: IncomingMessage): string | undefined {
  if (method !== 'POST' && method !== 'GET') return undefined;
  const [path, query = ''] = url.split('?', 2);
  const command = new URLSearchParams(query).get('command') ?? undefined;
  if (path !== '/' || (method === 'GET' && command !== 'ping')) return undefined;
  return command;
}

/** The key as the password of `Authorization: Basic`, whoever the user, or as `X-API-Key`. */
function isKey({ headers }: IncomingMessage, digest: Buffer): boolean {
  const basic = /^Basic ([\w+/=-]{1,8192})$/i.exec(headers.authorization ?? '')?.[1];
  const pair = basic === undefined ? undefined : Buffer.from(basic, 'base64').toString('utf8');
  const given = pair === undefined ? headers['x-api-key'] : pair.slice(pair.indexOf(':') + 1);
  // Digests are of one length, and say nothing of how much of a key is right.
  return timingSafeEqual(digestOf(typeof given === 'string' ? given : ''), digest);
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** The body, within its bounds of bytes and time. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const timer = setTimeout(() => request.destroy(), POLICY_BODY_MS_MAX);
  try {
    return await readBody(
      request,
      POLICY_BODY_BYTES_MAX,
      () => new OperatorError('the request is too large'),
    );
  } finally {
    clearTimeout(timer);
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
