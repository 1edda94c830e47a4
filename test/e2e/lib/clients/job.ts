/**
 * What the clients of the attackers' namespace are told, and what they answer: one JSON object per
 * line each way.
 */

/** Services whose failed attempts are login failures. */
export const LOGIN_SERVICES = [
  'smtp',
  'submission',
  'submissions',
  'imap',
  'pop3',
  'sieve',
  'ssh',
] as const;
/** Visits without a login: refused relay, greeting and away. */
const PROBES = ['smtp-relay', 'smtp-connect', 'imap-connect', 'ssh-preauth'] as const;
export type LoginService = (typeof LOGIN_SERVICES)[number];
export type Service = LoginService | (typeof PROBES)[number];

export interface Job {
  /** Source address, IPv4 or IPv6; the server is addressed in the same family. */
  readonly from: string;
  readonly service: Service;
  /** Where the service listens, when not where it usually does. */
  readonly port?: number;
  readonly user: string;
  readonly password: string;
  readonly attempts: number;
  /** Attempts in one connection; 1 by default. */
  readonly perConnection?: number;
  /**
   * SASL mechanism; by default LOGIN over SMTP, the protocol's own command over IMAP and POP3,
   * always PLAIN over ManageSieve.
   */
  readonly mechanism?: 'login' | 'plain';
  /** With PLAIN: as whom the user wants to act (RFC 4616). */
  readonly authzid?: string;
  /** With PLAIN: all attempts of a connection are sent before the first answer. */
  readonly pipelined?: boolean;
  /** The greeting over SMTP. */
  readonly helo?: string;
  /** After a successful SMTP login: send a mail. */
  readonly deliver?: boolean;
  /** Pause between connections, ms. */
  readonly intervalMs?: number;
  readonly connectMs?: number;
  readonly readMs?: number;
  /** Go on after an attempt that did not get through. */
  readonly keepGoing?: boolean;
}

/**
 * What an attempt came to: `failed` the server said no; `ok` it said yes; `blocked` no connection
 * came about (no answer, refused, prohibited); `cut` it did, and then nothing more came: a ban may
 * be faster than the server's answer to the attempt that caused it; `dropped` sshd itself hung up
 * before a word; `error` anything else, with `detail`.
 */
export type Result = 'failed' | 'ok' | 'blocked' | 'cut' | 'dropped' | 'error';

export interface Attempt {
  readonly result: Result;
  readonly detail?: string;
  /** When the result was known, epoch seconds. */
  readonly time: number;
}

export interface Request extends Job {
  readonly id: number;
}
export type Answer =
  | ({ readonly id: number } & Attempt)
  | { readonly id: number; readonly done: true };

export function attempt(result: Result, detail?: string): Attempt {
  return { result, time: Date.now() / 1000, ...(detail === undefined ? {} : { detail }) };
}
