/**
 * What a replay would have done, added up while it runs: bans by jail and over time, and banned
 * addresses that also logged in, which are likely mistakes (or accounts whose password was found).
 * Memory is bounded; what does not fit is counted.
 */

import type { Announcement } from '../../agent/announce.js';
import { formatPrefix, prefixOf } from '../../core/address.js';
import type { FilterEvent } from '../../core/decision.js';
import { WHAT_IF_ADDRESSES_MAX, WHAT_IF_USERS_MAX } from '../../core/service-limits.js';
import type { JailPolicy } from '../../core/specs.js';
import { type EpochMicros, epochMicros } from '../../core/time.js';
import { OFFENDER_PREFIXES } from '../../jail/evidence/facts.js';

// Counts over time in a bounded number of bins, however long the journal is: bins widen as it goes
// on.

/** Widths of a bin in seconds; each divides the next, so that bins can be joined. */
const WIDTHS: readonly number[] = [
  1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800, 2_419_200,
  31_449_600, 314_496_000,
];

interface Bin {
  readonly bans: number;
  readonly failures: number;
}

export interface TimelineView {
  /** Start of the first bin, seconds since 1970. */
  readonly from: number;
  /** Seconds that one bin covers. */
  readonly width: number;
  /** All bins from the first to the last one, empty ones too. */
  readonly bins: readonly Bin[];
}

export class Timeline {
  readonly #binsMax: number;
  readonly #shift: number;
  #step = 0;
  #bins = new Map<number, { bans: number; failures: number }>();
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  /**
   * `binsMax`: bins at most, at least 2. `shiftSeconds`: offset of the local time zone from UTC, so
   * that a bin of a day is a day of the calendar.
   */
  constructor(binsMax: number, shiftSeconds = 0) {
    this.#binsMax = Math.max(2, Math.floor(binsMax));
    this.#shift = shiftSeconds;
  }

  /** Widens the timeline to hold this time, without counting anything. */
  reach(time: EpochMicros): void {
    this.#keyOf(time);
  }

  add(time: EpochMicros, what: { readonly bans?: number; readonly failures?: number }): void {
    const key = this.#keyOf(time);
    const bin = this.#bins.get(key) ?? { bans: 0, failures: 0 };
    bin.bans += what.bans ?? 0;
    bin.failures += what.failures ?? 0;
    this.#bins.set(key, bin);
  }

  /** Undefined before the first time. */
  view(): TimelineView | undefined {
    if (this.#last < this.#first) return undefined;
    const bins = Array.from(
      { length: this.#last - this.#first + 1 },
      (_, index): Bin => this.#bins.get(this.#first + index) ?? { bans: 0, failures: 0 },
    );
    return { from: this.#first * this.#width - this.#shift, width: this.#width, bins };
  }

  get #width(): number {
    return WIDTHS[this.#step] as number;
  }

  #keyOf(time: EpochMicros): number {
    const local = time / 1e6 + this.#shift;
    for (;;) {
      const key = Math.floor(local / this.#width);
      const first = Math.min(this.#first, key);
      const last = Math.max(this.#last, key);
      if (last - first < this.#binsMax || this.#step === WIDTHS.length - 1) {
        this.#first = first;
        this.#last = last;
        return key;
      }
      this.#widen();
    }
  }

  #widen(): void {
    const factor = (WIDTHS[this.#step + 1] as number) / this.#width;
    this.#step++;
    const joined = new Map<number, { bans: number; failures: number }>();
    for (const [key, { bans, failures }] of this.#bins) {
      const bin = joined.get(Math.floor(key / factor)) ?? { bans: 0, failures: 0 };
      bin.bans += bans;
      bin.failures += failures;
      joined.set(Math.floor(key / factor), bin);
    }
    this.#bins = joined;
    this.#first = Math.floor(this.#first / factor);
    this.#last = Math.floor(this.#last / factor);
  }
}

/** One target that the replay banned in one jail. */
export interface WouldBan {
  readonly jail: string;
  readonly target: string;
  /** Bans, extensions not counted. */
  bans: number;
  readonly first: EpochMicros;
  last: EpochMicros;
  /** End of the last one; null is never. */
  until: EpochMicros | null;
  /** Failures that led to the first one. */
  readonly failures: number;
  /** Successes of the target while it would have been banned: it would have been shut out. */
  shutOut: number;
}

/** A banned target that also logged in. */
export interface Mistake extends WouldBan {
  /** Successes of the target at any time, in any jail. */
  readonly successes: number;
  /** Some of the users that logged in; strangers' text. */
  readonly users: readonly string[];
}

export interface JailSum {
  readonly jail: string;
  failures: number;
  ignored: number;
  bans: number;
  extended: number;
  /** Different targets. */
  targets: number;
  /** Bans in force at the same time, at most. */
  atOnce: number;
  /** Bans that a jail which only watches would have made. */
  wouldBan: number;
  /** Of a jail that weighs: bans by rule, also those that it would have made. */
  readonly rules: Record<string, number>;
}

export interface WhatIfResult {
  readonly jails: readonly JailSum[];
  readonly timeline: TimelineView | undefined;
  /** Those that would have been shut out most often first. */
  readonly mistakes: readonly Mistake[];
  readonly banned: readonly WouldBan[];
  /** Bans in force at the same time, at most, all jails. */
  readonly atOnce: number;
  /** Addresses that did not fit into memory. */
  readonly notCompared: number;
}

interface Logins {
  count: number;
  readonly users: string[];
}

export interface WhatIfOptions {
  readonly policies: readonly Pick<JailPolicy, 'jail' | 'ipv6prefix' | 'counts'>[];
  readonly binsMax: number;
  readonly shiftSeconds: number;
  readonly addressesMax?: number;
}

export class WhatIf {
  readonly #timeline: Timeline;
  readonly #addressesMax: number;
  /** Lengths of the prefixes that jails ban by. */
  readonly #lengths: { readonly 4: readonly number[]; readonly 6: readonly number[] };
  readonly #jails = new Map<string, JailSum & { active: number }>();
  readonly #logins = new Map<string, Logins>();
  /** Banned targets, then the jails that banned them. */
  readonly #banned = new Map<string, Map<string, WouldBan>>();
  readonly #active = new Set<string>();
  #atOnce = 0;
  #notCompared = 0;

  constructor(options: WhatIfOptions) {
    this.#timeline = new Timeline(options.binsMax, options.shiftSeconds);
    this.#addressesMax = options.addressesMax ?? WHAT_IF_ADDRESSES_MAX;
    // Single addresses are banned where a prefix holds strangers.
    const networks = options.policies.some(({ counts }) => counts === 'evidence')
      ? OFFENDER_PREFIXES
      : { 4: [], 6: [] };
    this.#lengths = {
      4: [32, ...networks[4]],
      6: [
        ...new Set([...options.policies.map(({ ipv6prefix }) => ipv6prefix), 128, ...networks[6]]),
      ],
    };
    for (const { jail } of options.policies) this.#jailOf(jail);
  }

  /** A login of an address. Must come in order with what is announced. */
  success({ address, user, time }: FilterEvent): void {
    for (const length of this.#lengths[address.family]) {
      const target = formatPrefix(prefixOf(address, length));
      const logins = this.#loginsOf(target);
      if (logins !== undefined) {
        logins.count++;
        if (
          user !== undefined &&
          logins.users.length < WHAT_IF_USERS_MAX &&
          !logins.users.includes(user)
        )
          logins.users.push(user);
      }
      for (const ban of this.#banned.get(target)?.values() ?? [])
        if (ban.until === null || time < ban.until) ban.shutOut++;
    }
  }

  /** A failure, or one that was ignored. */
  failure({ jail, count, time }: FilterEvent, kind: 'found' | 'ignored'): void {
    const sum = this.#jailOf(jail);
    if (kind === 'ignored') {
      sum.ignored++;
      return;
    }
    sum.failures += count;
    this.#timeline.add(time, { failures: count });
  }

  /** What else was announced. */
  announced(announcement: Announcement): void {
    const { event, jail } = announcement;
    const time = micros(announcement.time);
    const sum = this.#jailOf(jail);
    if (event === 'ban') this.#ban(announcement, time, sum);
    else if (event === 'would-ban') {
      sum.wouldBan++;
      countRule(sum, announcement);
    } else if (event === 'unban' && this.#active.delete(`${jail} ${announcement.address}`))
      sum.active--;
  }

  /** The journal reaches up to this time. */
  reach(time: EpochMicros): void {
    this.#timeline.reach(time);
  }

  result(): WhatIfResult {
    const banned = [...this.#banned.values()].flatMap((jails) => [...jails.values()]);
    const mistakes = banned.flatMap((ban): Mistake[] => {
      const logins = this.#logins.get(ban.target);
      return logins === undefined ? [] : [{ ...ban, successes: logins.count, users: logins.users }];
    });
    return {
      jails: [...this.#jails.values()].map(({ active: _, ...sum }) => sum),
      timeline: this.#timeline.view(),
      mistakes: mistakes.sort(
        (a, b) => b.shutOut - a.shutOut || b.successes - a.successes || a.first - b.first,
      ),
      banned,
      atOnce: this.#atOnce,
      notCompared: this.#notCompared,
    };
  }

  #ban(announcement: Announcement, time: EpochMicros, sum: JailSum & { active: number }): void {
    const { jail, address: target } = announcement;
    const until = typeof announcement.until === 'string' ? micros(announcement.until) : null;
    const key = `${jail} ${target}`;
    const extended = this.#active.has(key);
    if (extended) sum.extended++;
    else {
      this.#active.add(key);
      sum.bans++;
      countRule(sum, announcement);
      sum.active++;
      sum.atOnce = Math.max(sum.atOnce, sum.active);
      this.#atOnce = Math.max(this.#atOnce, this.#active.size);
      this.#timeline.add(time, { bans: 1 });
    }
    const known = this.#banned.get(target)?.get(jail);
    if (known !== undefined) {
      if (!extended) known.bans++;
      known.last = time;
      known.until = until;
      return;
    }
    sum.targets++;
    const jails =
      this.#banned.get(target) ?? this.#make(this.#banned, target, new Map<string, WouldBan>());
    const failures = announcement.count ?? 0;
    jails?.set(jail, {
      jail,
      target,
      bans: 1,
      first: time,
      last: time,
      until,
      failures,
      shutOut: 0,
    });
  }

  #loginsOf(target: string): Logins | undefined {
    return this.#logins.get(target) ?? this.#make(this.#logins, target, { count: 0, users: [] });
  }

  #make<T>(map: Map<string, T>, key: string, value: T): T | undefined {
    if (map.size >= this.#addressesMax) {
      this.#notCompared++;
      return undefined;
    }
    map.set(key, value);
    return value;
  }

  #jailOf(jail: string): JailSum & { active: number } {
    let sum = this.#jails.get(jail);
    if (sum === undefined) {
      sum = {
        jail,
        failures: 0,
        ignored: 0,
        bans: 0,
        extended: 0,
        targets: 0,
        atOnce: 0,
        active: 0,
        wouldBan: 0,
        rules: {},
      };
      this.#jails.set(jail, sum);
    }
    return sum;
  }
}

function countRule({ rules }: JailSum, { rule }: Announcement): void {
  if (rule !== undefined) rules[rule] = (rules[rule] ?? 0) + 1;
}

/** Announcements carry times to the millisecond. */
function micros(iso: string): EpochMicros {
  return epochMicros(Date.parse(iso) * 1000);
}
