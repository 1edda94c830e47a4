/** Waiting for what another program has to get done, as long as it gets on. */
import type { SwitchHost } from './host.js';

/** Between two looks at what is waited for, ms. */
export const LOOK_MS = 200;
/** While fail2ban puts bans in force, one comes at least as often as this, ms. */
export const RESTORE_MS = 15_000;

/** Waits until `count` is nothing, or has not become less for some time; resolves with what is left. */
export async function countDown(
  host: Pick<SwitchHost, 'now' | 'pause'>,
  count: () => Promise<number>,
  patienceMs: number,
): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  let since = host.now();
  for (;;) {
    const left = await count();
    if (left === 0) return 0;
    if (left < least) {
      least = left;
      since = host.now();
    }
    if (host.now() - since > patienceMs) return left;
    await host.pause(LOOK_MS);
  }
}
