/**
 * Has logins of the past read for jails that weigh and know nothing yet, in a thread beside the
 * readers. What it finds goes into the evidence and into the ledger, so it happens once.
 */
import { Worker } from 'node:worker_threads';
import { trimHeap } from '../../../native/libc.js';
import { inBackground, noteThread } from '../../core/background.js';
import { messageOf, type PackedError, unpackError } from '../../core/errors.js';
import type { Log } from '../../core/log.js';
import { counted } from '../../core/text.js';
import { wallClock } from '../../core/time.js';
import type { Jails } from '../../jail/jails.js';
import type { AllowContext } from '../../jail/judgement.js';
import type { Ledger } from '../../ledger/ledger.js';
import { type AgentSetup, bySource, creditOf } from '../../setup/setup.js';
import { hasPast, type PastPlan, type PastStep } from './past-logins.js';

const DAY = 86_400;
/** Memory of the thread, MiB. */
const HEAP_MIB = 96;
const YOUNG_MIB = 6;

/** What the thread says. */
export type FromPast =
  | ({ readonly type: 'step' } & PastStep)
  | { readonly type: 'failed'; readonly error: PackedError };

export interface LearnerDeps {
  readonly jails: Jails;
  readonly ledger: Ledger;
  readonly allow: AllowContext;
  readonly log: Log;
}

export class PastLearner {
  readonly #parts: LearnerDeps;
  #worker: Worker | undefined;
  #isStopped = false;
  #gone: Promise<void> = Promise.resolve();

  constructor(parts: LearnerDeps) {
    this.#parts = parts;
  }

  /**
   * What is to be read: nothing unless a jail weighs and the ledger has nothing for it. Call it
   * before the readers begin.
   */
  plan(setup: AgentSetup): PastPlan | undefined {
    const { ledger } = this.#parts;
    if (this.#worker !== undefined || !ledger.attempts.isEmpty()) return undefined;
    const plan = planOf(setup);
    return plan.sources.length === 0 || plan.days === 0 ? undefined : plan;
  }

  /** Reads in the background; nothing where there is no plan. */
  start(plan: PastPlan | undefined): void {
    if (plan === undefined || this.#isStopped) return;
    const { log } = this.#parts;
    let [read, logins] = [0, 0];
    let failure: Error | undefined;
    noteThread();
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: plan,
      name: 'past logins',
      resourceLimits: {
        maxOldGenerationSizeMb: HEAP_MIB,
        maxYoungGenerationSizeMb: YOUNG_MIB,
      },
    });
    worker.unref();
    this.#worker = worker;
    worker.on('error', (error) => {
      failure = error as Error;
    });
    worker.on('message', (message: FromPast) => {
      if (this.#isStopped) return;
      if (message.type === 'failed') failure = unpackError(message.error);
      else {
        read += message.read;
        logins += this.#learn(message);
      }
    });
    this.#gone = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#worker = undefined;
        trimHeap();
        resolve();
        if (this.#isStopped) return;
        const known = `${counted(logins, 'login')} of the last ${counted(plan.days, 'day')} (${counted(read, 'entry', 'entries')} read)`;
        if (failure === undefined) log('info', `learnt from the journal: ${known}`);
        else
          log(
            'warning',
            `logins of the past cannot be read: ${messageOf(failure)}; known are ${known}, and those from now on`,
          );
      });
    });
  }

  /** Resolves when the thread is gone, or after `milliseconds`. */
  async stop(milliseconds: number): Promise<void> {
    this.#isStopped = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.postMessage('stop');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([this.#gone, late]);
    clearTimeout(timer);
    if (this.#worker !== undefined) inBackground(worker.terminate());
  }

  /** Takes logins in; how many were new. A restart, too, must know since when there are some. */
  #learn({ logins, first }: PastStep): number {
    const { jails, ledger, allow } = this.#parts;
    const fresh = jails.learn(logins, allow);
    const attempts = [...new Set([...fresh, ...jails.learn(first, allow, 'all')])];
    if (attempts.length > 0) ledger.commit({ decisions: [], attempts });
    return fresh.length;
  }
}

function planOf(setup: AgentSetup): PastPlan {
  const weighing = new Set(
    setup.jails
      .filter(({ policy }) => policy.counts === 'evidence')
      .map(({ policy }) => policy.jail),
  );
  const grouped = setup.jails.filter(
    ({ policy, source }) =>
      policy.group !== undefined &&
      weighing.has(policy.group) &&
      source !== undefined &&
      hasPast(source),
  );
  return {
    sources: [...bySource(grouped)].map(([id, { source, jails }]) => ({ id, source, jails })),
    until: wallClock.now(),
    days: Math.ceil(creditOf(setup.jails) / DAY),
  };
}
