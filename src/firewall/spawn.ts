/**
 * Starts the firewall's child processes: nft and, on request, ss. Absolute path, no shell,
 * clean environment, a deadline and then SIGKILL, bounded output. Descriptors of ours are
 * close-on-exec, so a child has its three alone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { OperatingError } from '../core/errors.js';

const SEARCH = ['/usr/sbin', '/sbin', '/usr/bin', '/bin', '/usr/local/sbin'];

/**
 * `LC_ALL=C`: messages in English, whose words we look at. No home, as nft keeps a history of its
 * prompt there.
 */
const ENVIRONMENT = { HOME: '/dev/null', LC_ALL: 'C', PATH: SEARCH.join(':') };

/** Turns of the event loop in which all that a child has said and its end are heard. */
const TURNS_TO_HEAR = 3;

/**
 * The absolute path of a program of the system; undefined when it is not installed. $PATH is not
 * asked.
 */
export function findProgram(name: string): string | undefined {
  for (const folder of SEARCH) {
    const path = `${folder}/${name}`;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** A command: absolute path of the program, then its first arguments. */
export type Command = readonly [string, ...string[]];

/**
 * Starts a child that lives on. `stdin` is a pipe or an open descriptor, `stdout` a pipe or
 * nothing.
 */
export function start(
  command: Command,
  args: readonly string[],
  stdin: 'pipe' | 'ignore' | number,
  stdout: 'pipe' | 'ignore',
): ChildProcess {
  const [program, ...first] = command;
  return spawn(program, [...first, ...args], {
    stdio: [stdin, stdout, 'pipe'],
    env: ENVIRONMENT,
    cwd: '/',
    shell: false,
  });
}

/**
 * Calls `late` after so many milliseconds. This thread may have been busy for as long, and a timer
 * comes before what a child wrote meanwhile: that is read first.
 *
 * @returns what ends it
 */
export function deadline(milliseconds: number, late: () => void): () => void {
  let isOver = false;
  const timer = setTimeout(async () => {
    for (let turn = 0; turn < TURNS_TO_HEAR; turn++) await new Promise(setImmediate);
    if (!isOver) late();
  }, milliseconds);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

export interface Finished {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: number;
  readonly deadlineMs: number;
  /**
   * Bytes of standard output that are taken; more ends the child. Standard error has
   * `errorBytesMax`.
   */
  readonly outputBytesMax: number;
  readonly errorBytesMax: number;
  /** Called with the process id at once, before the child can have done anything. */
  readonly onStart?: (pid: number) => void;
  /** Called when the process is gone. */
  readonly onEnd?: (pid: number) => void;
}

/**
 * Runs a child to its end. Throws OperatingError: `ERR_NFT_START` (cannot be started),
 * `ERR_NFT_DEADLINE` (killed), `ERR_NFT_OUTPUT` (more output than allowed, killed). An exit status
 * other than 0 is a result, not an error.
 */
export async function run(
  command: Command,
  args: readonly string[],
  options: RunOptions,
): Promise<Finished> {
  const wanted = options.outputBytesMax > 0 ? 'pipe' : 'ignore';
  const child = start(command, args, options.stdin ?? 'ignore', wanted);
  if (child.pid !== undefined) options.onStart?.(child.pid);
  const what = [command[0], ...args].join(' ');
  return new Promise<Finished>((resolve, reject) => {
    let failure: OperatingError | undefined;
    const kill = (code: string, message: string) => {
      failure ??= new OperatingError(code, message);
      child.kill('SIGKILL');
    };
    const inTime = deadline(options.deadlineMs, () =>
      kill('ERR_NFT_DEADLINE', `${what} did not finish within ${options.deadlineMs} ms`),
    );
    const stdout = collect(child.stdout, options.outputBytesMax, () =>
      kill('ERR_NFT_OUTPUT', `${what} printed more than ${options.outputBytesMax} bytes`),
    );
    const stderr = collect(child.stderr, options.errorBytesMax, () => undefined);
    child.once('error', (cause) => {
      inTime();
      reject(
        new OperatingError('ERR_NFT_START', `${what} cannot be started: ${cause.message}`, {
          cause,
        }),
      );
    });
    child.once('close', (status) => {
      inTime();
      if (child.pid !== undefined) options.onEnd?.(child.pid);
      if (failure === undefined) resolve({ status, stdout: stdout(), stderr: stderr() });
      else reject(failure);
    });
  });
}

/** Keeps up to `max` bytes of a stream and says once when there are more. */
function collect(
  stream: NodeJS.ReadableStream | null,
  max: number,
  onMore: () => void,
): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    const room = max - size;
    size += chunk.length;
    if (room > 0) chunks.push(chunk.subarray(0, room));
    if (size > max && room >= 0) onMore();
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
