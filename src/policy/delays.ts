/**
 * Logins that are told to wait, so that each attempt waits once: a mail server may ask about one
 * before its password is checked and, when it was right, once more.
 */
import { POLICY_DELAYED_MAX } from '../core/service-limits.js';
import { POLICY_SMTP_DELAY_SECONDS_MAX } from '../core/timeouts.js';
import type { PolicyRequest } from './request.js';

/** A login that waited is asked about once more within this, ms, when its password was right. */
const AGAIN_MS = 60_000;
/** A question so much sooner than the end of a wait may come after it, ms: clocks differ. */
const EARLY_MS = 500;

interface Wait {
  readonly began: number;
  /** Milliseconds that the login was told to wait. */
  readonly long: number;
}

export class Delays {
  /** By attempt; the newest last. */
  readonly #waits = new Map<string, Wait>();

  /**
   * Seconds that an attempt is told to wait; 0 when it has done so. A question during the wait is
   * about another attempt, which waits as well.
   */
  tell(request: PolicyRequest, seconds: number): number {
    const attempt = keyOf(request);
    if (attempt === undefined) return seconds;
    const now = performance.now();
    const before = this.#waits.get(attempt);
    const since = before === undefined ? Number.POSITIVE_INFINITY : now - before.began;
    if (before !== undefined && since < before.long - EARLY_MS) return seconds;
    this.#waits.delete(attempt);
    if (since < AGAIN_MS) return 0;
    this.#waits.set(attempt, { began: now, long: seconds * 1_000 });
    const [oldest] = this.#waits.keys();
    if (this.#waits.size > POLICY_DELAYED_MAX && oldest !== undefined) this.#waits.delete(oldest);
    return seconds;
  }

  /** An attempt is over: the next one waits for itself, also with the same password. */
  over(request: PolicyRequest): void {
    const attempt = keyOf(request);
    if (attempt !== undefined) this.#waits.delete(attempt);
  }
}

/** What an attempt is known by; undefined where nothing tells it from another. */
function keyOf({ session, address, pwhash, user }: PolicyRequest): string | undefined {
  if (session === undefined && pwhash === undefined) return undefined;
  // Logins through Postfix have no session.
  return JSON.stringify([session ?? address, user, pwhash]);
}

/**
 * What of a delay a login has patience for. Postfix gives up ten seconds after it asked Dovecot,
 * and Dovecot lets an address wait by itself that failed lately: four seconds, then eight.
 * `failures`: of the address.
 */
export function patienceFor(
  { protocol }: PolicyRequest,
  failures: number,
  seconds: number,
): number {
  if (protocol?.toLowerCase() !== 'smtp') return seconds;
  return Math.min(seconds, failures === 0 ? POLICY_SMTP_DELAY_SECONDS_MAX : 1);
}
