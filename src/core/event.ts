/** What a filter says about an entry: a failure (or a success) of somebody, once or several times. */
import type { Address } from './address.js';
import type { Cursor, JailName } from './names.js';
import type { EpochMicros } from './time.js';

export interface FilterEvent {
  readonly kind: 'failure' | 'success';
  readonly jail: JailName;
  /** Checked and normalised; a match whose address is not one never becomes an event. */
  readonly address: Address;
  /** Attacker's text: escape before showing. */
  readonly user?: string;
  /** The host that reported it, of sources of other hosts: its own text, escape before showing. */
  readonly host?: string;
  /** Attempts that the entry reports; at least 1, at most `EVENT_COUNT_MAX`. */
  readonly count: number;
  /** The entry's time; windows count in it. */
  readonly time: EpochMicros;
  readonly cursor: Cursor;
  /** Index of the failregex (successregex) that matched, from 0, as `banjour explain` names it. */
  readonly regex: number;
}
