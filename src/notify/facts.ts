/** A ban as named values: for templates, JSON bodies and arguments of programs. */
import { USER_CHARS_MAX } from '../core/limits.js';
import { escapeUntrusted } from '../core/text.js';
import type { BanNews } from './message.js';

export interface Facts {
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

export const FACT_NAMES: readonly (keyof Facts)[] = [
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

export function factsOf({ ban }: BanNews, host: string, name: string): Facts {
  const seconds = ban.until === null ? -1 : Math.round((Date.parse(ban.until) - Date.parse(ban.time)) / 1000);
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
