/**
 * The voice of the agent. Stages that have something to say get a `Log`; what it becomes (terminal,
 * journal, file) is decided where the process starts. Levels are fail2ban's words, since people
 * grep for them.
 */
import type { JailName } from './names.js';

export type LogLevel = 'critical' | 'error' | 'warning' | 'notice' | 'info' | 'debug';

/** Most severe first; the index is the order of the levels. */
export const LOG_LEVELS: readonly LogLevel[] = [
  'critical',
  'error',
  'warning',
  'notice',
  'info',
  'debug',
];

/**
 * Facts that go with a line: structured fields where the target has them, never part of the text.
 */
export interface LogFacts {
  readonly jail?: JailName;
  readonly address?: string;
  /** `ban`, `unban`, `found`, ...: names the message in the catalog. */
  readonly action?: string;
  readonly failures?: number;
  /** Of a ban by evidence. */
  readonly rule?: string;
  /** The person who banned or lifted a ban. */
  readonly by?: string;
  /** ISO 8601, or `never`. */
  readonly until?: string;
  /**
   * When it happened, ISO 8601, where that is not now: the time of the log entry that a failure was
   * found in.
   */
  readonly time?: string;
  readonly user?: string;
}

/** Writes one line. `message` must already be safe to show (`escapeUntrusted`). */
export interface Log {
  (level: LogLevel, message: string, facts?: LogFacts): void;
  /** False where lines of the level go nowhere, so nobody need make any; absent: all may go. */
  readonly wants?: (level: LogLevel) => boolean;
}

/** For callers that want silence: tests, `replay --json`. */
export const silentLog: Log = Object.assign(() => undefined, { wants: () => false });
