/** How V8 is to collect what the intake leaves behind. */
import { setFlagsFromString } from 'node:v8';

/**
 * Everything new in the young space. By default V8 notes where much was alive when it collected, which for entries is
 * the chance of a batch being under way, and puts what is made there into the old space at once; dead, it keeps alive
 * what it points to until the old space is collected. Without, collecting takes half the time and filtering a fifth
 * less (a million entries of a mail server: 0.8 s instead of 1.0 s). For the whole process; to be called early.
 */
export function keepYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
