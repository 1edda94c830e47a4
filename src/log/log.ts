/**
 * Log lines: `NOTICE [postfix-sasl] Ban 192.0.2.1`.
 *
 * Owns the winston logger. Under systemd each line carries its priority as `<N>` (sd-daemon(3)) and no time, since the
 * journal has both; elsewhere a line begins with the local time, in fail2ban's form. Lines per second are bounded: what
 * goes over is counted and summed in one line when the second is over.
 */
import { Writable } from 'node:stream';
import winston from 'winston';
import { LOG_LINES_PER_SECOND_MAX } from '../core/limits.js';
import { LOG_LEVELS, type Log, type LogFacts, type LogLevel } from '../core/log.js';

/** What takes lines: a stream, or something that puts them above a progress bar. */
export interface LineSink {
  write(text: string): unknown;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Where lines go; standard error for a daemon. */
  readonly stream: LineSink;
  /** `systemd`: priority prefix, no time. `plain`: time, no colour. `colour`: time and colour, for terminals. */
  readonly style: 'systemd' | 'plain' | 'colour';
  /** Milliseconds since 1970, for the line's time and the bound per second. */
  readonly now?: () => number;
  /** Lines per second that are written; tests lower it. */
  readonly linesPerSecondMax?: number;
  /** Further transports, e.g. structured journal entries. */
  readonly transports?: readonly winston.transport[];
}

/** syslog(3) priorities of the levels. */
export const PRIORITIES: Readonly<Record<LogLevel, number>> = {
  critical: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
};

const COLOURS: Readonly<Record<LogLevel, string>> = {
  critical: '\x1b[1;31m',
  error: '\x1b[31m',
  warning: '\x1b[33m',
  notice: '\x1b[1m',
  info: '\x1b[0m',
  debug: '\x1b[2m',
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
  const logger = winston.createLogger({
    levels: Object.fromEntries(LOG_LEVELS.map((level, index) => [level, index])),
    level: options.level,
    format: winston.format.printf((info) =>
      formatLine(info.level as LogLevel, String(info.message), info['jail'], options.style, now()),
    ),
    transports: [new winston.transports.Stream({ stream: asWritable(options.stream) }), ...(options.transports ?? [])],
  });
  const bound = new LineBound(max);
  const write = (level: LogLevel, message: string, facts: LogFacts = {}) => logger.log({ level, message, ...facts });
  const sum = (suppressed: number) => {
    if (suppressed > 0)
      write('warning', `${suppressed} log lines of the last second left out (bound: ${max} per second)`);
  };
  return {
    log: (level, message, facts) => {
      if (!logger.isLevelEnabled(level)) return;
      const { pass, suppressed } = bound.offer(now(), level);
      sum(suppressed);
      if (pass) write(level, message, facts);
    },
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

/** One line as the style has it. */
export function formatLine(
  level: LogLevel,
  message: string,
  jail: unknown,
  style: LogOptions['style'],
  nowMs: number,
): string {
  const text = `${level.toUpperCase()} ${typeof jail === 'string' ? `[${jail}] ` : ''}${message}`;
  if (style === 'systemd') return `<${PRIORITIES[level]}>${text}`;
  const line = `${localTime(nowMs)} ${text}`;
  return style === 'colour' ? `${COLOURS[level]}${line}\x1b[0m` : line;
}

/** `2019-08-22 10:18:05,975`, local time, as fail2ban writes it. */
export function localTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())},${String(date.getMilliseconds()).padStart(3, '0')}`
  );
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

/** The style that fits where the process runs: JOURNAL_STREAM is set by systemd (systemd.exec(5)). */
export function styleFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): LogOptions['style'] {
  if (env['JOURNAL_STREAM'] !== undefined) return 'systemd';
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' ? 'colour' : 'plain';
}
