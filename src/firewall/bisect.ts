/**
 * A transaction is refused as a whole because of one bad change in it. Halving finds the bad ones: they are reported
 * with their reason and dropped, the rest is applied.
 */
import type { ElementChange, Refusal } from '../core/firewall.js';
import { NFT_BISECT_BATCHES_MAX } from '../core/limits.js';

/** Sends the changes in one transaction; undefined when accepted, otherwise the reason. */
export type SendChanges = (changes: readonly ElementChange[]) => Promise<string | undefined>;

/**
 * Applies all changes that can be applied. `reason` is why all of them together were refused. Transactions are
 * bounded; when the bound is reached, every part that was refused as a whole is reported so.
 */
export async function bisect(
  changes: readonly ElementChange[],
  reason: string,
  send: SendChanges,
  batchesMax: number = NFT_BISECT_BATCHES_MAX,
): Promise<Refusal[]> {
  const refused: Refusal[] = [];
  let left = batchesMax;
  const halve = async (part: readonly ElementChange[], why: string): Promise<void> => {
    if (part.length <= 1) {
      for (const change of part) refused.push({ change, reason: why });
      return;
    }
    const middle = part.length >> 1;
    for (const half of [part.slice(0, middle), part.slice(middle)]) {
      if (left-- <= 0) {
        for (const change of half) refused.push({ change, reason: `${why} (one of ${half.length}, not tried alone)` });
        continue;
      }
      const answer = await send(half);
      if (answer !== undefined) await halve(half, answer);
    }
  };
  await halve(changes, reason);
  return refused;
}
