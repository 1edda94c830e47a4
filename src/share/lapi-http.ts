/**
 * Requests to CrowdSec's LAPI: bounded in time and size, redirects are not followed. Node's `fetch`
 * takes no certificate of one's own, which a LAPI has on most networks.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { messageOf, OperatorError } from '../core/errors.js';
import { SHARE_ANSWER_BYTES_MAX } from '../core/service-limits.js';
import { SHARE_ANSWER_MS_MAX } from '../core/timeouts.js';
import { TLS_ALERT, TLS_ANSWER, tlsHint } from './engine.js';

export interface LapiRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below the URL of the engine, with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  /** Takes the body of an answer with 200, piece by piece; it is not kept, and `json` undefined. */
  readonly take?: (piece: Buffer) => void;
}

export interface LapiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What the body says as JSON; undefined when it is none. */
  readonly json: unknown;
}

export class LapiHttp {
  readonly #base: URL;
  readonly #userAgent: string;
  readonly #agent: HttpAgent;
  readonly #ca: string | undefined;

  constructor(base: URL, options: { readonly version: string; readonly ca?: string }) {
    this.#base = base;
    // Of anything but name/version the LAPI says that the key is wrong.
    this.#userAgent = `banjour/${options.version}`;
    this.#ca = options.ca;
    this.#agent =
      base.protocol === 'https:'
        ? new HttpsAgent({ keepAlive: true })
        : new HttpAgent({ keepAlive: true });
  }

  /** Rejects with `OperatorError` when there is no answer; an answer of any status is one. */
  ask(request: LapiRequest): Promise<LapiAnswer> {
    const { method, path, headers, body, take, timeoutMs = SHARE_ANSWER_MS_MAX } = request;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const isTls = this.#base.protocol === 'https:';
    const send = isTls ? httpsRequest : httpRequest;
    const signal = AbortSignal.timeout(timeoutMs);
    const url = new URL(`${this.#base.pathname.replace(/\/$/, '')}${path}`, this.#base);
    return new Promise((resolve, reject) => {
      const failed = (error: unknown) => reject(this.#noAnswer(error, signal.aborted));
      const sent = send(
        url,
        {
          ...{ method, agent: this.#agent, signal },
          ...(isTls && this.#ca !== undefined ? { ca: this.#ca } : {}),
          headers: {
            ...headers,
            'user-agent': this.#userAgent,
            accept: 'application/json',
            ...(text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            try {
              if (bytes > SHARE_ANSWER_BYTES_MAX)
                throw new Error(`its answer is larger than ${SHARE_ANSWER_BYTES_MAX} bytes`);
              if (take === undefined || response.statusCode !== 200) chunks.push(chunk);
              else take(chunk);
            } catch (error) {
              failed(error);
              sent.destroy();
            }
          });
          response.on('error', failed);
          response.once('end', () => {
            const { statusCode: status = 0, headers } = response;
            const said = Buffer.concat(chunks).toString('utf8');
            // Go and nginx say so of a request without TLS on a port that wants it.
            if (status === 400 && /HTTPS (?:server|port)/.test(said)) failed(new Error(TLS_ANSWER));
            else resolve({ status, headers, json: jsonOf(said) });
          });
        },
      );
      sent.on('error', failed);
      sent.end(text);
    });
  }

  #noAnswer(error: unknown, isLate: boolean): OperatorError {
    const { rawPacket } = error as { readonly rawPacket?: Buffer };
    const isAlert = rawPacket?.[0] === TLS_ALERT;
    const cause = isAlert ? new Error(TLS_ANSWER) : error;
    const hint = tlsHint(cause, { plain: 'http', tls: 'https' });
    const said = isLate ? 'no answer in time' : messageOf(cause);
    return new OperatorError(`${this.#base.origin} does not answer: ${said}`, {
      ...(hint === undefined ? {} : { hint }),
      cause,
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
