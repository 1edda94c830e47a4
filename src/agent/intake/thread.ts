/** The intake thread as the main thread sees it: start, credits, heartbeat, end. */

import { Worker } from 'node:worker_threads';
import { EventDescriptor } from '../../../native/libc.js';
import { inBackground, noteThread } from '../../core/background.js';
import type { JailIntake } from '../../core/specs.js';
import { type PackedFromIntake, unpackMessage } from './packed-events.js';
import {
  type Credited,
  Credits,
  type FromIntake,
  type IntakePlan,
  type IntakeWork,
  type ToIntake,
} from './protocol.js';

/** Old space of the thread, MiB: batches and sessions are bounded, so this is generous. */
const THREAD_HEAP_MIB_MAX = 128;
/**
 * Young space of the thread, MiB: three semi-spaces. What outlives a batch is rare, and what it
 * once grew to stays.
 */
const THREAD_YOUNG_MIB_MAX = 6;
/**
 * The same for a replay, which reads without a pause: it is collected half as often and thrown away
 * at the end.
 */
const REPLAY_YOUNG_MIB_MAX = 24;
const OWN_ENTRY = new URL('./worker.js', import.meta.url);

/** A thread that follows its source and has no plan yet; see `prepareThread`. */
let spare: { readonly entry: string; readonly worker: Worker } | undefined;

/**
 * Starts a thread ahead of its plan: it loads its modules while this one loads its own and reads
 * the configuration. The next that follows a source is made of it. `entry` as for `IntakeThread`.
 */
export function prepareThread(entry = OWN_ENTRY): void {
  const worker = makeWorker(entry, true);
  spare = { entry: entry.href, worker };
  // One that dies is not handed out; whoever starts a thread makes another and hears why.
  worker.on('error', () => undefined);
  worker.once('exit', () => {
    if (spare?.worker === worker) spare = undefined;
  });
}

/** Lets that thread compile the filters that its plan will ask for; nothing without one. */
export function prepareFilters(jails: readonly JailIntake[]): void {
  spare?.worker.postMessage({ type: 'filters', jails } satisfies ToIntake);
}

/**
 * Lets the thread of `prepareThread` end when nobody has taken it; false when there is none. It
 * ends itself once its modules are loaded: a thread that is terminated while it loads koffi takes
 * the process with it (napi_throw fails there).
 */
export function dismissThread(): boolean {
  if (spare === undefined) return false;
  spare.worker.postMessage({ type: 'stop' } satisfies ToIntake);
  spare.worker.unref();
  spare = undefined;
  return true;
}

function makeWorker(entry: URL, follow: boolean): Worker {
  noteThread();
  return new Worker(entry, {
    name: 'intake',
    resourceLimits: {
      maxOldGenerationSizeMb: THREAD_HEAP_MIB_MAX,
      maxYoungGenerationSizeMb: follow ? THREAD_YOUNG_MIB_MAX : REPLAY_YOUNG_MIB_MAX,
    },
  });
}

/** The thread that was prepared where it will do, else a new one. */
function takeWorker(entry: URL, follow: boolean): Worker {
  if (spare?.entry !== entry.href || !follow) return makeWorker(entry, follow);
  const { worker } = spare;
  spare = undefined;
  return worker;
}

export interface IntakeListener {
  /** Called for every message, in order. */
  message(message: FromIntake): void;
  /** The thread has ended: of itself, after `stop`, or by an error that it could not report. */
  exit(error: Error | undefined): void;
}

export class IntakeThread {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  /**
   * Tells a thread that waits in C of a message; a replay does not wait. Closed when the thread is
   * gone, never before.
   */
  readonly #orders: EventDescriptor | undefined;
  readonly #credits = new Credits();
  #pings = new Map<number, () => void>();
  #pingId = 0;

  /** `entry`: only tests name another than the intake's own. */
  constructor(plan: IntakePlan, listener: IntakeListener, entry = OWN_ENTRY) {
    this.#orders = plan.follow ? new EventDescriptor() : undefined;
    const work: IntakeWork = {
      plan,
      credits: this.#credits.shared,
      ...(this.#orders === undefined ? {} : { orders: this.#orders.number }),
    };
    this.#worker = takeWorker(entry, plan.follow);
    let error: Error | undefined;
    this.#worker.on('error', (cause) => {
      error = cause as Error;
    });
    this.#worker.on('message', (message: PackedFromIntake) => {
      if (message.type === 'pong') {
        this.#pings.get(message.id)?.();
        this.#pings.delete(message.id);
      } else listener.message(unpackMessage(message));
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#orders?.close();
        listener.exit(error);
        resolve();
      });
    });
    this.#say({ type: 'plan', work });
  }

  /** A batch has been committed, or one of the edge judged: the thread may send another. */
  credit(of: Credited = 'batch'): void {
    if (this.#credits.give(of)) this.#say({ type: 'credit' });
  }

  /** True when the thread answers within `milliseconds`. */
  async ping(milliseconds: number): Promise<boolean> {
    const id = ++this.#pingId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#pings.delete(id);
        resolve(false);
      }, milliseconds);
      this.#pings.set(id, () => {
        clearTimeout(timer);
        resolve(true);
      });
      this.#say({ type: 'ping', id });
    });
  }

  /**
   * Ends the thread; true when it is gone. One that does not end within `milliseconds` is
   * terminated, and one that does not end then either is left behind: it is in a call that nobody
   * can end, or V8 waits for itself (see `noteThread` in core/background).
   */
  async stop(milliseconds: number): Promise<boolean> {
    this.#say({ type: 'stop' });
    if (await this.#endsWithin(milliseconds)) return true;
    inBackground(this.#worker.terminate());
    if (await this.#endsWithin(milliseconds)) return true;
    this.#worker.unref();
    return false;
  }

  async #endsWithin(milliseconds: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), milliseconds);
    });
    const inTime = await Promise.race([this.#ended.then(() => true), late]);
    clearTimeout(timer);
    return inTime;
  }

  #say(message: ToIntake): void {
    this.#worker.postMessage(message);
    this.#orders?.signal();
  }
}
