/**
 * Log lines: `NOTICE [postfix-sasl] Ban 192.0.2.1`.
 *
 * Lines per second are bounded: what goes over is counted and summed in one line when the second is
 * over.
 */
import { LOG_LINES_PER_SECOND_MAX } from '../core/limits.js';
import { LOG_LEVELS, type Log, type LogFacts, type LogLevel } from '../core/log.js';
import { formatLine, type LogStyle } from './text.js';

/** What takes lines: a stream, a file, or something that puts them above a progress bar. */
export interface LineSink {
  write(text: string): unknown;
}

/** Takes what is logged, as it is. */
export type LogWriter = (level: LogLevel, message: string, facts: LogFacts) => void;

/** Where lines go: as text to a stream, or as they are. */
type LogPlace =
  | { readonly stream: LineSink; readonly style: LogStyle }
  | { readonly write: LogWriter };

export type LogOptions = LogPlace & {
  readonly level: LogLevel;
  /** Milliseconds since 1970, for the line's time and the bound per second. */
  readonly now?: () => number;
  /** Lines per second that are written; tests lower it. */
  readonly linesPerSecondMax?: number;
};

/** A log and the way to end it: `flush` writes the sum of suppressed lines. */
export interface LogHandle {
  readonly log: Log;
  setLevel(level: LogLevel): void;
  getLevel(): LogLevel;
  flush(): void;
}

/** Makes the process's log. */
export function createLog(options: LogOptions): LogHandle {
  const now = options.now ?? Date.now;
  const max = options.linesPerSecondMax ?? LOG_LINES_PER_SECOND_MAX;
  const write = 'write' in options ? options.write : lineWriter(options, now);
  const bound = new LineBound(max);
  let least = options.level;
  const sum = (suppressed: number) => {
    if (suppressed > 0)
      write(
        'warning',
        `${suppressed} log lines of the last second left out (bound: ${max} per second)`,
        {},
      );
  };
  return {
    log: (level, message, facts = {}) => {
      if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(least)) return;
      const { pass, suppressed } = bound.offer(now(), level);
      sum(suppressed);
      if (pass) write(level, message, facts);
    },
    setLevel: (level) => {
      least = level;
    },
    getLevel: () => least,
    flush: () => sum(bound.drain()),
  };
}

/** Writes each line as the style has it. */
function lineWriter(
  { stream, style }: { readonly stream: LineSink; readonly style: LogStyle },
  now: () => number,
): LogWriter {
  return (level, message, facts) => {
    stream.write(`${formatLine(level, message, facts, style, now())}\n`);
  };
}

/** Counts lines per second; errors and worse always pass. */
export class LineBound {
  readonly #max: number;
  #second = 0;
  #lines = 0;
  #suppressed = 0;
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether a line may pass now, and how many of a finished second did not. */
  offer(nowMs: number, level: LogLevel): { readonly pass: boolean; readonly suppressed: number } {
    const second = Math.floor(nowMs / 1000);
    let suppressed = 0;
    if (second !== this.#second) {
      suppressed = this.drain();
      this.#second = second;
      this.#lines = 0;
    }
    if (this.#lines >= this.#max && LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf('error')) {
      this.#suppressed++;
      return { pass: false, suppressed };
    }
    this.#lines++;
    return { pass: true, suppressed };
  }

  /** Lines left out since the last call. */
  drain(): number {
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}

/**
 * The style that fits where the process runs: JOURNAL_STREAM is set by systemd (systemd.exec(5)).
 */
export function styleFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): LogStyle {
  if (env['JOURNAL_STREAM'] !== undefined) return 'systemd';
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' ? 'colour' : 'plain';
}
