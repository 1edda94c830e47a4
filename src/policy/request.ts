/**
 * What Dovecot's auth policy client and other clients of weakforced say, and what they are
 * answered: JSON with weakforced's names.
 */
import type { RequestFor } from '../control/endpoints.js';
import { parseAddress } from '../core/address.js';
import { OperatorError } from '../core/errors.js';
import { DIGEST_CHARS_MAX, SESSION_KEY_CHARS_MAX, USER_CHARS_MAX } from '../core/limits.js';
import { POLICY_WORD_CHARS_MAX } from '../core/service-limits.js';

export type AgentReport = RequestFor<'policyReports'>['reports'][number];

/** A login that is to come, or that was tried; a field that was not given is absent. */
export interface PolicyRequest {
  /** Absent: no address of anybody, e.g. a login over a Unix socket. */
  readonly address?: string;
  readonly user?: string;
  readonly protocol?: string;
  readonly session?: string;
  readonly pwhash?: string;
}

/** What became of a login. */
export interface PolicyReport extends PolicyRequest {
  readonly success: boolean;
  /** It failed because a policy refused it: nobody looked at the password. */
  readonly isRefused: boolean;
  /** Why it failed, in Dovecot's words; it has none before 2.4. */
  readonly failType?: string;
}

/**
 * Reads the body of a request; throws `OperatorError` when it is none. What it says beyond that is
 * passed over, and what is too long is cut.
 */
export function readRequest(text: string): PolicyReport {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new OperatorError('the request is not JSON');
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new OperatorError('the request must be a JSON object');
  const fields = given as Readonly<Record<string, unknown>>;
  const word = (name: string, most: number) => {
    const value = fields[name];
    return typeof value === 'string' && value !== '' ? value.slice(0, most) : undefined;
  };
  const isTrue = (name: string) => fields[name] === true || fields[name] === 'true';
  const remote = word('remote', USER_CHARS_MAX);
  const request = {
    address: remote === undefined ? undefined : parseAddress(remote)?.text,
    user: word('login', USER_CHARS_MAX),
    protocol: word('protocol', POLICY_WORD_CHARS_MAX),
    session: word('session_id', SESSION_KEY_CHARS_MAX),
    pwhash: word('pwhash', DIGEST_CHARS_MAX),
    failType: word('fail_type', POLICY_WORD_CHARS_MAX),
  };
  const known = Object.entries(request).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(known),
    success: isTrue('success'),
    isRefused: isTrue('policy_reject'),
  };
}

/** What each failure says of its cause; the others are no guesses. */
const CAUSES: ReadonlyMap<string, AgentReport['cause']> = new Map([
  ['account', 'unknown-user'],
  ['credentials', 'wrong-password'],
]);

/**
 * What the agent is told of a login; undefined where it says nothing of a password: a policy
 * refused it, the server was in trouble, or the account is closed; or a success without a hash.
 */
export function tellingOf(report: PolicyReport): AgentReport | undefined {
  const { address, user, protocol, session, pwhash, success, isRefused, failType } = report;
  if (isRefused || address === undefined) return undefined;
  if (success) {
    if (user === undefined || pwhash === undefined) return undefined;
    const how = protocol === undefined ? {} : { protocol };
    return { address, user, ...how, pwhash, accepted: true };
  }
  const cause = failType === undefined ? undefined : CAUSES.get(failType);
  if (failType !== undefined && cause === undefined) return undefined;
  return {
    address,
    ...(user === undefined ? {} : { user }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(session === undefined ? {} : { session }),
    ...(pwhash === undefined ? {} : { pwhash }),
    ...(cause === undefined ? {} : { cause }),
  };
}
