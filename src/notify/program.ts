/**
 * Runs a program with arguments as they are: no shell, no inherited environment, bounded in time
 * and output. A jail can name one for its bans.
 */
import { spawn } from 'node:child_process';
import { messageOf } from '../core/errors.js';
import { redactArguments } from '../core/secrets.js';
import { NOTIFY_ANSWER_BYTES_MAX } from '../core/service-limits.js';
import { escapeUntrusted, fillArguments } from '../core/text.js';
import { NOTIFY_DEADLINE_MS } from '../core/timeouts.js';
import { type BanFacts, DeliveryError, FACT_NAMES } from './news.js';

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

const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
};

/** Resolves when the program has ended; rejects when it cannot be started. */
export function runProgram(
  argv: readonly string[],
  options: ProgramOptions,
): Promise<ProgramOutcome> {
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
    // A program that does not read its input closes it, which is no fault.
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

// A program for each ban. Its arguments are words of the configuration with `<ip>` and kin filled
// in. The same facts come as JSON on standard input.

/** Resolves when the program ends with 0; rejects with `DeliveryError`. */
export async function execute(
  template: readonly string[],
  facts: BanFacts,
  deadlineMs = NOTIFY_DEADLINE_MS,
): Promise<void> {
  const argv = argvOf(template, facts);
  const program = argv[0] ?? '';
  try {
    const { status, complaint } = await runProgram(argv, {
      deadlineMs,
      input: `${JSON.stringify(facts)}\n`,
    });
    if (status === 0) return;
    const how =
      status === null ? `was ended after ${deadlineMs} ms` : `ended with status ${status}`;
    const said = escapeUntrusted(
      redactArguments(complaint, template).trim().replace(/\s+/g, ' '),
      300,
    );
    throw new DeliveryError(
      'ERR_NOTIFY_EXEC',
      `${program} ${how}${said === '' ? '' : `: ${said}`}`,
    );
  } catch (error) {
    if (error instanceof DeliveryError) throw error;
    throw new DeliveryError(
      'ERR_NOTIFY_EXEC',
      `${program} cannot be started: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** The words with `<name>` replaced; the program itself stays as it is. */
export function argvOf(template: readonly string[], facts: BanFacts): string[] {
  const factOf = (name: string) =>
    (FACT_NAMES as readonly string[]).includes(name) ? facts[name as keyof BanFacts] : undefined;
  return fillArguments(template, factOf, ['bantime']);
}
