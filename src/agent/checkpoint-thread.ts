/**
 * The ledger's write-ahead log goes into its file in a thread of its own, which waits for the disk;
 * the main thread goes on banning.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { messageOf, OperatingError } from '../core/errors.js';
import { LEDGER_CHECKPOINT_DEADLINE_MS } from '../core/timeouts.js';
import { checkpointLedger } from '../ledger/open.js';
import { askThread } from './probe/thread.js';

const TASK = 'checkpoint';

interface CheckpointPlan {
  /** Tells this thread from others that load this file. */
  readonly task: typeof TASK;
  readonly path: string;
}

export interface Checkpoint {
  /** In the log when it began. */
  readonly pages: number;
  /** What the disk took for it. */
  readonly milliseconds: number;
}

type Answer = Checkpoint | { readonly problem: string };

/**
 * Rejects with `OperatingError`. `lost` is called when the thread does not end afterwards; only
 * tests have another `entry`.
 */
export async function checkpointInThread(
  path: string,
  lost: () => void,
  entry = new URL(import.meta.url),
): Promise<Checkpoint> {
  const plan: CheckpointPlan = { task: TASK, path };
  const answer = await askThread<Answer>({
    entry,
    name: TASK,
    work: plan,
    deadlineMs: LEDGER_CHECKPOINT_DEADLINE_MS,
    lost,
  });
  if ('problem' in answer) throw new OperatingError('ERR_LEDGER_CHECKPOINT', answer.problem);
  return answer;
}

function answerOf({ path }: CheckpointPlan): Answer {
  try {
    const began = performance.now();
    const pages = checkpointLedger(path);
    return { pages, milliseconds: performance.now() - began };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

if (!isMainThread && (workerData as Partial<CheckpointPlan> | null)?.task === TASK)
  parentPort?.postMessage(answerOf(workerData as CheckpointPlan));
