/**
 * `filter = recidive`: a jail that counts the bans of the other jails. fail2ban finds them in its own log; here they
 * are in the ledger, so such a jail reads nothing, and whatever says where to read from has no meaning.
 */
import { filterName, type JailName } from '../core/names.js';
import type { JailIntake } from '../core/specs.js';
import type { Seconds } from '../core/time.js';
import type { Reader } from './reader.js';
import type { JailConfig } from './types.js';

/** The name of fail2ban's filter, by which the jail is known. */
export const RECIDIVE = 'recidive';

const READ_FROM = ['logpath', 'match', 'journalmatch', 'failregex'] as const;

/** What such a jail takes in: no entry at all. */
export function recidiveIntake(jail: JailName, reader: Reader): JailIntake {
  for (const key of READ_FROM)
    if (reader.own(key))
      reader.note(
        'jail.recidive',
        key,
        'bans of the other jails are counted from the ledger, not from a log',
        `nothing to do; the line ${key} can be removed`,
        reader.text(key),
      );
  const filter = { name: filterName(RECIDIVE), failregex: [], ignoreregex: [], successregex: [], maxlines: 1 };
  return { jail, match: { groups: [] }, filter: { ...filter, usedns: 'no' } };
}

/** Bans that the ledger has forgotten cannot be counted. */
export function warnForgotten({ policy }: JailConfig, reader: Reader, dbpurgeage: Seconds): void {
  if (policy.counts !== 'bans' || policy.findtime <= dbpurgeage) return;
  reader.warn(
    'jail.recidive-forgotten',
    'findtime',
    `reaches further back than dbpurgeage (${dbpurgeage} s), so older bans are forgotten before they count`,
    `write dbpurgeage = ${policy.findtime} into banjour.conf`,
    reader.text('findtime'),
  );
}
