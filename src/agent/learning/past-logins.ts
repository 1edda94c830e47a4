/**
 * Logins of the past, read out of the journals backwards, day by day, for jails that weigh and know
 * nothing yet: who logs in from where tells a forgetful user from an attacker.
 */
import type { FilterEvent } from '../../core/decision.js';
import type { EntrySource, SourceSpec } from '../../core/entry.js';
import { BATCH_ENTRIES_MAX, EVIDENCE_CREDITS_MAX, PAST_ENTRIES_MAX } from '../../core/limits.js';
import type { JailName, SourceId } from '../../core/names.js';
import type { JailIntake } from '../../core/specs.js';
import { type EpochMicros, plus } from '../../core/time.js';
import { FilterBank } from '../../filter/bank.js';
import type { Guard } from '../../filter/regex-guard.js';
import { openFor } from '../intake/edge.js';
import { isOwn } from '../intake/protocol.js';

const DAY = 86_400;
/** Some are never banned, as a webmail's, and say nothing: so many are told of. */
const FIRST_ADDRESSES = 8;

/** One source, and its jails whose logins matter. */
export interface PastSource {
  readonly id: SourceId;
  readonly source: SourceSpec;
  readonly jails: readonly JailIntake[];
}

export interface PastPlan {
  readonly sources: readonly PastSource[];
  /** What comes after this is the readers'. */
  readonly until: EpochMicros;
  /** So many days before it. */
  readonly days: number;
}

/** What one look found. */
export interface PastStep {
  /** Of each user at each address the newest day's login, once. */
  readonly logins: readonly FilterEvent[];
  /**
   * The first logins of the day in each jail, from a few addresses, be the users known or not:
   * since when logins are known decides when enough is.
   */
  readonly first: readonly FilterEvent[];
  /** Entries of the days, none twice; of those that no filter looks at about as many. */
  readonly read: number;
}

/** Bounds that differ from those of core/limits.ts; for tests. */
export interface PastBounds {
  readonly entries?: number;
  readonly logins?: number;
}

/** True where days can be read one by one without disturbing anybody: in one journal of files. */
export function hasPast({ kind }: SourceSpec): boolean {
  return kind === 'local' || kind === 'directory' || kind === 'container';
}

/**
 * Reads all sources, the newest day first, in steps between which the caller may rest. Ends at the
 * bounds. Throws what a source throws.
 */
export function* pastLogins(
  plan: PastPlan,
  make: (source: PastSource) => EntrySource,
  guard: Guard,
  bounds: PastBounds = {},
): Generator<PastStep, void, void> {
  const known = new Set<string>();
  const { entries = PAST_ENTRIES_MAX, logins = EVIDENCE_CREDITS_MAX } = bounds;
  let left = entries;
  const days = plan.sources.map((one) => new Days(one, () => make(one), guard));
  for (let day = 0; day < plan.days; day++) {
    const to = plus(plan.until, -day * DAY);
    for (const one of days) {
      const begun = new Map<JailName, Set<string>>();
      for (const { found, looked, read } of one.endingAt(to)) {
        left -= looked;
        const first = found.filter(({ jail, address }) => {
          const seen = begun.get(jail) ?? new Set();
          begun.set(jail, seen);
          return seen.size < FIRST_ADDRESSES && seen.size < seen.add(address.text).size;
        });
        const fresh = found.filter((event) => {
          const key = `${event.address.text} ${event.user}`;
          if (known.has(key) || known.size >= logins) return false;
          known.add(key);
          return true;
        });
        yield { logins: fresh, first, read };
        if (left <= 0 || known.size >= logins) return;
      }
    }
  }
}

/** The days of one source. Filters are made for days that have entries: it takes a while. */
class Days {
  readonly #one: PastSource;
  readonly #make: () => EntrySource;
  readonly #guard: Guard;
  readonly #gate: FilterBank;

  constructor(one: PastSource, make: () => EntrySource, guard: Guard) {
    this.#one = one;
    this.#make = make;
    this.#guard = guard;
    this.#gate = new FilterBank(one.jails, guard);
  }

  /** The logins of the day that ends at a time. */
  *endingAt(to: EpochMicros) {
    const { jails } = this.#one;
    const source = this.#make();
    let bank: FilterBank | undefined;
    try {
      openFor(source, this.#gate, jails, { at: 'time', time: plus(to, -DAY) });
      for (;;) {
        const { entries, read: looked, position } = source.next(BATCH_ENTRIES_MAX);
        if (looked === 0) return;
        const inDay = entries.filter(({ realtime }) => realtime < to);
        const own = inDay.filter((entry) => !isOwn(entry, undefined));
        if (own.length > 0) bank ??= new FilterBank(jails, this.#guard);
        const events = bank?.judge(own).events ?? [];
        // The last look of a day reaches into the next one, which was read before.
        const isLast = position === undefined || position.time >= to;
        yield { found: events.filter(isLogin), looked, read: isLast ? inDay.length : looked };
        if (isLast) return;
      }
    } finally {
      source.close();
    }
  }
}

function isLogin({ kind, user }: FilterEvent): boolean {
  return kind === 'success' && user !== undefined && user !== '';
}
