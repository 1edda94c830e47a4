/** Bodies of requests, checked: what comes out has exactly the type it says, or the client is told what is wrong. */
import { OperatorError } from '../core/errors.js';
import type { BanRequest, ReloadRequest, UnbanRequest } from './protocol.js';

/** Targets in one request. */
export const TARGETS_MAX = 10_000;

export function banRequest(body: unknown): BanRequest {
  const fields = object(body);
  const bantime = fields['bantimeSeconds'];
  if (
    bantime !== undefined &&
    bantime !== null &&
    !(typeof bantime === 'number' && Number.isFinite(bantime) && bantime > 0)
  )
    throw new OperatorError('bantimeSeconds must be a positive number of seconds, or null for a permanent ban');
  const force = fields['force'];
  if (force !== undefined && typeof force !== 'boolean') throw new OperatorError('force must be true or false');
  return {
    jail: text(fields, 'jail'),
    targets: targets(fields),
    ...(bantime === undefined ? {} : { bantimeSeconds: bantime as number | null }),
    ...(force === undefined ? {} : { force }),
  };
}

export function unbanRequest(body: unknown): UnbanRequest {
  const fields = object(body);
  return {
    targets: fields['targets'] === 'all' ? 'all' : targets(fields),
    ...(fields['jail'] === undefined ? {} : { jail: text(fields, 'jail') }),
  };
}

export function reloadRequest(body: unknown): ReloadRequest {
  const { dryRun } = object(body);
  if (dryRun !== undefined && typeof dryRun !== 'boolean') throw new OperatorError('dryRun must be true or false');
  return dryRun === undefined ? {} : { dryRun };
}

function object(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new OperatorError('the request must be a JSON object');
  return body as Record<string, unknown>;
}

function text(fields: Readonly<Record<string, unknown>>, key: string): string {
  const value = fields[key];
  if (typeof value !== 'string' || value === '') throw new OperatorError(`${key} must be a text`);
  return value;
}

function targets(fields: Readonly<Record<string, unknown>>): readonly string[] {
  const value = fields['targets'];
  if (!Array.isArray(value) || value.length === 0 || !value.every((target) => typeof target === 'string'))
    throw new OperatorError('targets must be a list of addresses or prefixes');
  if (value.length > TARGETS_MAX) throw new OperatorError(`at most ${TARGETS_MAX} targets in one request`);
  return value as string[];
}
