/**
 * The ledger's write-ahead log goes into its file in a thread of its own, which waits for the disk;
 * the main thread goes on banning.
 */
import { OperatingError } from '../core/errors.js';
import { LEDGER_CHECKPOINT_DEADLINE_MS } from '../core/timeouts.js';
import { checkpointLedger } from '../ledger/open.js';
import { answerTask, askTask, type ThreadTask } from './probe/thread.js';

const TASK = 'checkpoint';

interface CheckpointPlan extends ThreadTask {
  readonly path: string;
}

export interface Checkpoint {
  /** In the log when it began. */
  readonly pages: number;
  /** What the disk took for it. */
  readonly milliseconds: number;
}

/**
 * Rejects with `OperatingError`. `lost` is called when the thread does not end afterwards; only
 * tests have another `entry`.
 */
export function checkpointInThread(
  path: string,
  lost: () => void,
  entry = new URL(import.meta.url),
): Promise<Checkpoint> {
  const work: CheckpointPlan = { task: TASK, path };
  return askTask(
    { entry, name: TASK, work, deadlineMs: LEDGER_CHECKPOINT_DEADLINE_MS, lost },
    (problem) => new OperatingError('ERR_LEDGER_CHECKPOINT', problem),
  );
}

answerTask(TASK, ({ path }: CheckpointPlan): Checkpoint => {
  const began = performance.now();
  const pages = checkpointLedger(path);
  return { pages, milliseconds: performance.now() - began };
});
