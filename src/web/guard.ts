/**
 * Whom the server answers at all: names, origins and cookies of requests, and the headers of every
 * answer. A page of another name must reach nothing here through its visitor's browser.
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { WEB_SESSION_SECONDS_MAX } from '../core/timeouts.js';
import { CSRF_HEADER } from './api.js';

/** Why a request was refused. */
export type WebDenial = 'host' | 'origin' | 'session' | 'link' | 'csrf' | 'read-only' | 'full';

/** How the request came: by which name, and whether a browser calls that `https`. */
export interface Arrival {
  /** `http://127.0.0.1:9815` or the configured one. */
  readonly origin: string;
  readonly isSecure: boolean;
}

/**
 * Names of the loopback. `*.localhost` never leaves the browser's host either (RFC 6761), and keeps
 * the cookie from what else listens on 127.0.0.1.
 */
const LOOPBACK =
  /^(?:127(?:\.\d{1,3}){3}|\[::1\]|(?:[a-z\d-]{1,63}\.){0,3}localhost)(?::\d{1,5})?$/i;

/**
 * How a request came; undefined for a name that is not ours. `configured`: the origin of the
 * administrator's proxy.
 */
export function arrivalOf(
  { host }: IncomingHttpHeaders,
  configured: string | null,
): Arrival | undefined {
  if (host === undefined) return undefined;
  const name = host.toLowerCase();
  if (configured !== null && name === new URL(configured).host)
    return { origin: configured, isSecure: configured.startsWith('https:') };
  return LOOPBACK.test(name) ? { origin: `http://${name}`, isSecure: false } : undefined;
}

/** True for a request that a page of another origin made, another port of this host included. */
export function isForeign({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/**
 * True where a browser goes to the page itself, as by a link: of what it shows then, the page that
 * has the link sees nothing.
 */
export function isNavigation({ headers }: IncomingMessage): boolean {
  return headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

/** True for a change that our own page asks for. */
export function isOwnChange({ headers }: IncomingMessage, { origin }: Arrival): boolean {
  return (
    headers.origin?.toLowerCase() === origin &&
    /^application\/json(?:;|$)/i.test(headers['content-type'] ?? '')
  );
}

/** True when the request names the session's own word, which only our page can read. */
export function namesCsrf({ headers }: IncomingMessage, csrf: string): boolean {
  const given = Buffer.from(String(headers[CSRF_HEADER] ?? ''));
  const wanted = Buffer.from(csrf);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** `__Host-`: a browser takes it over https alone, from this host alone. */
function cookieName({ isSecure }: Arrival): string {
  return isSecure ? '__Host-banjour-session' : 'banjour-session';
}

/** The cookie that begins a session, or (undefined) ends it. */
export function cookieHeader(arrival: Arrival, cookie: string | undefined): string {
  const secure = arrival.isSecure ? '; Secure' : '';
  const seconds = cookie === undefined ? 0 : WEB_SESSION_SECONDS_MAX;
  return `${cookieName(arrival)}=${cookie ?? ''}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}

/** The cookie that a browser sent. */
export function cookieOf({ cookie }: IncomingHttpHeaders, arrival: Arrival): string | undefined {
  const name = `${cookieName(arrival)}=`;
  const found = cookie
    ?.split(';')
    .map((one) => one.trim())
    .find((one) => one.startsWith(name));
  return found?.slice(name.length);
}

/** What the page may load: its own files, and nothing within its text. */
export const PAGE_POLICY = policyOf(
  ...["script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
);
/** The report: its own style, and no script at all. */
export const PLAIN_POLICY = policyOf("style-src 'unsafe-inline'", 'sandbox');
/** The page without script: the same style as the page, and a search that is a question to us. */
export const READ_POLICY = policyOf("style-src 'self'", "form-action 'self'");
/** Everything else: nothing. */
const NO_POLICY = policyOf('sandbox');
/** The page that begins a session goes on by itself, which a sandbox would keep it from. */
export const OPEN_POLICY = policyOf();

function policyOf(...directives: readonly string[]): string {
  return [
    "default-src 'none'",
    ...directives,
    "base-uri 'none'",
    ...(directives.some((one) => one.startsWith('form-action')) ? [] : ["form-action 'none'"]),
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Headers of every answer. */
export function headersOf(type: string, policy = NO_POLICY): OutgoingHttpHeaders {
  return {
    'content-type': type,
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'cache-control': 'no-store',
  };
}
