/**
 * What becomes of a request: name, file or call, session, right. One order for all of them, so that
 * no call can forget a check.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody } from '../control/clients.js';
import { EXIT, OperatorError } from '../core/errors.js';
import { OPERATOR_CHARS_MAX } from '../core/limits.js';
import { WEB_BODY_BYTES_MAX, WEB_VIEWERS_MAX } from '../core/service-limits.js';
import { jsonText, send, sendJson, sendRefusal, WebRefusal } from './answer.js';
import type { WebSession } from './api.js';
import {
  CHANGE_CALLS,
  READ_CALLS,
  requestOfCall,
  type WebChanges,
  type WebSources,
} from './calls.js';
import type { Countries } from './countries.js';
import type { PageFile } from './files.js';
import {
  type Arrival,
  arrivalOf,
  cookieHeader,
  cookieOf,
  headersOf,
  isForeign,
  isNavigation,
  isOwnChange,
  namesCsrf,
  OPEN_POLICY,
  PAGE_POLICY,
  PLAIN_POLICY,
  READ_POLICY,
  type WebDenial,
} from './guard.js';
import type { LiveFeed } from './live.js';
import { PLAIN_PAGES, refusalPage } from './plain.js';
import { type Questions, TooMuch } from './questions.js';
import type { OpenSession, Sessions } from './sessions.js';

/** Days that the plain report may be of, and that it is of where nothing is said. */
const PLAIN_DAYS = { least: 1, preset: 7, most: 62 } as const;
/** How old the plain report may be, ms. */
const PLAIN_AGE_MS = 60_000;
const HTML = 'text/html; charset=utf-8';

export interface SiteOptions {
  readonly files: ReadonlyMap<string, PageFile>;
  readonly sessions: Sessions;
  readonly sources: WebSources;
  /** Null: the page only reads. */
  readonly changes: WebChanges | null;
  /** Why nothing can be changed all the same; undefined while it can. */
  readonly changesLack: () => string | undefined;
  readonly questions: Questions;
  readonly live: LiveFeed;
  /** The report of so many days as HTML without script. */
  readonly plain: (days: number) => Promise<string>;
  readonly about: Pick<WebSession, 'version' | 'host' | 'timeZone'>;
  /** Null: no country is known. */
  readonly countries: Pick<Countries, 'problem'> | null;
  /** The configured origin of a proxy. */
  readonly origin: string | null;
  /** Somebody begins to look: the list of bans is read before it is asked for. */
  readonly looked: () => void;
  readonly denied: (why: WebDenial) => void;
  /** A change that somebody made, for the log. */
  readonly changed: (what: string) => void;
}

/** A request whose name and origin were accepted. */
interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly arrival: Arrival;
}

/** A visit of somebody who opened a link. */
interface Guest extends Visit {
  readonly session: OpenSession;
  readonly cookie: string;
}

export class Site {
  readonly #options: SiteOptions;

  constructor(options: SiteOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#answer(request, response);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal.denial !== undefined) this.#options.denied(refusal.denial);
      if (response.headersSent) response.destroy();
      else if (isRead(request.url ?? '') && refusal.denial !== 'host')
        sendRefusal(response, refusal, {
          type: HTML,
          policy: READ_POLICY,
          text: refusalPage(refusal),
        });
      else sendRefusal(response, refusal);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { files, origin } = this.#options;
    const arrival = arrivalOf(request.headers, origin);
    if (arrival === undefined)
      throw new WebRefusal(
        403,
        'this server does not answer to that name',
        'use 127.0.0.1 or banjour.localhost; for another name write origin below [web] in companion.conf',
        'host',
      );
    const { method, url = '' } = request;
    const [path = '', query] = url.split('?', 2);
    const visit = { request, response, path, query: new URLSearchParams(query), arrival };
    if (method === 'POST') return this.#change(this.#guest(visit));
    if (method !== 'GET' && method !== 'HEAD')
      throw new WebRefusal(405, 'this server answers GET and POST only');
    const file = files.get(path);
    if (file !== undefined)
      return send(response, 200, headersOf(file.type, PAGE_POLICY), file.bytes);
    if (path === '/open' && method === 'GET') return this.#open(visit);
    if (!isPlain(path) && !path.startsWith('/api/')) throw new WebRefusal(404, 'no such path');
    return this.#read(this.#guest(visit));
  }

  /**
   * Begins a session. The page of the answer goes on by itself: after a redirect from another site
   * the browser would leave the new cookie out.
   */
  #open({ query, arrival, response }: Visit): void {
    const cookie = this.#options.sessions.open(query.get('token') ?? '');
    if (cookie === undefined)
      throw new WebRefusal(
        403,
        'this link was opened before, is too old, or was never made here',
        'run banjour web open again',
        'link',
      );
    response.setHeader('set-cookie', cookieHeader(arrival, cookie));
    const text =
      '<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>Banjour</title><p><a href="/">Go on</a></p></html>\n';
    send(response, 200, headersOf(HTML, OPEN_POLICY), text);
  }

  /** The visit with its session. Throws when there is none, or when another page asks. */
  #guest(visit: Visit): Guest {
    const { request, arrival, path } = visit;
    if (isForeign(request) && !(isPlain(path) && isNavigation(request)))
      throw new WebRefusal(403, 'another page may not ask this', undefined, 'origin');
    const cookie = cookieOf(request.headers, arrival);
    const session = this.#options.sessions.find(cookie);
    if (session === undefined || cookie === undefined)
      throw new WebRefusal(
        401,
        'there is no session, or it is over',
        'run banjour web open on this host and open its link',
        'session',
      );
    return { ...visit, session, cookie };
  }

  async #read(guest: Guest): Promise<void> {
    const { request, response, path, query, session } = guest;
    const { live, questions, sources, plain } = this.#options;
    if (path === '/plain') {
      const days = daysOf(query.get('days'));
      const html = await questions.ask(`plain ${days}`, PLAIN_AGE_MS, () => plain(days), true);
      return send(response, 200, headersOf(HTML, PLAIN_POLICY), html);
    }
    const plainPage = PLAIN_PAGES.get(path);
    if (plainPage !== undefined) {
      const { about } = this.#options;
      const html = await plainPage({ questions, sources, about }, Object.fromEntries(query));
      return send(response, 200, headersOf(HTML, READ_POLICY), html);
    }
    const name = path.slice('/api/'.length);
    if (name === 'session') {
      this.#options.looked();
      return sendJson(response, jsonText(this.#about(session)));
    }
    if (name === 'events' && request.method === 'GET') return this.#stream(guest, live);
    const call = READ_CALLS.get(name);
    if (call === undefined) throw new WebRefusal(404, 'no such call');
    const fields = requestOfCall(call, Object.fromEntries(query));
    const answer = async () => jsonText(await call.answer(sources, fields));
    const key = `${name} ${JSON.stringify(fields)}`;
    sendJson(
      response,
      call.ageMs === 0
        ? await answer()
        : await questions.ask(key, call.ageMs, answer, call.isHeavy),
    );
  }

  #about({ user, csrf, until }: OpenSession): WebSession {
    const { about, changes, changesLack, countries } = this.#options;
    const lack = changes === null ? undefined : changesLack();
    const problem = countries?.problem;
    return {
      ...{ ...about, user, csrf, until: new Date(until).toISOString() },
      changes: changes !== null && lack === undefined,
      ...(lack === undefined ? {} : { lack }),
      countries: countries !== null && problem === undefined,
      ...(problem === undefined
        ? {}
        : { countriesLack: `the file that country-file names ${problem.message}` }),
    };
  }

  #stream({ response, session }: Guest, live: LiveFeed): void {
    const { sessions } = this.#options;
    // A proxy must not gather what is told now.
    response.writeHead(200, { ...headersOf('text/event-stream'), 'x-accel-buffering': 'no' });
    if (live.attach(response, () => sessions.isOpen(session))) return;
    // The head is out: an EventSource that gets an error would never come back.
    this.#options.denied('full');
    response.end(`event: full\ndata: {"viewers":${WEB_VIEWERS_MAX}}\n\n`);
  }

  async #change({ request, response, path, session, arrival, cookie }: Guest): Promise<void> {
    if (!isOwnChange(request, arrival))
      throw new WebRefusal(403, 'only the page itself may ask for a change', undefined, 'origin');
    if (!namesCsrf(request, session.csrf))
      throw new WebRefusal(
        403,
        'the request does not name the session',
        'load the page anew',
        'csrf',
      );
    const name = path.slice('/api/'.length);
    if (path === '/api/signout') {
      this.#options.sessions.end(cookie);
      response.setHeader('set-cookie', cookieHeader(arrival, undefined));
      return sendJson(response, '{}');
    }
    const call = path.startsWith('/api/') ? CHANGE_CALLS.get(name) : undefined;
    if (call === undefined) throw new WebRefusal(404, 'no such call');
    const { changes, changesLack, questions, changed } = this.#options;
    const lack = changesLack();
    if (changes === null || lack !== undefined)
      throw new WebRefusal(
        403,
        lack ?? 'the page only reads here',
        'docs/web.md says how an administrator lets it change something',
        'read-only',
      );
    const fields = requestOfCall(call, await jsonOf(request));
    const by = `${session.user ?? ''} (web)`.trim().slice(-OPERATOR_CHARS_MAX);
    const answer = await call.change(changes, fields, by);
    questions.forget();
    changed(`${by} ${call.says(fields)}`);
    sendJson(response, jsonText(answer));
  }
}

/** True for the pages without script. */
function isPlain(path: string): boolean {
  return path === '/plain' || PLAIN_PAGES.has(path);
}

/** True where a person reads what is answered, and not the page. */
function isRead(url: string): boolean {
  const [path = ''] = url.split('?', 1);
  return path === '/open' || isPlain(path);
}

function daysOf(stated: string | null): number {
  const days = Number(stated ?? PLAIN_DAYS.preset);
  if (Number.isInteger(days) && days >= PLAIN_DAYS.least && days <= PLAIN_DAYS.most) return days;
  throw new WebRefusal(400, `days must be a whole number from 1 to ${PLAIN_DAYS.most}`);
}

function refusalOf(error: unknown): WebRefusal {
  if (error instanceof WebRefusal) return error;
  if (error instanceof TooMuch) return new WebRefusal(503, error.message, error.hint);
  if (!(error instanceof OperatorError))
    return new WebRefusal(500, 'the page met a fault of Banjour; please report it');
  const status =
    error.exitCode === EXIT.unavailable || error.exitCode === EXIT.noPermission ? 503 : 400;
  return new WebRefusal(status, error.message, error.hint);
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const text = await readBody(
    request,
    WEB_BODY_BYTES_MAX,
    () => new WebRefusal(413, `a change has at most ${WEB_BODY_BYTES_MAX} bytes`),
  );
  try {
    return JSON.parse(text);
  } catch {
    throw new WebRefusal(400, 'the request is not JSON');
  }
}
