/**
 * Logins of the past, read out of the journals backwards, day by day, for jails that weigh and know
 * nothing yet: who logs in from where tells a forgetful user from an attacker.
 */
import type { FilterEvent } from '../../core/decision.js';
import type { EntrySource, SourceSpec } from '../../core/entry.js';
import { BATCH_ENTRIES_MAX, EVIDENCE_CREDITS_MAX, PAST_ENTRIES_MAX } from '../../core/limits.js';
import type { SourceId } from '../../core/names.js';
import type { JailIntake } from '../../core/specs.js';
import { type EpochMicros, plus } from '../../core/time.js';
import { FilterBank } from '../../filter/bank.js';
import type { Guard } from '../../filter/regex-guard.js';
import { openFor } from '../intake/edge.js';
import { isOwn } from '../intake/protocol.js';

const DAY = 86_400;

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

/** What one look found: of each user at each address the newest day's login, once. */
export interface PastStep {
  readonly logins: readonly FilterEvent[];
  /** Entries that were read. */
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
    for (const one of days)
      for (const { found, read } of one.endingAt(to)) {
        left -= read;
        const fresh = found.filter((event) => {
          const key = `${event.address.text} ${event.user}`;
          if (known.has(key) || known.size >= logins) return false;
          known.add(key);
          return true;
        });
        yield { logins: fresh, read };
        if (left <= 0 || known.size >= logins) return;
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
        const { entries, read, position } = source.next(BATCH_ENTRIES_MAX);
        if (read === 0) return;
        const own = entries.filter((entry) => entry.realtime < to && !isOwn(entry, undefined));
        if (own.length > 0) bank ??= new FilterBank(jails, this.#guard);
        const events = bank?.judge(own).events ?? [];
        yield { found: events.filter(isLogin), read };
        if (position === undefined || position.time >= to) return;
      }
    } finally {
      source.close();
    }
  }
}

function isLogin({ kind, user }: FilterEvent): boolean {
  return kind === 'success' && user !== undefined && user !== '';
}
