/** The clients of one machine's outside world, seen from the test: jobs in, attempts out. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Answer, Attempt, Job, Result, Service } from './clients/job.js';
import type { Machine } from './machine.js';
import { PASSWORD } from './mailhost.js';
import { ended } from './shell.js';

interface Waiting {
  readonly attempts: Attempt[];
  readonly heard: ((attempt: Attempt) => void) | undefined;
  readonly resolve: (attempts: Attempt[]) => void;
  readonly reject: (error: Error) => void;
}

export class Station {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  constructor(machine: Machine) {
    const main = fileURLToPath(new URL('./clients/main.js', import.meta.url));
    const [file = '', ...args] = machine.outside([process.execPath, main]);
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) =>
      this.#hear(JSON.parse(line) as Answer),
    );
    child.on('exit', () => {
      for (const waiting of this.#waiting.values()) waiting.reject(new Error('the clients ended'));
      this.#waiting.clear();
    });
  }

  #hear(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    if ('done' in answer) {
      this.#waiting.delete(answer.id);
      waiting.resolve(waiting.attempts);
    } else {
      const { id: _, ...attempt } = answer;
      waiting.attempts.push(attempt);
      waiting.heard?.(attempt);
    }
  }

  /** Plays a job; `heard` is told each attempt as it happens. */
  play(job: Job, heard?: (attempt: Attempt) => void): Promise<Attempt[]> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { attempts: [], heard, resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ ...job, id })}\n`);
    });
  }

  /** A wrong password `attempts` times from one address, until it is cut off. */
  attack(
    service: Service,
    from: string,
    attempts: number,
    more: Partial<Job> = {},
  ): Promise<Attempt[]> {
    return this.play({
      service,
      from,
      attempts,
      user: 'anna',
      password: 'wrong-password',
      ...more,
    });
  }

  /** One login with the right password. */
  async login(service: Service, from: string, more: Partial<Job> = {}): Promise<Attempt> {
    const job: Job = { service, from, attempts: 1, user: 'anna', password: PASSWORD, ...more };
    const [attempt] = await this.play(job);
    if (attempt === undefined) throw new Error('a login without result');
    return attempt;
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    await ended(this.#child);
  }
}

/**
 * Passwords that the server judged. The answer to the last one may have come too late for the
 * client.
 */
export function judged(attempts: readonly Attempt[]): number {
  return tally(attempts, 'failed') + tally(attempts, 'cut');
}

/** True when in the end no connection came about any more. */
export function cutOff(attempts: readonly Attempt[]): boolean {
  return attempts.at(-1)?.result === 'blocked';
}

/** How many attempts came to this. */
export function tally(attempts: readonly Attempt[], result: Result): number {
  return attempts.filter((attempt) => attempt.result === result).length;
}
