/**
 * The bound on regexes: V8 has no time limit of its own, but a running script can be ended from
 * outside, and with it any regex that its call is stuck in; the process goes on. Two ways lead
 * there:
 *
 * - the inspector protocol's `Runtime.evaluate` with `timeout` (V8's own timer, a task of the
 *   platform's threads): 20-35 us per call, and no wait for another thread. The session is of this
 *   thread alone; nothing listens anywhere.
 * - `vm` with `timeout` where Node was built without inspector: starts and joins a thread for every
 *   call, 90-165 us, and several milliseconds where the processors are busy, as they are under
 *   attack.
 *
 * Both know the wall's time alone. On a busy machine a harmless regex has its limit pass while
 * others have the processor, so a limit counts only when the thread itself had the processor for
 * most of it.
 */
import { createRequire } from 'node:module';
import { createContext, runInThisContext, Script } from 'node:vm';
import { threadClock } from '../../../native/libc.js';
import { REGEX_WAIT_MS_MAX } from '../../core/timeouts.js';

/**
 * Runs `run` for at most `milliseconds`; false when it was ended. Whatever `run` throws is thrown
 * on.
 */
export type GuardCall = (run: () => void, milliseconds: number) => boolean;

let guards = 0;

/** The guard by the inspector; undefined where Node has none. */
export function inspectorGuard(): GuardCall | undefined {
  if (process.features.inspector !== true) return undefined;
  const { Session } = createRequire(import.meta.url)(
    'node:inspector',
  ) as typeof import('node:inspector');
  const session = new Session();
  session.connect();
  let work: () => void = () => undefined;
  let done = false;
  let thrown: { readonly error: unknown } | undefined;
  const call = () => {
    try {
      work();
    } catch (error) {
      thrown = { error };
    }
    done = true;
  };
  // What is evaluated finds the function by its name only.
  const name = `__banjourGuarded${++guards}`;
  Object.defineProperty(runInThisContext('globalThis'), name, { value: call, configurable: true });
  const finished = () => undefined;
  return (run, milliseconds) => {
    work = run;
    done = false;
    thrown = undefined;
    session.post(
      'Runtime.evaluate',
      { expression: `${name}()`, timeout: milliseconds, silent: true },
      finished,
    );
    if (thrown !== undefined) throw (thrown as { readonly error: unknown }).error;
    return done;
  };
}

/** The guard by `vm`. */
export function vmGuard(): GuardCall {
  const script = new Script('run()', { filename: 'guard' });
  // One for all calls: making a context costs as much as the call.
  const context = createContext({ run: () => undefined }) as { run: () => void };
  return (run, milliseconds) => {
    context.run = run;
    try {
      script.runInContext(context, { timeout: milliseconds });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
      throw error;
    }
  };
}

/** This much of the limit counts as all of it: timers and clocks differ a little. */
const USED_SHARE = 0.8;

/**
 * A guard whose limit is of the processor's time that this thread has had, by `clock` (ms). Where
 * the wall's time was over before, the work is run again and given twice as long, until that is
 * `REGEX_WAIT_MS_MAX`: then it is ended in any case. The work must be of a kind that may be ended
 * anywhere and run again.
 */
export function processorGuard(call: GuardCall, clock: () => number): GuardCall {
  return (run, milliseconds) => {
    for (let wall = milliseconds; ; wall *= 2) {
      const before = clock();
      if (call(run, wall)) return true;
      if (clock() - before >= milliseconds * USED_SHARE || wall >= REGEX_WAIT_MS_MAX) return false;
    }
  };
}

let chosen: GuardCall | undefined;

/** The guard of this thread; made when it is first needed. */
export function guard(run: () => void, milliseconds: number): boolean {
  chosen ??= processorGuard(inspectorGuard() ?? vmGuard(), threadClock());
  return chosen(run, milliseconds);
}
