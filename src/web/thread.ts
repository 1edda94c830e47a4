/**
 * The page in a thread of its own: a search in 100,000 bans or a report holds up no mail server
 * that waits for the companion's answer, and what goes wrong in it ends nothing else.
 */
import { Worker } from 'node:worker_threads';
import type { ListenPlaces } from '../control/listen.js';
import { noteThread } from '../core/background.js';
import { OperatorError, type PackedError, unpackError } from '../core/errors.js';
import type { CountryFile } from './countries.js';
import type { WebView } from './web.js';

/** Old space of the thread, MiB: 200,000 bans take about 130, also while they are read anew. */
const HEAP_MIB = 192;
/** Its young space, MiB: what is read and dropped must not take 48, as V8 would let it. */
const YOUNG_MIB = 12;

/** Everything that the thread is told at its start. */
export interface WebWork {
  readonly places: ListenPlaces;
  readonly origin: string | null;
  readonly changes: boolean;
  /** By which it knows countries; null: by none. */
  readonly countries: CountryFile | null;
  readonly whatIfPath: string;
  /** The folders of the host, for the tools that it uses. */
  readonly paths: {
    readonly shipped: string;
    readonly config: string;
    readonly run: string;
    readonly state: string;
  };
}

/** What the thread can be asked for. */
export type WebOrder =
  | { readonly what: 'link'; readonly user: string | null }
  | { readonly what: 'what-if'; readonly advice: unknown }
  | { readonly what: 'stop' };

export type ToWeb = WebOrder & { readonly id: number };

export type FromWeb =
  | { readonly type: 'ready' | 'view'; readonly view: WebView }
  | { readonly type: 'log'; readonly line: string }
  | { readonly type: 'done'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: PackedError };

interface Waiting {
  readonly done: (value: unknown) => void;
  readonly failed: (error: unknown) => void;
}

export class WebThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #view: WebView | undefined;
  #id = 0;
  /** Why it has ended; undefined while it has not. */
  #end: { readonly trouble: unknown } | undefined;
  #isStopping = false;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /**
   * Starts the thread. Throws what it throws. `ended` is called once when it ends later without
   * having been stopped. `entry`: its file.
   */
  static start(
    entry: URL,
    work: WebWork,
    { log, ended }: { log: (line: string) => void; ended: (error: unknown) => void },
  ): Promise<WebThread> {
    noteThread();
    const worker = new Worker(entry, {
      workerData: work,
      name: 'web',
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    const thread = new WebThread(worker);
    return new Promise((resolve, reject) => {
      let isReady = false;
      let trouble: unknown = new OperatorError('its thread has ended');
      worker.on('message', (message: FromWeb) => {
        if (message.type === 'log') log(message.line);
        else if (message.type === 'failed' && message.id === 0)
          trouble = unpackError(message.error);
        else thread.#take(message);
        if (message.type !== 'ready') return;
        isReady = true;
        resolve(thread);
      });
      worker.on('error', (error) => {
        trouble = error;
      });
      worker.once('exit', () => {
        thread.#end = { trouble };
        for (const { failed } of thread.#waiting.values()) failed(trouble);
        thread.#waiting.clear();
        if (!isReady) reject(trouble);
        else if (!thread.#isStopping) ended(trouble);
      });
    });
  }

  get view(): WebView | undefined {
    return this.#view;
  }

  /** Rejects when it has ended: what it is told then nobody hears. */
  ask(order: WebOrder): Promise<unknown> {
    if (this.#end !== undefined) return Promise.reject(this.#end.trouble);
    const id = ++this.#id;
    return new Promise((done, failed) => {
      this.#waiting.set(id, { done, failed });
      this.#worker.postMessage({ ...order, id } satisfies ToWeb);
    });
  }

  /** Resolves when it has ended. Never throws. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.ask({ what: 'stop' }).catch(() => undefined);
    await this.#worker.terminate();
  }

  #take(message: Exclude<FromWeb, { type: 'log' }>): void {
    if (!('id' in message)) {
      this.#view = message.view;
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.type === 'done') waiting?.done(message.value);
    else waiting?.failed(unpackError(message.error));
  }
}
