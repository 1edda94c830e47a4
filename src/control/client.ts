/** The typed client of the control sockets, as the command line uses it. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import type { BanjourEvent } from '../core/decision.js';
import { EXIT, messageOf, OperatorError } from '../core/errors.js';
import {
  CONTROL_ANSWER_BYTES_MAX,
  CONTROL_STREAM_BACKLOG_BYTES_MAX,
} from '../core/service-limits.js';
import { CONTROL_ANSWER_MS_MAX } from '../core/timeouts.js';
import {
  type AnswerFor,
  type CallName,
  ENDPOINTS,
  type Endpoint,
  type RequestFor,
} from './endpoints.js';
import { JsonItems } from './items.js';
import { API_VERSION, type ApiProblem, type BanView, type StreamEvent } from './protocol.js';

/** A method for each call that answers JSON; calls without fields need no request. */
type Calls = {
  readonly [K in CallName as (typeof ENDPOINTS)[K]['kind'] extends 'json' ? K : never]: (
    ...request: keyof RequestFor<K> extends never
      ? []
      : Partial<RequestFor<K>> extends RequestFor<K>
        ? [request?: RequestFor<K>]
        : [request: RequestFor<K>]
  ) => Promise<AnswerFor<K>>;
};

/** What the calls of the table share; `ControlClient` adds a method for each of them. */
class ControlSocketClient {
  readonly #socket: string;
  readonly #signal: AbortSignal | undefined;

  /**
   * `socket`: path of control.sock, or of status.sock for reading. `signal` ends every request that
   * is under way.
   */
  constructor(socket: string, signal?: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    for (const [name, endpoint] of Object.entries(ENDPOINTS))
      if (endpoint.kind === 'json')
        Object.defineProperty(this, name, {
          value: (request: Values = {}) => {
            const { path, body } = asked(endpoint, request);
            return this.#ask(endpoint.method, path, body);
          },
        });
  }

  /** The metrics as text. */
  async metrics(format: 'openmetrics' | 'prometheus' = 'openmetrics'): Promise<string> {
    const { path } = asked(ENDPOINTS.metrics, { format });
    const response = await this.#open('GET', path, undefined);
    if (response.statusCode !== 200) throw await this.#problem(response);
    return this.#text(response);
  }

  /**
   * Calls back for each event until the agent goes or `signal` aborts. With `since`, what was
   * missed after that id comes first; `gap` is called when part of it is no longer kept. `opened`
   * is called when every event from then on is told.
   */
  async events(
    listener: (event: StreamEvent) => void,
    signal: AbortSignal,
    options: {
      readonly since?: number;
      readonly only?: readonly BanjourEvent[];
      readonly gap?: () => void;
      readonly opened?: () => void;
    } = {},
  ): Promise<void> {
    const { path } = asked(ENDPOINTS.events, { since: options.since, only: options.only });
    const response = await this.#open('GET', path, undefined, signal);
    if (response.statusCode !== 200) throw await this.#problem(response);
    response.setEncoding('utf8');
    // The agent answers and follows in one go.
    options.opened?.();
    let rest = '';
    for await (const chunk of response) {
      rest += chunk as string;
      for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
        const block = rest.slice(0, end);
        rest = rest.slice(end + 2);
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (/^event: gap$/m.test(block)) options.gap?.();
        else if (data !== undefined) listener(JSON.parse(data) as StreamEvent);
      }
      if (rest.length > CONTROL_STREAM_BACKLOG_BYTES_MAX)
        throw new OperatorError(`what answers on ${this.#socket} is not an agent of this version`);
    }
  }

  /**
   * The answer of a path below `/v1` that only reads, of a socket that speaks as these do
   * (the companion's).
   */
  read<T>(path: string): Promise<T> {
    return this.#ask('GET', path);
  }

  /** The same for a path that does something. */
  order<T>(path: string, body: object): Promise<T> {
    return this.#ask('POST', path, body);
  }

  /** Bans in force, as they come: a list of any length, of which no more than a piece is held. */
  async *bansInPieces(): AsyncGenerator<readonly BanView[]> {
    const response = await this.#open('GET', ENDPOINTS.bans.path, undefined);
    if (response.statusCode !== 200) throw await this.#problem(response);
    const bans: BanView[] = [];
    const items = new JsonItems((json) => bans.push(JSON.parse(json)));
    try {
      for await (const chunk of response) {
        items.take(chunk as Buffer);
        yield bans.splice(0);
      }
    } catch (error) {
      throw this.#cutShort(error);
    }
    if (!items.isOver) throw this.#cutShort('it has no end');
  }

  async #ask<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
    const response = await this.#open(method, path, body);
    if ((response.statusCode ?? 500) >= 400) throw await this.#problem(response);
    return (await this.#json(response)) as T;
  }

  async #problem(response: IncomingMessage): Promise<OperatorError> {
    const status = response.statusCode ?? 500;
    const problem = (await this.#json(response)) as ApiProblem;
    return new OperatorError(problem.error, {
      exitCode: status === 503 ? EXIT.temporary : status >= 500 ? EXIT.software : EXIT.dataError,
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    });
  }

  async #json(response: IncomingMessage): Promise<unknown> {
    const text = await this.#text(response);
    try {
      return JSON.parse(text);
    } catch (error) {
      throw this.#cutShort(error);
    }
  }

  async #text(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response) {
        bytes += (chunk as Buffer).length;
        if (bytes > CONTROL_ANSWER_BYTES_MAX)
          throw new OperatorError(
            `the answer on ${this.#socket} is larger than ${CONTROL_ANSWER_BYTES_MAX} bytes`,
          );
        chunks.push(chunk as Buffer);
      }
      return Buffer.concat(chunks).toString('utf8');
    } catch (error) {
      throw error instanceof OperatorError ? error : this.#cutShort(error);
    }
  }

  #cutShort(error: unknown): OperatorError {
    return new OperatorError(
      `the answer on ${this.#socket} is cut short or not JSON: ${messageOf(error)}`,
      {
        exitCode: EXIT.unavailable,
        cause: error,
      },
    );
  }

  #open(
    method: 'GET' | 'POST',
    path: string,
    body: unknown,
    signal = this.#signal,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const request: ClientRequest = httpRequest(
        {
          socketPath: this.#socket,
          method,
          path: `/v${API_VERSION}${path}`,
          agent: false,
          headers:
            text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
          ...(signal === undefined ? { timeout: CONTROL_ANSWER_MS_MAX } : { signal }),
        },
        resolve,
      );
      request.once('timeout', () => request.destroy(new Error('no answer in time')));
      request.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, this.#socket)));
      request.end(text);
    });
  }
}

export type ControlClient = ControlSocketClient & Calls;
export const ControlClient = ControlSocketClient as new (
  ...parameters: ConstructorParameters<typeof ControlSocketClient>
) => ControlClient;

type Values = Readonly<Record<string, unknown>>;

/** Path and body of a request: fields of the path first, then query or body. */
function asked({ method, path }: Endpoint, request: Values): { path: string; body?: Values } {
  const rest = new Map(Object.entries(request).filter(([, value]) => value !== undefined));
  const filled = path.replace(/:(\w+)/g, (_, name: string) => {
    const value = encodeURIComponent(String(rest.get(name)));
    rest.delete(name);
    return value;
  });
  if (method === 'POST') return { path: filled, body: Object.fromEntries(rest) };
  const query = new URLSearchParams(
    [...rest].map(([name, value]): [string, string] => [name, String(value)]),
  );
  return { path: query.size === 0 ? filled : `${filled}?${query}` };
}

/** Who may use a socket besides root; the groups are those of the units. */
function memberHint(socket: string): string {
  if (socket.endsWith('/status.sock')) return ', or join the group banjour';
  return socket.endsWith('/companion.sock') ? ', or join the group banjour-companion' : '';
}

function explain(error: NodeJS.ErrnoException, socket: string): Error {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new OperatorError(`no agent is running (nobody answers on ${socket})`, {
        hint: 'systemctl start banjour',
        exitCode: EXIT.unavailable,
        cause: error,
      });
    case 'EACCES':
      return new OperatorError(`no permission to talk to the agent on ${socket}`, {
        hint: `run the command as root${memberHint(socket)}`,
        exitCode: EXIT.noPermission,
        cause: error,
      });
    default:
      return new OperatorError(`the agent on ${socket} does not answer: ${error.message}`, {
        exitCode: EXIT.unavailable,
        cause: error,
      });
  }
}
