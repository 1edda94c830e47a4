/**
 * From `logtarget` of the configuration to the process's log: the journal, a file, or standard
 * error.
 */
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { journalSend } from '../../native/journal-send.js';
import type { Settings } from '../config/types.js';
import { EXIT, messageOf, OperatorError } from '../core/errors.js';
import type { LogLevel } from '../core/log.js';
import { JournalTransport } from './journal.js';
import { createLog, type LineSink, type LogHandle, styleFor } from './log.js';

export interface LogTargetOptions {
  readonly level: LogLevel;
  readonly target: Settings['logtarget'];
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly out: (text: string) => void;
  readonly env: NodeJS.ProcessEnv;
}

export interface AgentLog extends LogHandle {
  /** Opens the log file anew, after logrotate has moved it; nothing for other targets. */
  reopen(): void;
  close(): void;
}

/**
 * Makes the log of a running agent. `journal` means structured entries when systemd runs us, and
 * lines on standard error in a terminal. Throws `OperatorError` when a log file cannot be opened.
 */
export function openLog({ level, target, stderr, out, env }: LogTargetOptions): AgentLog {
  const none = { reopen: () => undefined, close: () => undefined };
  if (typeof target === 'object') {
    const file = new LogFile(target.file, stderr);
    const log = createLog({ level, stream: file, style: 'fail2ban' });
    return { ...log, reopen: () => file.reopen(), close: () => file.close() };
  }
  if (target === 'stdout')
    return { ...createLog({ level, stream: { write: out }, style: 'plain' }), ...none };
  if (target === 'stderr' || !isStderrJournal(env))
    return {
      ...createLog({ level, stream: stderr, style: styleFor(stderr, withoutJournal(env)) }),
      ...none,
    };
  const transport = new JournalTransport({ send: journalSend, otherwise: stderr });
  return { ...createLog({ level, style: 'journal', transports: [transport] }), ...none };
}

/**
 * True when standard error leads to the journal. $JOURNAL_STREAM alone does not say so: a terminal
 * inside a desktop session inherits it, too. It holds the device and inode of the stream to compare
 * with (systemd.exec(5)).
 */
export function isStderrJournal(env: NodeJS.ProcessEnv): boolean {
  const stream = env['JOURNAL_STREAM'];
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(2, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

function withoutJournal(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return isStderrJournal(env) ? env : { ...env, JOURNAL_STREAM: undefined };
}

/**
 * A log file that logrotate may move away. Lines that the disk does not take go to standard error,
 * with the reason once until it works again.
 */
export class LogFile implements LineSink {
  readonly #path: string;
  readonly #otherwise: LineSink;
  #descriptor: number;
  #ill = false;

  constructor(path: string, otherwise: LineSink) {
    this.#path = path;
    this.#otherwise = otherwise;
    this.#descriptor = this.#open();
  }

  write(text: string): void {
    try {
      writeSync(this.#descriptor, text);
      this.#ill = false;
    } catch (error) {
      if (!this.#ill)
        this.#otherwise.write(`<3>cannot write to ${this.#path}: ${messageOf(error)}\n`);
      this.#ill = true;
      this.#otherwise.write(text);
    }
  }

  /** When the file cannot be opened again, the old one is kept. */
  reopen(): void {
    const old = this.#descriptor;
    this.#descriptor = this.#open();
    closeSync(old);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #open(): number {
    try {
      return openSync(this.#path, 'a', 0o640);
    } catch (cause) {
      throw new OperatorError(`the log file ${this.#path} cannot be opened: ${messageOf(cause)}`, {
        hint: 'write logtarget = /var/log/banjour/banjour.log (the unit may write there), or logtarget = journal',
        exitCode: EXIT.config,
        cause,
      });
    }
  }
}
