/**
 * Errors by who must act.
 *
 * - `OperatorError`: a person must change something. Message and hint say what to type; no stack is
 *   shown.
 * - `OperatingError`: the surroundings failed (journal, nft, disk). Retried by whoever holds the
 *   resource; `code` is stable and `cause` keeps the original.
 * - Anything else is a bug: the process ends and systemd starts it anew.
 *
 * Exit codes are those of sysexits.h, so that the unit can tell "fix the configuration" from "try
 * again".
 */
import { ERROR_CAUSES_MAX } from './limits.js';

export const EXIT = {
  ok: 0,
  /** A query had no result (a script's "no"), e.g. `banned ADDRESS`. */
  no: 1,
  usage: 64,
  dataError: 65,
  noInput: 66,
  unavailable: 69,
  software: 70,
  osError: 71,
  cannotCreate: 73,
  ioError: 74,
  temporary: 75,
  noPermission: 77,
  config: 78,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Something that the person at the keyboard can mend. */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError';
  /** What to type or change, one line. */
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;
  constructor(
    message: string,
    options: { hint?: string; exitCode?: ExitCode; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? EXIT.usage;
  }
}

/** Something that the surroundings did; the holder of the resource tries again. */
export class OperatingError extends Error {
  override readonly name: string = 'OperatingError';
  /** Stable and greppable, e.g. `ERR_JOURNAL_CLOSED`, `ERR_NFT_DEADLINE`. */
  readonly code: string;
  constructor(code: string, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** An error as plain data, which crosses threads. */
export interface PackedError {
  readonly kind: 'operator' | 'operating' | 'bug';
  readonly message: string;
  readonly hint?: string;
  readonly exitCode?: ExitCode;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: PackedError;
}

/** Anything that was thrown, as plain data; see `unpackError`. */
export function packError(error: unknown, depth = 0): PackedError {
  if (!(error instanceof Error)) return { kind: 'bug', message: String(error) };
  const { message, stack } = error;
  const cause =
    error.cause === undefined || depth >= ERROR_CAUSES_MAX
      ? {}
      : { cause: packError(error.cause, depth + 1) };
  const rest = { message, ...(stack === undefined ? {} : { stack }), ...cause };
  if (error instanceof OperatorError) {
    const { hint, exitCode } = error;
    return { kind: 'operator', ...rest, exitCode, ...(hint === undefined ? {} : { hint }) };
  }
  if (error instanceof OperatingError) return { kind: 'operating', ...rest, code: error.code };
  return { kind: 'bug', ...rest };
}

/**
 * The error again as it was thrown in the other thread: kind, message, hint, exit code, code, stack
 * and cause.
 */
export function unpackError({
  kind,
  message,
  hint,
  exitCode,
  code,
  stack,
  cause,
}: PackedError): Error {
  const options = cause === undefined ? {} : { cause: unpackError(cause) };
  const error =
    kind === 'operator'
      ? new OperatorError(message, {
          ...options,
          ...(hint === undefined ? {} : { hint }),
          ...(exitCode === undefined ? {} : { exitCode }),
        })
      : kind === 'operating'
        ? new OperatingError(code ?? 'ERR_UNKNOWN', message, options)
        : new Error(message, options);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** States that cannot be: a failing one is a bug of ours. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`bug: ${message}`);
}
