/** What journald's rate limit kept out of the journal: attempts that nobody sees. */
import type { EntrySource } from '../../core/entry.js';
import type { Finding } from '../../core/finding.js';
import {
  BATCH_ENTRIES_MAX,
  SUPPRESSIONS_READ_MAX,
  SUPPRESSIONS_UNITS_MAX,
} from '../../core/limits.js';
import { counted } from '../../core/text.js';
import type { EpochMicros } from '../../core/time.js';

/**
 * journald's own notice (sd-messages.h, SD_MESSAGE_JOURNAL_DROPPED), `Suppressed 123 messages from
 * postfix@-.service`. Entries of the transport "driver" come from journald alone, so no other
 * program can claim a suppression.
 */
const MATCH = {
  groups: [
    new Map([
      ['MESSAGE_ID', ['a596d6fe7bfa4994828e72309e95d61e']],
      ['_TRANSPORT', ['driver']],
    ]),
  ],
};
const NOTICE = /^Suppressed (\d{1,12}) messages from ([\w@:.\\-]{1,255})$/;

/** Suppressed lines since `since`, by unit. Opens the source, which the caller closes. */
export function suppressedLines(source: EntrySource, since: EpochMicros): Map<string, number> {
  source.open(MATCH, { literals: ['Suppressed'], fields: [] }, { at: 'time', time: since });
  const lines = new Map<string, number>();
  for (let read = 0; read < SUPPRESSIONS_READ_MAX; ) {
    const batch = source.next(Math.min(BATCH_ENTRIES_MAX, SUPPRESSIONS_READ_MAX - read));
    if (batch.read === 0) break;
    read += batch.read;
    for (const { message } of batch.entries) {
      const [, count, unit] = NOTICE.exec(message) ?? [];
      if (unit === undefined || (lines.size >= SUPPRESSIONS_UNITS_MAX && !lines.has(unit)))
        continue;
      lines.set(unit, (lines.get(unit) ?? 0) + Number(count));
    }
  }
  return lines;
}

/** What `doctor` says of it. `days` is how far back was looked. */
export function suppressionFindings(lines: ReadonlyMap<string, number>, days: number): Finding[] {
  if (lines.size === 0)
    return [
      {
        level: 'ok',
        id: 'journal.rate-limit',
        message: `journald dropped no line within ${counted(days, 'day')}`,
      },
    ];
  return [...lines].map(([unit, count]) => ({
    level: 'warning',
    id: 'journal.rate-limit',
    message: `journald dropped ${counted(count, 'line')} of ${unit} within ${counted(days, 'day')}: attempts among them were never seen`,
    fix: `put LogRateLimitIntervalSec=0 under [Service] with: systemctl edit ${unit} ; systemctl restart ${unit}`,
  }));
}
