import type { AllowSnapshot } from '../allow/snapshot.js';
import type { AllowContext } from '../jail/verdict.js';

/** What the jails ask of the allow stage: always the newest snapshot. */
export function allowContext(snapshot: () => AllowSnapshot): AllowContext {
  return {
    allowed: (jail, address) => snapshot().allows(jail, address)?.text,
    coversAllowed: (jail, prefix) => snapshot().overlaps(jail, prefix) !== undefined,
  };
}
