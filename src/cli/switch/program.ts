/** Programs of the system that the move asks. */
import { spawn } from 'node:child_process';
import { messageOf } from '../../core/errors.js';
import { SWITCH_ANSWER_BYTES_MAX, SWITCH_PROGRAM_MS_MAX } from '../../core/limits.js';
import { findProgram } from '../../firewall/spawn.js';
import { Interrupted } from './host.js';

export interface Answer {
  /** Null when a signal ended it; 127 when it is not installed. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Bounds {
  readonly bytesMax: number;
  readonly deadlineMs: number;
}

export const BOUNDS: Bounds = { bytesMax: SWITCH_ANSWER_BYTES_MAX, deadlineMs: SWITCH_PROGRAM_MS_MAX };

/**
 * Runs a program in a session of its own: a Ctrl-C is for us to act on, not for it to die of. Resolves with whatever came
 * of it. Rejects when it answers too much or too late, and with `Interrupted` when `patience` aborts; then it is ended.
 */
export function ask(
  [name = '', ...args]: readonly string[],
  patience: AbortSignal | undefined,
  { bytesMax, deadlineMs }: Bounds = BOUNDS,
): Promise<Answer> {
  const program = name.startsWith('/') ? name : findProgram(name);
  if (program === undefined) return Promise.resolve({ status: 127, stdout: '', stderr: `${name} is not installed` });
  if (patience?.aborted === true) return Promise.reject(new Interrupted());
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
      detached: true,
    });
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let bytes = 0;
    let failure: Error | undefined;
    const giveUp = (why: Error) => {
      failure ??= why;
      child.kill('SIGKILL');
    };
    const take = (into: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) giveUp(new Error(`${name} answers more than ${bytesMax} bytes`));
      else into.push(chunk);
    };
    const interrupted = () => giveUp(new Interrupted());
    const timer = setTimeout(
      () => giveUp(new Error(`${[name, ...args].join(' ')}: no answer within ${deadlineMs / 1000} s`)),
      deadlineMs,
    );
    patience?.addEventListener('abort', interrupted, { once: true });
    child.stdout.on('data', take(chunks.stdout));
    child.stderr.on('data', take(chunks.stderr));
    const finish = (act: () => void) => {
      clearTimeout(timer);
      patience?.removeEventListener('abort', interrupted);
      act();
    };
    child.once('error', (error) => finish(() => reject(new Error(`${name}: ${messageOf(error)}`))));
    child.once('close', (status) =>
      finish(() => {
        const text = (parts: Buffer[]) => Buffer.concat(parts).toString('utf8');
        if (failure === undefined) resolve({ status, stdout: text(chunks.stdout), stderr: text(chunks.stderr) });
        else reject(failure);
      }),
    );
  });
}
