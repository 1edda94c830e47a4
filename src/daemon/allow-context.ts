import type { AllowSnapshot } from '../allow/snapshot.js';
import type { AllowContext } from '../jail/verdict.js';

/** What the jails ask of the allow stage: always the newest snapshot, and whether IPv6 matters at all. */
export function allowContext(snapshot: () => AllowSnapshot, ipv6: () => boolean): AllowContext {
  return {
    allowed: (jail, address) =>
      address.family === 6 && !ipv6() ? 'allowipv6 = no' : snapshot().allows(jail, address)?.text,
    coversAllowed: (jail, prefix) => snapshot().overlaps(jail, prefix) !== undefined,
  };
}
