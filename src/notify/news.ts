/**
 * What notify tells: bans, with their facts by name; and why a message was not delivered.
 */
import type { BanView } from '../control/protocol.js';
import { OperatingError } from '../core/errors.js';
import { USER_CHARS_MAX } from '../core/limits.js';
import { escapeUntrusted } from '../core/text.js';

/** The ways to tell somebody. */
export const CHANNELS = ['mail', 'webhook', 'slack', 'exec'] as const;
export type Channel = (typeof CHANNELS)[number];

/** A ban to tell of, with what was found out about it. Every text may be an attacker's. */
export interface BanNews {
  readonly ban: BanView;
  /**
   * Entries that were counted, oldest first, one line each. Empty when they are not wanted or are
   * gone.
   */
  readonly lines: readonly string[];
  /** What whois says of the address; absent when not asked for or not answered. */
  readonly whois?: string;
}

/** A ban as named values: for templates, JSON bodies and arguments of programs. */
export interface BanFacts {
  readonly id: string;
  readonly host: string;
  readonly jail: string;
  readonly name: string;
  readonly ip: string;
  readonly family: 'inet4' | 'inet6';
  readonly failures: string;
  /** Seconds, or `-1` for good. */
  readonly bantime: string;
  /** ISO 8601; `until` is `never` for good. */
  readonly time: string;
  readonly until: string;
  /** The user of the last failure: the one value that an attacker writes. */
  readonly user: string;
  readonly origin: string;
}

export const FACT_NAMES: readonly (keyof BanFacts)[] = [
  ...([
    'id',
    'host',
    'jail',
    'name',
    'ip',
    'family',
    'failures',
    'bantime',
    'time',
    'until',
    'user',
    'origin',
  ] as const),
];

export function factsOf({ ban }: BanNews, host: string, name: string): BanFacts {
  const seconds =
    ban.until === null ? -1 : Math.round((Date.parse(ban.until) - Date.parse(ban.time)) / 1000);
  return {
    id: String(ban.id),
    host,
    jail: ban.jail,
    name,
    ip: ban.target,
    family: ban.target.includes(':') ? 'inet6' : 'inet4',
    failures: String(ban.failures),
    bantime: String(seconds),
    time: ban.time,
    until: ban.until ?? 'never',
    user: escapeUntrusted(ban.user ?? '', USER_CHARS_MAX),
    origin: ban.origin,
  };
}

/** Why a message was not delivered, and whether another try can help. */
export class DeliveryError extends OperatingError {
  /** True: the same again would fail again; the message is given up. */
  readonly permanent: boolean;
  /** The receiver asks to wait for so long, ms. */
  readonly retryAfterMs: number | undefined;
  constructor(
    code: string,
    message: string,
    options: { permanent?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(code, message, { cause: options.cause });
    this.permanent = options.permanent ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}
