/**
 * Bodies of requests, checked: what comes out has exactly the type it says, or the client is told
 * what is wrong.
 */
import { OperatorError } from '../core/errors.js';
import {
  EVENT_COUNT_MAX,
  LIVE_VALUE_CHARS_MAX,
  OPERATOR_CHARS_MAX,
  USER_CHARS_MAX,
} from '../core/limits.js';
import { CONTROL_IMPORT_BANS_MAX, CONTROL_TARGETS_MAX } from '../core/service-limits.js';
import type {
  AttemptRequest,
  BanRequest,
  ImportedBan,
  ImportRequest,
  ReloadRequest,
  SetRequest,
  UnbanRequest,
} from './protocol.js';

type Fields = Readonly<Record<string, unknown>>;

export function banRequest(body: unknown): BanRequest {
  const fields = object(body);
  const bantime = fields['bantimeSeconds'];
  if (
    bantime !== undefined &&
    bantime !== null &&
    !(typeof bantime === 'number' && Number.isFinite(bantime) && bantime > 0)
  )
    throw new OperatorError(
      'bantimeSeconds must be a positive number of seconds, or null for a permanent ban',
    );
  return {
    jail: text(fields, 'jail'),
    targets: targets(fields),
    ...(bantime === undefined ? {} : { bantimeSeconds: bantime as number | null }),
    ...flag(fields, 'force'),
  };
}

export function unbanRequest(body: unknown): UnbanRequest {
  const fields = object(body);
  return {
    targets: fields['targets'] === 'all' ? 'all' : targets(fields),
    ...optionalText(fields, 'jail'),
    ...operator(fields),
  };
}

export function reloadRequest(body: unknown): ReloadRequest {
  const fields = object(body);
  return {
    ...flag(fields, 'dryRun'),
    ...flag(fields, 'unban'),
    ...optionalText(fields, 'jail'),
    ...operator(fields),
  };
}

export function attemptRequest(body: unknown): AttemptRequest {
  const fields = object(body);
  const { count } = fields;
  if (
    count !== undefined &&
    !(
      typeof count === 'number' &&
      Number.isInteger(count) &&
      count >= 1 &&
      count <= EVENT_COUNT_MAX
    )
  )
    throw new OperatorError(`count must be a whole number from 1 to ${EVENT_COUNT_MAX}`);
  return {
    jail: text(fields, 'jail'),
    target: text(fields, 'target'),
    ...(count === undefined ? {} : { count: count as number }),
  };
}

export function setRequest(body: unknown): SetRequest {
  const fields = object(body);
  const { action = 'set', value } = fields;
  if (action !== 'set' && action !== 'add' && action !== 'del')
    throw new OperatorError('action must be set, add or del');
  if (typeof value !== 'string') throw new OperatorError('value must be a text');
  if (value.length > LIVE_VALUE_CHARS_MAX)
    throw new OperatorError(`value must have at most ${LIVE_VALUE_CHARS_MAX} characters`);
  return { key: text(fields, 'key'), action, value, ...optionalText(fields, 'jail') };
}

export function importRequest(body: unknown): ImportRequest {
  const fields = object(body);
  const request = {
    active: importedBans(fields, 'active'),
    history: importedBans(fields, 'history'),
  };
  if (request.active.length + request.history.length > CONTROL_IMPORT_BANS_MAX)
    throw new OperatorError(`at most ${CONTROL_IMPORT_BANS_MAX} bans in one request`, {
      hint: 'send them in parts',
    });
  return request;
}

function importedBans(fields: Fields, key: string): readonly ImportedBan[] {
  const list = fields[key] ?? [];
  if (!Array.isArray(list)) throw new OperatorError(`${key} must be a list of bans`);
  return list.map((item): ImportedBan => {
    const ban = object(item);
    const until = ban['until'] === null ? null : instant(ban, 'until');
    const user = ban['user'];
    if (user !== undefined && typeof user !== 'string')
      throw new OperatorError('user must be a text');
    return {
      jail: text(ban, 'jail'),
      target: text(ban, 'target'),
      time: instant(ban, 'time'),
      until,
      failures: count(ban, 'failures'),
      previousBans: count(ban, 'previousBans'),
      ...(user === undefined ? {} : { user: user.slice(0, USER_CHARS_MAX) }),
    };
  });
}

function count(fields: Fields, key: string): number {
  const value = fields[key] ?? 0;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new OperatorError(`${key} must be a whole number`);
  return value;
}

/** A time from 1970 to 9999. */
function instant(fields: Fields, key: string): string {
  const value = fields[key];
  const ms =
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
  if (!(ms >= 0)) throw new OperatorError(`${key} must be a time such as 2026-11-21T18:50:38Z`);
  return value as string;
}

function object(body: unknown): Fields {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new OperatorError('the request must be a JSON object');
  return body as Record<string, unknown>;
}

function text(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value !== 'string' || value === '') throw new OperatorError(`${key} must be a text`);
  return value;
}

function optionalText<K extends string>(fields: Fields, key: K): { readonly [P in K]?: string } {
  return fields[key] === undefined
    ? {}
    : ({ [key]: text(fields, key) } as { readonly [P in K]?: string });
}

/** Who asks, as the client says. */
function operator(fields: Fields): { readonly by?: string } {
  const { by } = optionalText(fields, 'by');
  if (by !== undefined && by.length > OPERATOR_CHARS_MAX)
    throw new OperatorError(`by must have at most ${OPERATOR_CHARS_MAX} characters`);
  return by === undefined ? {} : { by };
}

function flag<K extends string>(fields: Fields, key: K): { readonly [P in K]?: boolean } {
  const value = fields[key];
  if (value === undefined) return {};
  if (typeof value !== 'boolean') throw new OperatorError(`${key} must be true or false`);
  return { [key]: value } as { readonly [P in K]?: boolean };
}

function targets(fields: Fields): readonly string[] {
  const value = fields['targets'];
  if (
    !Array.isArray(value) ||
    value.length === 0 ||
    !value.every((target) => typeof target === 'string')
  )
    throw new OperatorError('targets must be a list of addresses or prefixes');
  if (value.length > CONTROL_TARGETS_MAX)
    throw new OperatorError(`at most ${CONTROL_TARGETS_MAX} targets in one request`);
  return value as string[];
}
