/** Failures of each target within findtime: when does a window reach maxretry? */
import { UNSWEPT_TARGETS_MAX } from '../core/limits.js';
import type { Cursor } from '../core/names.js';
import { type EvidenceLog, type EvidenceRef, NO_EVIDENCE } from './evidence/log.js';
import type { TargetKey } from './keys.js';
import { FailurePool, NONE } from './pool.js';
import { LISTS, type SizeUnit, TargetTable } from './targets.js';

/** A window that has reached maxretry: its first and last moment, and the failures in it. */
export interface FullWindow {
  readonly from: number;
  readonly to: number;
  readonly failures: number;
}

/** An entry that failures came from, and what they weighed together; 0 where nothing is weighed. */
export interface WeighedEntry {
  readonly cursor: Cursor;
  /** Failures that it told of. */
  readonly count: number;
  readonly points: number;
}

/** What one jail counts by: K failures within F microseconds. */
export interface WindowRule {
  readonly maxretry: number;
  readonly findtimeMicros: number;
  /** The largest `allowance` that `full` is asked with; 1 when absent. */
  readonly allowanceMax?: number;
}

export interface WindowBounds {
  readonly addressesMax: number;
  readonly failuresMax: number;
  readonly evidenceMax: number;
}

/**
 * The failures of one jail, per target, ordered by the entries' own time.
 *
 * A window is any stretch of findtime, both ends included: K failures fill it when the last of them
 * lies at most findtime after the first. Entries may arrive in any order. What can no longer decide
 * is dropped: of each target the failures are kept that weigh twice maxretry (times the largest
 * allowance), counted back from the last to arrive (enough for entries that are late by up to
 * findtime); of each jail the targets with the newest evidence, both families and those that failed
 * again each with a share of their own: a flood makes room for itself.
 */
export class Windows {
  readonly #targets: TargetTable;
  readonly #pool: FailurePool;
  readonly #log: EvidenceLog;
  readonly #evidenceMax: number;
  rule: WindowRule;
  /** Targets that were forgotten for want of room. */
  evicted = 0;

  constructor(rule: WindowRule, bounds: WindowBounds, log: EvidenceLog) {
    this.rule = rule;
    this.#targets = new TargetTable(bounds.addressesMax);
    this.#pool = new FailurePool(bounds.failuresMax);
    this.#evidenceMax = bounds.evidenceMax;
    this.#log = log;
  }

  /** Targets that are remembered. */
  get size(): number {
    return this.#targets.size;
  }

  /** Failures that are remembered. */
  get records(): number {
    return this.#pool.used;
  }

  /** Up to when failures of the target do not count; 0 when all count. */
  floor(key: TargetKey): number {
    const slot = this.#targets.find(key);
    return slot === NONE ? 0 : this.#targets.floor(slot);
  }

  /** Sets the floor as it is, also lower. */
  resetFloor(key: TargetKey, floor: number): void {
    const slot = this.#targets.find(key);
    if (slot !== NONE) this.#targets.setFloor(slot, floor);
  }

  /** Adds a failure. `points`: what it weighed, of a jail that weighs. */
  add(key: TargetKey, time: number, count: number, evidence: EvidenceRef, points = 0): void {
    const slot = this.#slot(key);
    this.#targets.touch(slot);
    while (this.#pool.full && this.#evict('failures', key, slot));
    const record = this.#pool.take(time, count, evidence, points);
    let newer = NONE;
    let older = this.#targets.head(slot);
    while (older !== NONE && this.#pool.time(older) > time) {
      newer = older;
      older = this.#pool.older(older);
    }
    this.#pool.setOlder(record, older);
    if (newer === NONE) this.#targets.setHead(slot, record);
    else this.#pool.setOlder(newer, record);
    this.#targets.setWeight(slot, this.#targets.weight(slot) + count);
    if (this.#targets.weight(slot) >= 4 * this.#retryMax) this.#trim(slot, time);
  }

  /**
   * The latest full window of failures later than `after` that the moment `time` lies in, or
   * undefined. `allowance`: so many times maxretry fill it.
   */
  full(
    key: TargetKey,
    time: number,
    after = Number.NEGATIVE_INFINITY,
    allowance = 1,
  ): FullWindow | undefined {
    const slot = this.#targets.find(key);
    const { findtimeMicros } = this.rule;
    const maxretry = this.rule.maxretry * allowance;
    if (slot === NONE || this.#targets.weight(slot) < maxretry) return undefined;
    let lead = this.#targets.head(slot);
    let record = lead;
    let failures = 0;
    // Backwards in time: `record` is the start that is tried, `lead` the newest failure that it
    // reaches.
    while (record !== NONE) {
      const from = this.#pool.time(record);
      if (from < time - findtimeMicros || from <= after) return undefined;
      for (; record !== NONE && this.#pool.time(record) === from; record = this.#pool.older(record))
        failures += this.#pool.count(record);
      while (this.#pool.time(lead) > from + findtimeMicros) {
        failures -= this.#pool.count(lead);
        lead = this.#pool.older(lead);
      }
      if (from <= time && failures >= maxretry)
        return { from, to: this.#pool.time(lead), failures };
    }
    return undefined;
  }

  /** Failures of the target in the findtime that ends at `time`, or from another time on. */
  count(key: TargetKey, time: number, from = time - this.rule.findtimeMicros): number {
    const slot = this.#targets.find(key);
    let failures = 0;
    if (slot === NONE) return failures;
    for (
      let record = this.#targets.head(slot);
      record !== NONE;
      record = this.#pool.older(record)
    ) {
      const at = this.#pool.time(record);
      if (at < from) break;
      if (at <= time) failures += this.#pool.count(record);
    }
    return failures;
  }

  /**
   * Entries of the newest failures between the two moments, newest last, at most `most` of them:
   * each with its failures and what they weighed.
   */
  weighed(key: TargetKey, from: number, to: number, most = this.#evidenceMax): WeighedEntry[] {
    const slot = this.#targets.find(key);
    const refs = new Map<EvidenceRef, Omit<WeighedEntry, 'cursor'>>();
    if (slot === NONE) return [];
    for (
      let record = this.#targets.head(slot);
      record !== NONE;
      record = this.#pool.older(record)
    ) {
      if (this.#pool.time(record) < from) break;
      const ref = this.#pool.evidence(record);
      if (ref === NO_EVIDENCE || this.#pool.time(record) > to) continue;
      const known = refs.get(ref);
      if (known === undefined && refs.size >= most) break;
      refs.set(ref, {
        count: (known?.count ?? 0) + this.#pool.count(record),
        points: (known?.points ?? 0) + this.#pool.points(record),
      });
    }
    return [...refs].reverse().flatMap(([ref, entry]) => {
      const cursor = this.#log.read(ref);
      return cursor === undefined ? [] : [{ cursor, ...entry }];
    });
  }

  /**
   * Forgets the failures of the target up to a time and lets none up to it count later. Returns
   * what was forgotten.
   */
  forgetUpTo(key: TargetKey, time: number): number {
    const slot = this.#slot(key);
    this.#targets.setFloor(slot, Math.max(this.#targets.floor(slot), time));
    this.#targets.touch(slot);
    return this.#cut(slot, time);
  }

  /** Forgets failures up to a time; later ones, and earlier ones that arrive late, still count. */
  clear(key: TargetKey, upTo: number): number {
    const slot = this.#targets.find(key);
    return slot === NONE ? 0 : this.#cut(slot, upTo);
  }

  /**
   * Takes one failure of exactly this time back out; nothing happens when there is none (any more).
   */
  take(key: TargetKey, time: number): void {
    const slot = this.#targets.find(key);
    if (slot === NONE) return;
    let newer = NONE;
    let record = this.#targets.head(slot);
    while (record !== NONE && this.#pool.time(record) !== time) {
      newer = record;
      record = this.#pool.older(record);
    }
    if (record === NONE) return;
    const older = this.#pool.older(record);
    if (newer === NONE) this.#targets.setHead(slot, older);
    else this.#pool.setOlder(newer, older);
    this.#targets.setWeight(slot, this.#targets.weight(slot) - this.#pool.count(record));
    this.#pool.release(record);
  }

  /**
   * Frees what can decide nothing any more. Few are kept however old they are: one entry that is
   * dated ahead would sweep away what the entries behind it need.
   */
  sweepWhenMany(now: number): void {
    if (this.size > UNSWEPT_TARGETS_MAX) this.sweep(now);
  }

  /**
   * Frees the oldest targets that can decide nothing any more; a few per call, so that it costs
   * nothing.
   */
  sweep(now: number, most = 4): void {
    const horizon = now - 2 * this.rule.findtimeMicros;
    let left = most;
    for (let list = 0; list < LISTS; list++)
      for (
        let slot = this.#targets.oldest(list);
        slot !== NONE && left > 0;
        slot = this.#targets.oldest(list)
      ) {
        if (this.#newestOf(slot) >= horizon) break;
        this.#drop(slot);
        left--;
      }
  }

  /** Forgets all failures; floors stay. */
  empty(): void {
    for (const slot of this.#targets) this.#cut(slot, Number.POSITIVE_INFINITY);
  }

  /** Keys of the targets that pass. */
  *keys(test: (key: TargetKey) => boolean): IterableIterator<TargetKey> {
    for (const slot of this.#targets) {
      const key = this.#targets.key(slot);
      if (test(key)) yield key;
    }
  }

  /** Targets with a failure in the findtime that ends at `now`. */
  failing(now: number): number {
    let targets = 0;
    for (const slot of this.#targets) {
      const head = this.#targets.head(slot);
      if (head !== NONE && this.#pool.time(head) >= now - this.rule.findtimeMicros) targets++;
    }
    return targets;
  }

  /** Time of the target's newest failure. */
  last(key: TargetKey): number | undefined {
    const slot = this.#targets.find(key);
    const head = slot === NONE ? NONE : this.#targets.head(slot);
    return head === NONE ? undefined : this.#pool.time(head);
  }

  get #retryMax(): number {
    return this.rule.maxretry * (this.rule.allowanceMax ?? 1);
  }

  #slot(key: TargetKey): number {
    const slot = this.#targets.find(key);
    if (slot !== NONE) return slot;
    if (this.#targets.full) this.#evict('targets', key);
    return this.#targets.insert(key);
  }

  #newestOf(slot: number): number {
    const head = this.#targets.head(slot);
    return Math.max(this.#targets.floor(slot), head === NONE ? 0 : this.#pool.time(head));
  }

  /** Makes room for the key, but not at the cost of `kept`; false when there is nobody else. */
  #evict(measure: SizeUnit, key: TargetKey, kept = NONE): boolean {
    const slot = this.#targets.victim(measure, key, kept);
    if (slot === NONE) return false;
    this.#drop(slot);
    this.evicted++;
    return true;
  }

  #drop(slot: number): void {
    this.#cut(slot, Number.POSITIVE_INFINITY);
    this.#targets.remove(slot);
  }

  /** Frees the slot's failures up to a time; returns their sum. */
  #cut(slot: number, upTo: number): number {
    let newer = NONE;
    let record = this.#targets.head(slot);
    while (record !== NONE && this.#pool.time(record) > upTo) {
      newer = record;
      record = this.#pool.older(record);
    }
    return this.#release(slot, newer, record);
  }

  /** Keeps the newest failures up to `time` that weigh twice maxretry, and all later ones. */
  #trim(slot: number, time: number): void {
    let newer = NONE;
    let record = this.#targets.head(slot);
    for (
      let kept = 0;
      record !== NONE && kept < 2 * this.#retryMax;
      record = this.#pool.older(record)
    ) {
      if (this.#pool.time(record) <= time) kept += this.#pool.count(record);
      newer = record;
    }
    this.#release(slot, newer, record);
  }

  /** Frees `record` and all older ones; `newer` is the last that stays. */
  #release(slot: number, newer: number, record: number): number {
    let forgotten = 0;
    if (newer === NONE) this.#targets.setHead(slot, NONE);
    else this.#pool.setOlder(newer, NONE);
    while (record !== NONE) {
      const older = this.#pool.older(record);
      forgotten += this.#pool.count(record);
      this.#pool.release(record);
      record = older;
    }
    this.#targets.setWeight(slot, this.#targets.weight(slot) - forgotten);
    return forgotten;
  }
}
