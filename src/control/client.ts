/** The typed client of the control sockets, as the command line uses it. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import type { BanjourEvent } from '../core/decision.js';
import { EXIT, messageOf, OperatorError } from '../core/errors.js';
import {
  CONTROL_ANSWER_BYTES_MAX,
  CONTROL_STREAM_BACKLOG_BYTES_MAX,
} from '../core/service-limits.js';
import {
  type AgentView,
  API_VERSION,
  type ApiProblem,
  type AttemptAnswer,
  type AttemptRequest,
  type BanRequest,
  type BanView,
  type ChangeAnswer,
  type CountersView,
  type ExplainView,
  type ImportAnswer,
  type ImportRequest,
  type JailView,
  type OptionsView,
  type ReloadAnswer,
  type ReloadRequest,
  type SetAnswer,
  type SetRequest,
  type StreamEvent,
  type UnbanRequest,
} from './protocol.js';

const ANSWER_MS_MAX = 60_000;

export class ControlClient {
  readonly #socket: string;
  readonly #signal: AbortSignal | undefined;

  /**
   * `socket`: path of control.sock, or of status.sock for reading. `signal` ends every request that
   * is under way.
   */
  constructor(socket: string, signal?: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
  }

  ping(): Promise<{ readonly pong: boolean }> {
    return this.#ask('GET', '/ping');
  }
  version(): Promise<{ readonly version: string; readonly api: number }> {
    return this.#ask('GET', '/version');
  }
  status(): Promise<AgentView> {
    return this.#ask('GET', '/status');
  }
  jail(name: string): Promise<{ readonly jail: JailView; readonly banned: readonly BanView[] }> {
    return this.#ask('GET', `/jails/${encodeURIComponent(name)}`);
  }
  bans(
    query: { readonly jail?: string; readonly address?: string } = {},
  ): Promise<readonly BanView[]> {
    return this.#ask('GET', `/bans?${new URLSearchParams(query)}`);
  }
  history(
    query: {
      readonly jail?: string;
      readonly address?: string;
      readonly limit?: string;
      readonly before?: string;
      readonly after?: string;
      readonly order?: 'newest' | 'oldest';
    } = {},
  ): Promise<readonly BanView[]> {
    return this.#ask('GET', `/history?${new URLSearchParams(query)}`);
  }
  /** The highest id that a ban was ever given. */
  newestBan(): Promise<{ readonly id: number }> {
    return this.#ask('GET', '/history/newest');
  }
  explain(address: string): Promise<ExplainView> {
    return this.#ask('GET', `/explain/${encodeURIComponent(address)}`);
  }
  counters(): Promise<CountersView> {
    return this.#ask('GET', '/counters');
  }
  /** Options of a jail, or of the agent. */
  options(jail?: string): Promise<OptionsView> {
    return this.#ask(
      'GET',
      jail === undefined ? '/options' : `/jails/${encodeURIComponent(jail)}/options`,
    );
  }
  set(request: SetRequest): Promise<SetAnswer> {
    return this.#ask('POST', '/set', request);
  }
  attempt(request: AttemptRequest): Promise<AttemptAnswer> {
    return this.#ask('POST', '/attempt', request);
  }
  import(request: ImportRequest): Promise<ImportAnswer> {
    return this.#ask('POST', '/import', request);
  }
  ban(request: BanRequest): Promise<ChangeAnswer> {
    return this.#ask('POST', '/ban', request);
  }
  unban(request: UnbanRequest): Promise<ChangeAnswer> {
    return this.#ask('POST', '/unban', request);
  }
  reload(request: ReloadRequest = {}): Promise<ReloadAnswer> {
    return this.#ask('POST', '/reload', request);
  }
  flush(): Promise<{ readonly flushed: boolean }> {
    return this.#ask('POST', '/flush', {});
  }

  /** The metrics as text. */
  async metrics(format: 'openmetrics' | 'prometheus' = 'openmetrics'): Promise<string> {
    const response = await this.#open('GET', `/metrics?format=${format}`, undefined);
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
    const query = new URLSearchParams({
      ...(options.since === undefined ? {} : { since: String(options.since) }),
      ...(options.only === undefined ? {} : { only: options.only.join(',') }),
    });
    const response = await this.#open('GET', `/events?${query}`, undefined, signal);
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
   * (banjour-notify's).
   */
  read<T>(path: string): Promise<T> {
    return this.#ask('GET', path);
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
          ...(signal === undefined ? { timeout: ANSWER_MS_MAX } : { signal }),
        },
        resolve,
      );
      request.once('timeout', () => request.destroy(new Error('no answer in time')));
      request.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, this.#socket)));
      request.end(text);
    });
  }
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
        hint: 'run the command as root, or join the group that may read status.sock',
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
