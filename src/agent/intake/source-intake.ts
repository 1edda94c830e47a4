/**
 * One source and its intake thread, as the agent sees them: messages in order into the pipeline. A
 * source that cannot be read (not there yet, gone, no permission) waits and is tried again for
 * ever, alone: the others go on. A thread that died is started again at the stored position; three
 * deaths are one too many.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { pauseAfter } from '../../core/backoff.js';
import type { FilterEvent } from '../../core/decision.js';
import type { SourceSpec } from '../../core/entry.js';
import { messageOf, OperatingError, OperatorError, unpackError } from '../../core/errors.js';
import type { Log } from '../../core/log.js';
import type { SourceId } from '../../core/names.js';
import { BATCHES_UNDER_WAY_MAX, READER_RESTARTS_MAX } from '../../core/service-limits.js';
import type { JailIntake } from '../../core/specs.js';
import { plus, wallClock } from '../../core/time.js';
import { SOURCE_RETRY_MS_MAX, SOURCE_RETRY_MS_MIN } from '../../core/timeouts.js';
import type { Pipeline } from '../pipeline.js';
import type { FromIntake, IntakePhase, IntakePlan, IntakeStart, IntakeStats } from './protocol.js';
import { type IntakeListener, IntakeThread } from './thread.js';

/** Pause before a restart, ms: whatever broke the thread may still be going on. */
const RESTART_MS = 500;
/** A thread that does not end within twice this time is left behind, ms. */
const RENEW_STOP_MS = 3_000;
/** This process, whose own log lines are not judged. */
const SELF = { pid: process.pid, since: plus(wallClock.now(), -process.uptime()) };
/** A batch that gives way is followed by a pause of so many times what it took. */
const GIVE_WAY = 3;

export interface SourceIntakeOptions {
  readonly id: SourceId;
  readonly source: SourceSpec;
  readonly jails: readonly JailIntake[];
  /** Asked at every start of the thread: the stored position moves. */
  readonly start: () => IntakeStart;
  /** True while this thread has something more urgent to do than to judge stored entries. */
  readonly givesWay?: () => boolean;
  /** Stored entries are judged from then on: what the ledger knows of them is told. */
  readonly told?: Promise<void>;
  /** Tells what the ledger knows of those at the edge, who do not wait for all of it. */
  readonly tellOf?: (events: readonly FilterEvent[]) => void;
  /** Makes the thread; only tests have another than the intake's own. */
  readonly makeThread?: (plan: IntakePlan, listener: IntakeListener) => SourceThread;
}

/** What of a thread its source uses. */
export type SourceThread = Pick<IntakeThread, 'credit' | 'ping' | 'stop'>;

export class SourceIntake {
  readonly id: SourceId;
  readonly jails: readonly JailIntake[];
  readonly source: SourceSpec;
  readonly #options: SourceIntakeOptions;
  readonly #pipeline: Pipeline;
  readonly #log: Log;
  #thread: SourceThread;
  #queue: Promise<void>;
  /**
   * Batches of the edge, beside the others: whoever attacks now does not wait until the stored
   * entries before them are judged.
   */
  #edgeQueue: Promise<void> = Promise.resolve();
  #stopped = false;
  #restarts = 0;
  #generation = 0;
  #reject: (error: Error) => void = () => undefined;
  #resolveOpened: () => void = () => undefined;
  /** Resolves when the source was opened for the first time; rejects when the first try fails. */
  readonly opened: Promise<void>;
  #refuse: (error: Error) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #tries = 0;
  /**
   * The thread that is ending is to be followed by another: it said that the source cannot be read,
   * or does not see it.
   */
  #failed = false;
  /** Why the source cannot be read at the moment. */
  problem: string | undefined;
  /** Rejects when the source cannot be read any more. */
  readonly failure: Promise<never>;
  phase: IntakePhase = 'opening';
  stats: IntakeStats | undefined;
  gaps = 0;

  constructor(options: SourceIntakeOptions, pipeline: Pipeline, log: Log) {
    this.id = options.id;
    this.jails = options.jails;
    this.source = options.source;
    this.#options = options;
    this.#pipeline = pipeline;
    this.#log = log;
    this.failure = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.opened = Promise.race([
      new Promise<void>((resolve, reject) => {
        this.#resolveOpened = resolve;
        this.#refuse = reject;
      }),
      this.failure,
    ]);
    // Nobody need wait for it.
    this.opened.catch(() => undefined);
    this.#thread = this.#launch();
    this.#queue = (options.told ?? Promise.resolve()).catch((error: unknown) => {
      // What was settled would count once more.
      this.#generation++;
      this.#fail(error);
    });
  }

  ping(milliseconds: number): Promise<boolean> {
    return this.phase === 'ended' || this.phase === 'waiting'
      ? Promise.resolve(true)
      : this.#thread.ping(milliseconds);
  }

  /**
   * Resolves when the thread is gone and what it said is done: true. False when it does not
   * end: its messages are ignored from then on, and its memory stays taken.
   */
  async stop(milliseconds: number): Promise<boolean> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const isGone = await this.#thread.stop(milliseconds);
    await Promise.all([this.#queue, this.#edgeQueue]);
    if (isGone) return true;
    this.#generation++;
    this.#log('error', `${this.id}: the reader's thread does not end: it is left behind`);
    return false;
  }

  /**
   * Lets another thread with a handle of its own take over at the stored position: this one does
   * not see what is there. A file that libsystemd could not open when it came, for want of
   * descriptors or memory, is not tried again by itself.
   */
  async renew(): Promise<void> {
    if (this.#stopped || this.phase !== 'live') return;
    this.#failed = true;
    if (await this.#thread.stop(RENEW_STOP_MS)) return;
    this.#fail(new Error(`${this.id}: the reader's thread does not end: starting anew`));
  }

  #launch(): SourceThread {
    const { id, source, jails, start, makeThread = intakeThread } = this.#options;
    const generation = ++this.#generation;
    return makeThread(
      { id, source, jails, start: start(), follow: true, self: SELF },
      {
        message: (message) => {
          const handled = (queue: Promise<void>) =>
            queue
              .then(() => this.#handle(message, generation))
              .catch((error: unknown) => this.#fail(error));
          if (message.type === 'edge') this.#edgeQueue = handled(this.#edgeQueue);
          else this.#queue = handled(this.#queue);
        },
        exit: (error) => {
          this.#queue = this.#queue.then(() => this.#exited(error));
        },
      },
    );
  }

  async #handle(message: FromIntake, generation: number): Promise<void> {
    if (generation !== this.#generation) return;
    switch (message.type) {
      case 'opened':
        this.#readable();
        if (message.gap) {
          this.gaps++;
          this.#log(
            'warning',
            `${this.id}: the stored position is gone from the journal (vacuumed?): entries may be missing`,
          );
        }
        this.#resolveOpened();
        return;
      case 'batch': {
        const begun = performance.now();
        await this.#pipeline.take(this.id, message);
        if (this.#pipeline.underWay > BATCHES_UNDER_WAY_MAX) await this.#pipeline.idle();
        this.#enter(message.phase);
        if (this.#options.givesWay?.() === true)
          await sleep(GIVE_WAY * (performance.now() - begun));
        this.#thread.credit();
        return;
      }
      case 'edge':
        // Behind the end of the stored entries all of it was judged in its turn.
        if (this.phase !== 'live') {
          this.#options.tellOf?.([...message.warm, ...message.events]);
          this.#pipeline.takeEdge(this.id, message);
        }
        if (this.#pipeline.underWay > BATCHES_UNDER_WAY_MAX) await this.#pipeline.idle();
        this.#thread.credit('edge');
        return;
      case 'stats':
        this.stats = message.stats;
        this.#enter(message.stats.phase);
        return;
      case 'notice':
        return this.#log(message.level, message.message);
      case 'ended':
        this.phase = 'ended';
        return;
      case 'failed': {
        const error = unpackError(message.error);
        if (error instanceof OperatorError || error instanceof OperatingError)
          this.#unreadable(error);
        else this.#log('error', `${this.id}: the reader failed: ${error.stack ?? error.message}`);
        return;
      }
      case 'pong':
        return;
    }
  }

  #enter(phase: IntakePhase): void {
    if (phase === this.phase) return;
    this.phase = phase;
    if (phase === 'live') this.#log('info', `${this.id}: reached the end of the journal; watching`);
  }

  /** The source cannot be read: its thread is ending of itself, and another will try. Told once. */
  #unreadable(error: OperatorError | OperatingError): void {
    const hint =
      error instanceof OperatorError && error.hint !== undefined ? ` (${error.hint})` : '';
    const problem = `${error.message}${hint}`;
    if (problem !== this.problem)
      this.#log(
        'error',
        `${this.id} cannot be read: ${problem}; it is tried again, and other sources go on`,
      );
    this.problem = problem;
    this.phase = 'waiting';
    this.#failed = true;
    this.#refuse(error);
  }

  #readable(): void {
    if (this.problem !== undefined) this.#log('notice', `${this.id} can be read now`);
    this.problem = undefined;
    this.phase = 'opening';
    this.#tries = 0;
  }

  #exited(error: Error | undefined): void {
    if (this.#stopped || this.phase === 'ended') return;
    if (this.#failed) {
      this.#failed = false;
      this.#launchIn(retryPause(this.#tries++));
      return;
    }
    if (error !== undefined) this.#log('error', `${this.id}: the reader died: ${messageOf(error)}`);
    if (++this.#restarts > READER_RESTARTS_MAX)
      this.#fail(new Error(`${this.id}: the reader died ${this.#restarts} times`));
    else this.#launchIn(RESTART_MS);
  }

  #launchIn(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      if (!this.#stopped) this.#thread = this.#launch();
    }, milliseconds);
  }

  #fail(error: unknown): void {
    this.#stopped = true;
    this.#reject(error instanceof Error ? error : new Error(messageOf(error)));
  }
}

function intakeThread(plan: IntakePlan, listener: IntakeListener): SourceThread {
  return new IntakeThread(plan, listener);
}

/** How long a source waits that could not be read for so many tries before this one, ms. */
export function retryPause(tries: number): number {
  return pauseAfter(tries, { first: SOURCE_RETRY_MS_MIN, last: SOURCE_RETRY_MS_MAX });
}
