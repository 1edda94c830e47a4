/** How long bans took: finds the entry that decided each of them. */
import { formatPrefix, type Prefix } from '../core/address.js';
import type { BanRecord } from '../core/decision.js';
import type { EpochMicros } from '../core/time.js';
import type { Outcome } from '../jail/verdict.js';

/** What became of a decision in the kernel. */
export interface Settled {
  readonly record: BanRecord;
  /** Absent: in force. */
  readonly refusal?: string;
}

/** Calls `timed` for each ban in force with the time of the entry that decided it. */
export function tellTimes(
  outcomes: readonly Outcome[],
  bans: readonly Settled[],
  timed: (record: BanRecord, entry: EpochMicros) => void,
): void {
  const entries = new Map<string, EpochMicros>();
  for (const outcome of outcomes)
    if (outcome.kind === 'decided') entries.set(keyOf(outcome.event.jail, outcome.target), outcome.event.time);
  for (const { record, refusal } of bans) {
    const entry = entries.get(keyOf(record.jail, record.target));
    if (refusal === undefined && entry !== undefined) timed(record, entry);
  }
}

function keyOf(jail: string, target: Prefix): string {
  return `${jail} ${formatPrefix(target)}`;
}
