/**
 * The long-lived `nft -j -i`: one JSON batch per line, one transaction per line, 0.3-0.6 ms each.
 *
 * nft prints nothing when it accepts a line, so each batch is followed by a line that is a syntax
 * error and unique. The parser refuses it without touching the kernel and prints it on standard
 * error with a caret below (1.0.6 and 1.1.3); whatever stands before that belongs to the batch:
 * nothing means accepted.
 *
 * Never more than one batch is under way. After a deadline or a death the child is replaced, with
 * back-off; the caller sends the same batch by a fresh child, which is right because such batches
 * may be applied twice.
 */

import type { ChildProcess } from 'node:child_process';
import { inBackground } from '../core/background.js';
import { Backoff } from '../core/backoff.js';
import { OperatingError } from '../core/errors.js';
import { NFT_ERROR_BYTES_MAX, NFT_RESIDENT_BYTES_MAX } from '../core/limits.js';
import { NFT_RESIDENT_DEADLINE_MS } from '../core/timeouts.js';
import { type Command, deadline, start } from './spawn.js';

/** Pause before a new child after a failure: doubles from the first to the last, ms. */
const BACKOFF_MS = { first: 500, last: 60_000 } as const;
/** Longest wait for the end of a killed child, ms. */
const REAP_MS = 1_000;

interface Waiting {
  readonly token: string;
  readonly answer: (stderr: string) => void;
  readonly fail: (error: OperatingError) => void;
}

export interface NftSessionOptions {
  readonly command: Command;
  readonly deadlineMs?: number;
  /** Bytes after which the child is replaced. */
  readonly bytesMax?: number;
  readonly onStart?: (pid: number) => void;
  readonly onEnd?: (pid: number) => void;
  /** Called when a child died or was given up. */
  readonly onIll?: (reason: string) => void;
}

export class NftSession {
  readonly #options: NftSessionOptions;
  #child: ChildProcess | undefined;
  #stderr = '';
  #waiting: Waiting | undefined;
  #count = 0;
  #bytes = 0;
  readonly #backoff = new Backoff(BACKOFF_MS);
  #notBefore = 0;

  constructor(options: NftSessionOptions) {
    this.#options = options;
  }

  /** False while backing off after a failure. */
  get usable(): boolean {
    return this.#child !== undefined || performance.now() >= this.#notBefore;
  }

  /** The child's process id while it lives. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the child ahead of the first batch, so that this one need not wait for it. */
  warm(): void {
    if (this.#child === undefined && this.usable) this.#start();
  }

  /**
   * Sends one batch. Resolves with what nft said about it, '' when accepted. Throws OperatingError
   * `ERR_NFT_RESIDENT` when the child died or stalled: then it is unknown whether the batch was
   * applied, but it is certain that it will not be applied later.
   */
  send(line: string): Promise<string> {
    return this.#say(`${line}\n`);
  }

  /** Resolves when the child answers; throws as `send` does. The kernel is not asked. */
  async ping(): Promise<void> {
    await this.#say('');
  }

  async #say(text: string): Promise<string> {
    const bytesMax = this.#options.bytesMax ?? NFT_RESIDENT_BYTES_MAX;
    if (this.#bytes > 0 && this.#bytes + text.length > bytesMax) await this.close();
    const child = this.#child ?? this.#start();
    const token = `ack${++this.#count}`;
    this.#bytes += text.length + token.length + 1;
    const most = this.#options.deadlineMs ?? NFT_RESIDENT_DEADLINE_MS;
    let inTime: (() => void) | undefined;
    try {
      const said = await new Promise<string>((answer, fail) => {
        this.#waiting = { token, answer, fail };
        inTime = deadline(most, () => fail(ill(`gave no answer within ${most} ms`)));
        child.stdin?.write(`${text}${token}\n`);
      });
      this.#backoff.reset();
      return said;
    } catch (error) {
      await this.#giveUp(error instanceof Error ? error.message : String(error));
      throw error;
    } finally {
      inTime?.();
      this.#waiting = undefined;
    }
  }

  /** Ends the child; a later `send` starts another. */
  async close(): Promise<void> {
    const child = this.#forget();
    if (child === undefined) return;
    child.stdin?.end();
    if (!(await ended(child, REAP_MS))) {
      child.kill('SIGKILL');
      await ended(child, REAP_MS);
    }
  }

  #start(): ChildProcess {
    const child = start(this.#options.command, ['-j', '-i'], 'pipe', 'ignore');
    this.#child = child;
    this.#stderr = '';
    this.#bytes = 0;
    if (child.pid !== undefined) this.#options.onStart?.(child.pid);
    const fail = (reason: string) => {
      if (this.#child !== child) return;
      if (this.#waiting === undefined) inBackground(this.#giveUp(ill(reason).message));
      else this.#waiting.fail(ill(reason));
    };
    child.once('error', (error) => fail(`cannot be started: ${error.message}`));
    child.once('exit', (status, signal) => {
      if (child.pid !== undefined) this.#options.onEnd?.(child.pid);
      fail(`ended by itself (${signal ?? `status ${status}`})`);
    });
    // A child that died leaves a broken pipe; its exit says all there is to say.
    child.stdin?.on('error', () => undefined);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (this.#child !== child) return;
      this.#stderr += text;
      if (this.#stderr.length > NFT_ERROR_BYTES_MAX) fail('printed too much');
      else this.#look();
    });
    return child;
  }

  #look(): void {
    if (this.#waiting === undefined) {
      this.#stderr = '';
      return;
    }
    const at = this.#stderr.indexOf(`${this.#waiting.token}\n`);
    if (at < 0) return;
    // The caret's line ends the message about our line; the next answer begins after it.
    const caret = this.#stderr.indexOf('^\n', at);
    if (caret < 0) return;
    const before = this.#stderr.slice(0, at);
    this.#stderr = this.#stderr.slice(caret + 2);
    this.#waiting.answer(before.slice(0, Math.max(0, before.lastIndexOf('Error: syntax error'))));
  }

  async #giveUp(reason: string): Promise<void> {
    const child = this.#forget();
    const pause = this.#backoff.next();
    this.#notBefore = performance.now() + pause;
    this.#options.onIll?.(reason);
    if (child === undefined) return;
    child.kill('SIGKILL');
    // A batch that the child had begun must be over before the same one is sent another way.
    await ended(child, REAP_MS);
  }

  #forget(): ChildProcess | undefined {
    const child = this.#child;
    this.#child = undefined;
    return child;
  }
}

function ill(reason: string): OperatingError {
  return new OperatingError('ERR_NFT_RESIDENT', `the resident nft ${reason}`);
}

/** Resolves true when the child has ended, false when it has not within `ms`. */
function ended(child: ChildProcess, ms: number): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
    return Promise.resolve(true);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
