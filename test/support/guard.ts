/**
 * The regex guard as the daemon has it: V8 stops the code after so many milliseconds, wherever it
 * is.
 */
import vm from 'node:vm';
import type { Guard } from '../../src/filter/regex-guard.js';

const KEY = '__banjourGuarded';
const script = new vm.Script(`globalThis.${KEY}()`);
// Under jest `globalThis` is that of the test file, but the script runs in the context of the
// process.
const slot = vm.runInThisContext('globalThis') as Record<string, () => void>;

export const vmGuard: Guard = (run, milliseconds) => {
  slot[KEY] = run;
  try {
    script.runInThisContext({ timeout: milliseconds });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
    throw error;
  }
};

/** No guard at all, for tests whose regexes are harmless. */
export const noGuard: Guard = (run) => {
  run();
  return true;
};
