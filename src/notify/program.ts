/** Runs a program with arguments as they are: no shell, no inherited environment, bounded in time and output. */
import { spawn } from 'node:child_process';
import { NOTIFY_ANSWER_BYTES_MAX } from '../core/limits.js';

export interface ProgramOptions {
  readonly deadlineMs: number;
  /** Given on standard input, which is closed after it; empty when absent. */
  readonly input?: string | Buffer;
}

export interface ProgramOutcome {
  /** null: ended by a signal, e.g. ours at the deadline. */
  readonly status: number | null;
  /** Standard output. */
  readonly output: string;
  /** Standard error. */
  readonly complaint: string;
}

const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/** Resolves when the program has ended; rejects when it cannot be started. */
export function runProgram(argv: readonly string[], options: ProgramOptions): Promise<ProgramOutcome> {
  const [file = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    // A group of its own, so that what it starts is ended with it.
    const child = spawn(file, args, { shell: false, env: ENVIRONMENT, cwd: '/', detached: true });
    const output = new Kept();
    const complaint = new Kept();
    child.stdout.on('data', (chunk: Buffer) => output.take(chunk));
    child.stderr.on('data', (chunk: Buffer) => complaint.take(chunk));
    const timer = setTimeout(() => {
      if (child.pid !== undefined) killGroup(child.pid);
    }, options.deadlineMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ status, output: output.text, complaint: complaint.text });
    });
    // A program that reads nothing closes its end; that is its business.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

class Kept {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  take(chunk: Buffer): void {
    if (this.#bytes >= NOTIFY_ANSWER_BYTES_MAX) return;
    this.#chunks.push(chunk.subarray(0, NOTIFY_ANSWER_BYTES_MAX - this.#bytes));
    this.#bytes += chunk.length;
  }
  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
