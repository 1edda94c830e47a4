/** The thread of a probe: a look, an answer, and it is gone with all that it took. */

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { trimHeap } from '../../../native/libc.js';
import { inBackground, noteThread } from '../../core/background.js';
import { messageOf } from '../../core/errors.js';
import { PROBE_DEADLINE_MS } from '../../core/timeouts.js';
import type { CopyReport } from './copies.js';
import type { ProbePlan, ProbeReport } from './probe.js';

/** Young space of the thread, MiB: what a look makes is thrown away with it. */
const YOUNG_MIB_MAX = 6;
/**
 * The thread ends within this once it has answered, ms. It may never end: V8's threads can wait
 * for one another (see `hasHadThreads`).
 */
const END_MS = 10_000;

/** What the thread sends. */
export interface ProbeAnswer {
  readonly report: ProbeReport;
  readonly isVolatile: boolean;
  readonly copies?: readonly CopyReport[];
}

/** What only tests have otherwise. */
export interface ThreadTest {
  readonly entry?: URL;
  readonly endMs?: number;
}

/** A thread that gives one answer. */
export interface ThreadQuestion {
  /** Its file. */
  readonly entry: URL;
  readonly name: string;
  /** Its `workerData`. */
  readonly work: unknown;
  readonly deadlineMs: number;
  /** Called when it does not end after its answer, or after the deadline. */
  readonly lost: () => void;
  readonly endMs?: number;
}

/**
 * Carries out a probe in a thread of its own. `lost` is called when the thread does not end
 * afterwards.
 */
export function probeInThread(
  plan: ProbePlan,
  lost: () => void,
  test: ThreadTest = {},
): Promise<ProbeAnswer> {
  return askThread<ProbeAnswer>({
    entry: test.entry ?? new URL('./worker.js', import.meta.url),
    name: 'probe',
    work: plan,
    deadlineMs: PROBE_DEADLINE_MS,
    lost,
    ...(test.endMs === undefined ? {} : { endMs: test.endMs }),
  });
}

/** Starts a thread, resolves with the first message that it sends, and sees to its end. */
function askThread<A>(question: ThreadQuestion): Promise<A> {
  const { entry, name, work, deadlineMs, lost, endMs = END_MS } = question;
  noteThread();
  return new Promise((resolve, reject) => {
    const worker = new Worker(entry, {
      workerData: work,
      name,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB_MAX },
    });
    worker.unref();
    let timer = setTimeout(() => {
      reject(new Error(`no answer within ${deadlineMs} ms`));
      inBackground(worker.terminate());
      expectEnd();
    }, deadlineMs);
    timer.unref();
    const expectEnd = () => {
      clearTimeout(timer);
      timer = setTimeout(lost, endMs);
      timer.unref();
    };
    worker.once('message', (answer: A) => {
      resolve(answer);
      expectEnd();
    });
    worker.once('error', reject);
    worker.once('exit', () => {
      clearTimeout(timer);
      trimHeap();
      reject(new Error(`the ${name} ended without an answer`));
    });
  });
}

/** What a thread is to do. `task` tells it from others that load its file. */
export interface ThreadTask {
  readonly task: string;
}

type TaskAnswer<V> = { readonly value: V } | { readonly problem: string };

/** Asks a thread that answers with `answerTask`; rejects with what `failed` makes of a problem. */
export async function askTask<V>(
  question: Omit<ThreadQuestion, 'work'> & { readonly work: ThreadTask },
  failed: (problem: string) => Error,
): Promise<V> {
  const answer = await askThread<TaskAnswer<V>>(question);
  if ('problem' in answer) throw failed(answer.problem);
  return answer.value;
}

/** In a thread that was asked for this task: does it and answers. Elsewhere nothing. */
export function answerTask<P extends ThreadTask, V>(task: P['task'], work: (plan: P) => V): void {
  const plan = workerData as P | null;
  if (isMainThread || plan?.task !== task) return;
  let answer: TaskAnswer<V>;
  try {
    answer = { value: work(plan) };
  } catch (error) {
    answer = { problem: messageOf(error) };
  }
  parentPort?.postMessage(answer);
}
