/**
 * The bound on regexes: V8 has no time limit of its own, but the `vm` module can end a running script, and with it any
 * regex that the script's call is stuck in, after some milliseconds; the process goes on. Measured: 125-165 us per
 * guarded call, so a whole batch is judged in one.
 */
import { createContext, Script } from 'node:vm';

const CALL = new Script('run()', { filename: 'guard' });
/** One for all calls: making a context costs as much as the call. */
const CONTEXT: { run: () => void } = createContext({ run: () => undefined }) as { run: () => void };

/** Runs `run` for at most `milliseconds`; false when it was ended. Whatever `run` throws is thrown on. */
export function guard(run: () => void, milliseconds: number): boolean {
  CONTEXT.run = run;
  try {
    CALL.runInContext(CONTEXT, { timeout: milliseconds });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
    throw error;
  }
}
