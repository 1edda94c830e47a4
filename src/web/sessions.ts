/**
 * Who may look: links that open once, and the sessions that they begin. In memory alone: a restart
 * ends them all. Only digests are kept, so that nothing here opens a session.
 */
import { createHash, randomBytes } from 'node:crypto';
import { WEB_LINKS_MAX, WEB_SESSIONS_MAX } from '../core/service-limits.js';
import { WEB_LINK_SECONDS_MAX, WEB_SESSION_SECONDS_MAX } from '../core/timeouts.js';

/** A browser that opened a link. */
export interface OpenSession {
  /** Who asked for the link, where that was said. */
  readonly user: string | null;
  /** What a change has to name. */
  readonly csrf: string;
  /** When it ends, ms since 1970. */
  readonly until: number;
}

interface Link {
  readonly user: string | null;
  readonly until: number;
}

export class Sessions {
  readonly #now: () => number;
  /** By digest, the oldest first. */
  readonly #links = new Map<string, Link>();
  readonly #sessions = new Map<string, OpenSession>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** How many there are now. */
  get count(): number {
    this.#forget(this.#sessions);
    return this.#sessions.size;
  }

  /** A token that begins one session, within a few minutes. */
  makeLink(user: string | null): string {
    const token = newToken();
    this.#forget(this.#links);
    put(this.#links, WEB_LINKS_MAX, token, {
      user,
      until: this.#now() + WEB_LINK_SECONDS_MAX * 1000,
    });
    return token;
  }

  /** The cookie of a new session; undefined for a token that is none, was used or is too old. */
  open(token: string): string | undefined {
    this.#forget(this.#links);
    const key = digestOf(token);
    const link = this.#links.get(key);
    if (link === undefined) return undefined;
    this.#links.delete(key);
    const cookie = newToken();
    this.#forget(this.#sessions);
    put(this.#sessions, WEB_SESSIONS_MAX, cookie, {
      user: link.user,
      csrf: newToken(),
      until: this.#now() + WEB_SESSION_SECONDS_MAX * 1000,
    });
    return cookie;
  }

  /** The session of a cookie, while it lasts. */
  find(cookie: string | undefined): OpenSession | undefined {
    if (cookie === undefined) return undefined;
    const session = this.#sessions.get(digestOf(cookie));
    return session !== undefined && session.until > this.#now() ? session : undefined;
  }

  /** True while the session has not ended. */
  isOpen(session: OpenSession): boolean {
    return session.until > this.#now() && [...this.#sessions.values()].includes(session);
  }

  end(cookie: string): void {
    this.#sessions.delete(digestOf(cookie));
  }

  #forget(from: Map<string, { readonly until: number }>): void {
    const now = this.#now();
    for (const [key, { until }] of from) if (until <= now) from.delete(key);
  }
}

function put<T>(into: Map<string, T>, most: number, token: string, value: T): void {
  const [oldest] = into.keys();
  if (into.size >= most && oldest !== undefined) into.delete(oldest);
  into.set(digestOf(token), value);
}

/** 256 bits that nobody guesses. */
function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Tokens are looked up by digest, so that the time of a look-up tells nothing of them. */
function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
