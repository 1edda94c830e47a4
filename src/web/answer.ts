/** Answers on their way out: one place that writes heads, one that writes JSON. */
import type { ServerResponse } from 'node:http';
import type { ApiProblem } from '../control/protocol.js';
import { WEB_STALL_MS_MAX } from '../core/timeouts.js';
import { headersOf, type WebDenial } from './guard.js';

/** Why a request got something else than it asked for: status, and what to say of it. */
export class WebRefusal {
  readonly status: number;
  readonly body: ApiProblem;
  readonly denial: WebDenial | undefined;

  constructor(status: number, error: string, hint?: string, denial?: WebDenial) {
    this.status = status;
    this.body = { error, ...(hint === undefined ? {} : { hint }) };
    this.denial = denial;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/**
 * JSON in which no character means anything to HTML: whoever takes an answer for a page, against
 * its type, finds none. The characters stand in texts alone.
 */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (one) => ESCAPES[one] as string);
}

export function sendJson(response: ServerResponse, text: string, status = 200): void {
  send(response, status, headersOf('application/json; charset=utf-8'), text);
}

/** A text of another type, with its policy. */
interface Page {
  readonly type: string;
  readonly policy: string;
  readonly text: string;
}

/** Refuses; `page`: what a person reads in place of JSON. */
export function sendRefusal(
  response: ServerResponse,
  { status, body }: WebRefusal,
  page?: Page,
): void {
  // The rest of such a client's request is not read.
  response.setHeader('connection', 'close');
  if (page === undefined) sendJson(response, jsonText(body), status);
  else send(response, status, headersOf(page.type, page.policy), page.text);
}

/** A whole answer. A browser that does not take it is cut off. */
export function send(
  response: ServerResponse,
  status: number,
  headers: ReturnType<typeof headersOf>,
  body: string | Buffer,
): void {
  if (response.destroyed) return;
  response.setTimeout(WEB_STALL_MS_MAX, () => response.destroy());
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
