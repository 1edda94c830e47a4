/**
 * Running programs for the end-to-end suite: arguments as a list, a failure carries what the
 * program said.
 */
import { type ChildProcess, spawn } from 'node:child_process';

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds until the program is killed; 60 s by default. */
  readonly timeoutMs?: number;
}

export interface Outcome {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program and resolves with whatever came of it. */
export function outcomeOf(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({
        status,
        stdout: Buffer.concat(chunks.stdout).toString(),
        stderr: Buffer.concat(chunks.stderr).toString(),
      });
    });
    // A program that does not read its input closes it early; its exit status tells what matters.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** Runs a program that must succeed; resolves with its standard output. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await outcomeOf(command, options);
  if (status !== 0)
    throw new Error(
      `${command.join(' ')}: exit status ${status}\n${stdout.slice(-2000)}${stderr.slice(-2000)}`,
    );
  return stdout;
}

/** Runs several programs in order, each of which must succeed. */
export async function runAll(...commands: readonly (readonly string[])[]): Promise<void> {
  for (const command of commands) await run(command);
}

/** Does what needs the network, and again after a pause when it failed: mirrors hiccup. */
export async function persistently(
  what: string,
  say: (line: string) => void,
  work: () => Promise<unknown>,
) {
  for (const seconds of [5, 20, 60]) {
    try {
      return void (await work());
    } catch (error) {
      say(
        `${what} failed, trying again in ${seconds} s: ${String(error).split('\n').slice(0, 4).join(' ')}`,
      );
      await sleep(seconds * 1_000);
    }
  }
  await work();
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Asks until the answer is neither undefined nor false; an exception counts as "not yet" and is
 * told at the end.
 */
export async function until<T>(
  what: string,
  question: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 30_000, everyMs = 50 } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await question();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(
        `${what}: not within ${timeoutMs / 1000} s`,
        last === undefined ? {} : { cause: last },
      );
    await sleep(everyMs);
  }
}

/** Resolves when the process has ended, however. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
