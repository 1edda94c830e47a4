/**
 * Log lines: `NOTICE [postfix-sasl] Ban 192.0.2.1`.
 *
 * Owns the winston logger. Lines per second are bounded: what goes over is counted and summed in
 * one line when the second is over.
 */
import { Writable } from 'node:stream';
import winston from 'winston';
import { LOG_LINES_PER_SECOND_MAX } from '../core/limits.js';
import { LOG_LEVELS, type Log, type LogFacts, type LogLevel } from '../core/log.js';
import { formatLine, type LogStyle } from './text.js';

/** What takes lines: a stream, a file, or something that puts them above a progress bar. */
export interface LineSink {
  write(text: string): unknown;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Where lines go; absent when a transport takes them all. */
  readonly stream?: LineSink;
  readonly style: LogStyle;
  /** Milliseconds since 1970, for the line's time and the bound per second. */
  readonly now?: () => number;
  /** Lines per second that are written; tests lower it. */
  readonly linesPerSecondMax?: number;
  /** Further transports, e.g. structured journal entries. */
  readonly transports?: readonly winston.transport[];
}

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
  const { stream, style, transports = [] } = options;
  const logger = winston.createLogger({
    levels: Object.fromEntries(LOG_LEVELS.map((level, index) => [level, index])),
    level: options.level,
    format: winston.format.printf(({ level, message, ...facts }) =>
      formatLine(level as LogLevel, String(message), facts as LogFacts, style, now()),
    ),
    transports: [
      ...(stream === undefined
        ? []
        : [new winston.transports.Stream({ stream: asWritable(stream) })]),
      ...transports,
    ],
  });
  const bound = new LineBound(max);
  const write = (level: LogLevel, message: string, facts: LogFacts = {}) =>
    logger.log({ level, message, ...facts });
  const sum = (suppressed: number) => {
    if (suppressed > 0)
      write(
        'warning',
        `${suppressed} log lines of the last second left out (bound: ${max} per second)`,
      );
  };
  const wants = (level: LogLevel) => logger.isLevelEnabled(level);
  const log: Log = (level, message, facts) => {
    if (!wants(level)) return;
    const { pass, suppressed } = bound.offer(now(), level);
    sum(suppressed);
    if (pass) write(level, message, facts);
  };
  return {
    log: Object.assign(log, { wants }),
    setLevel: (level) => {
      logger.level = level;
    },
    getLevel: () => logger.level as LogLevel,
    flush: () => sum(bound.drain()),
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

/** winston ends the streams it is given; the process's own must stay open. */
function asWritable(stream: LineSink): Writable {
  return new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => {
      stream.write(chunk);
      done();
    },
  });
}

/**
 * The style that fits where the process runs: JOURNAL_STREAM is set by systemd (systemd.exec(5)).
 */
export function styleFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): LogStyle {
  if (env['JOURNAL_STREAM'] !== undefined) return 'systemd';
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' ? 'colour' : 'plain';
}
