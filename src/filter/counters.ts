/** What the filters of one jail have seen since start: for `status`, metrics and `doctor`. */
import type { JailName } from '../core/names.js';
import type { EpochMicros } from '../core/time.js';

/** How often, and the time of the last entry it was; 0 when it never was. */
export interface EventCount {
  count: number;
  last: EpochMicros | 0;
}

export interface JailCounters {
  readonly jail: JailName;
  /** Entries that the jail's match selected. */
  readonly routed: EventCount;
  /** Of those, entries with one of the filter's literals: the regexes ran. */
  readonly gated: EventCount;
  /**
   * Of those, entries that passed the filter's prefregex, if it has one, and entries that did not.
   */
  readonly prefixed: EventCount;
  readonly unprefixed: EventCount;
  readonly failures: EventCount;
  readonly successes: EventCount;
  /** Dropped by an ignoreregex. */
  readonly ignored: EventCount;
  /** Matched, but what stands for the address is none (`192.030.0.6`). Never banned. */
  readonly notAnAddress: EventCount;
  /** Matched with a host name instead of an address. Never resolved, never banned. */
  readonly names: EventCount;
  /**
   * Entries with an over-long MESSAGE that came to nothing: a failure may have been in, or across,
   * what was left out.
   */
  readonly cut: EventCount;
  /** Searches given up because even the linear matcher took too long. */
  readonly givenUp: EventCount;
  /** Regexes that were too slow and run in the linear matcher now, by name. */
  readonly demoted: string[];
  /** Connections remembered now. */
  sessions: number;
}

export function newCounters(jail: JailName): JailCounters {
  const tally = (): EventCount => ({ count: 0, last: 0 });
  return {
    jail,
    routed: tally(),
    gated: tally(),
    prefixed: tally(),
    unprefixed: tally(),
    failures: tally(),
    successes: tally(),
    ignored: tally(),
    notAnAddress: tally(),
    names: tally(),
    cut: tally(),
    givenUp: tally(),
    demoted: [],
    sessions: 0,
  };
}

export function tick(tally: EventCount, time: EpochMicros): void {
  tally.count++;
  tally.last = time;
}
