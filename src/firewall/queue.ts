/**
 * The order of calls: one thing at a time, and calls of `apply` that wait behind one another are
 * carried out together. Bounded; a rejection reaches the callers of the calls it concerns and
 * nobody else.
 */
import { inBackground } from '../core/background.js';
import { OperatingError } from '../core/errors.js';

interface Joining<I, R> {
  readonly items: readonly I[];
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}
type Job<I, R> =
  | { readonly kind: 'alone'; readonly run: () => Promise<void> }
  | ({ readonly kind: 'join' } & Joining<I, R>);

export class Queue<I, R> {
  readonly #waitingMax: number;
  readonly #itemsMax: number;
  readonly #carryOut: (calls: readonly (readonly I[])[]) => Promise<readonly R[]>;
  #jobs: Job<I, R>[] = [];
  #running = false;
  #closed = false;

  /**
   * `carryOut` gets the items of one or more calls, together at most `itemsMax` unless it is one
   * call, and answers each.
   */
  constructor(
    waitingMax: number,
    itemsMax: number,
    carryOut: (calls: readonly (readonly I[])[]) => Promise<readonly R[]>,
  ) {
    this.#waitingMax = waitingMax;
    this.#itemsMax = itemsMax;
    this.#carryOut = carryOut;
  }

  /** Carries out `run` when everything before it is done, together with nothing else. */
  alone<T>(run: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#push({ kind: 'alone', run: () => run().then(resolve, reject) }, reject);
    });
  }

  /**
   * Carries out the items when everything before them is done, perhaps together with neighbours of
   * their kind.
   */
  join(items: readonly I[]): Promise<R> {
    return new Promise<R>((resolve, reject) =>
      this.#push({ kind: 'join', items, resolve, reject }, reject),
    );
  }

  /** Refuses every later call. */
  close(): void {
    this.#closed = true;
  }

  #push(job: Job<I, R>, reject: (error: unknown) => void): void {
    if (this.#closed) reject(new OperatingError('ERR_FIREWALL_CLOSED', 'the firewall is closed'));
    else if (this.#jobs.length >= this.#waitingMax) {
      reject(
        new OperatingError(
          'ERR_FIREWALL_BUSY',
          `${this.#waitingMax} calls are waiting for the firewall`,
        ),
      );
    } else {
      this.#jobs.push(job);
      if (!this.#running) inBackground(this.#work());
    }
  }

  async #work(): Promise<void> {
    this.#running = true;
    while (this.#jobs.length > 0) {
      const [first] = this.#jobs;
      if (first?.kind === 'alone') {
        this.#jobs.shift();
        await first.run();
      } else await this.#joined(this.#takeJoining());
    }
    this.#running = false;
  }

  #takeJoining(): Joining<I, R>[] {
    const taken: Joining<I, R>[] = [];
    let items = 0;
    for (const job of this.#jobs) {
      if (job.kind !== 'join' || (taken.length > 0 && items + job.items.length > this.#itemsMax))
        break;
      taken.push(job);
      items += job.items.length;
    }
    this.#jobs = this.#jobs.slice(taken.length);
    return taken;
  }

  async #joined(calls: readonly Joining<I, R>[]): Promise<void> {
    try {
      const results = await this.#carryOut(calls.map((call) => call.items));
      calls.forEach((call, index) => {
        const result = results[index];
        if (result === undefined) call.reject(new Error('bug: a call without an answer'));
        else call.resolve(result);
      });
    } catch (error) {
      for (const call of calls) call.reject(error);
    }
  }
}
