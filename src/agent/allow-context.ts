/** What is said while the ledger cannot be written. */
import type { AllowSnapshot } from '../allow/snapshot.js';
import { escapeUntrusted } from '../core/text.js';
import { LEDGER_SAVE_MS_MAX, LEDGER_SAVE_MS_MIN } from '../core/timeouts.js';
import type { AllowContext } from '../jail/judgement.js';
import type { Ledger } from '../ledger/ledger.js';

/**
 * What the jails ask of the allow stage: always the newest snapshot, and whether IPv6 matters at
 * all.
 */
export function allowContext(snapshot: () => AllowSnapshot, ipv6: () => boolean): AllowContext {
  return {
    allowed: (jail, address) =>
      address.family === 6 && !ipv6() ? 'allowipv6 = no' : snapshot().allows(jail, address)?.text,
    coversAllowed: (jail, prefix) => snapshot().overlaps(jail, prefix) !== undefined,
  };
}

export function unsavedWarning(path: string, reason: string): string {
  return `the ledger ${path} cannot be written (${escapeUntrusted(reason)}): bans go on, and what is decided is kept in memory until it can; make room, or make the directory writable, and do not restart the agent before`;
}

/** How long to wait after so many tries to write the ledger in vain, ms. */
export function savePause(tries: number): number {
  return Math.min(LEDGER_SAVE_MS_MAX, LEDGER_SAVE_MS_MIN * 2 ** tries);
}

/** For status: nothing, or the warning. */
export function unsavedWarnings({ path, unsaved }: Ledger): readonly string[] {
  return unsaved === undefined ? [] : [unsavedWarning(path, unsaved)];
}
