/** The points of addresses: what they failed for, fading; and what they tried. */
import { type Address, contains, type Prefix } from '../../core/address.js';
import { WIDE_FLOORS_MAX } from '../../core/limits.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../../core/time.js';
import { STORM_SECONDS } from '../../core/timeouts.js';
import { type Key, NONE, type Slot, Table } from './table.js';

/** Points are kept in thousandths. */
const POINT = 1000;
/** Less than this is as good as none. */
export const FADED = 0.25;
/**
 * Columns of an address: points and their time; the first two names; the user with credit that last
 * counted and when, or while there was none, when the points began.
 */
const SCORE = { points: 0, at: 1, name: 2, another: 3, pair: 4, pairAt: 5, width: 6 } as const;

/** What an address has once points were added. */
export interface Sum {
  readonly points: number;
  /** All of them came within `STORM_SECONDS`. */
  readonly isAtOnce: boolean;
}

/** Of one family, so that a flood of one does not push out the other. */
export class Points {
  readonly #table: Table;
  readonly #halfLife: () => number;

  /** `halfLife`: the time in which points lose half their weight, seconds. */
  constructor(max: number, halfLife: () => number) {
    this.#halfLife = halfLife;
    this.#table = new Table(
      SCORE.width,
      max,
      (slot) => this.#faded(slot, this.#table.get(slot, SCORE.at)) + this.#lastAt(slot) / 1e9,
    );
  }

  get size(): number {
    return this.#table.size;
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  /** Adds points of a time; what the address has then. */
  add(address: Key, points: number, time: number): Sum {
    const table = this.#table;
    const slot = table.obtain(address);
    const at = Math.max(time, this.#lastAt(slot));
    const before = this.#faded(slot, at);
    // An event of the past has faded by now as much as if it had been added then.
    const sum = before + points * 2 ** (-(at - time) / this.#halfLife());
    const isFree = table.get(slot, SCORE.pair) === 0;
    if (isFree && before < FADED) table.set(slot, SCORE.pairAt, time);
    const isAtOnce = isFree && Math.abs(time - table.get(slot, SCORE.pairAt)) <= STORM_SECONDS;
    table.set(slot, SCORE.points, Math.min(0xffffffff, Math.round(sum * POINT)));
    table.set(slot, SCORE.at, at);
    return { points: sum, isAtOnce };
  }

  /** What the address has at a time. */
  of(address: Key, time: number): number {
    const slot = this.#table.find(address);
    return slot === NONE ? 0 : this.#faded(slot, time);
  }

  /** When points were last added; undefined when the address is not known. */
  last(address: Key): number | undefined {
    const slot = this.#table.find(address);
    return slot === NONE ? undefined : this.#lastAt(slot);
  }

  /** Forgets the address. */
  remove(address: Key): void {
    this.#table.remove(address);
  }

  /** Notes a name that the address tried; true when it has tried another one. */
  tries(address: Key, user: Key): boolean {
    const table = this.#table;
    const slot = table.obtain(address);
    const first = table.get(slot, SCORE.name);
    if (first === 0) table.set(slot, SCORE.name, user.low);
    else if (first !== user.low) table.set(slot, SCORE.another, user.low);
    const another = table.get(slot, SCORE.another);
    return (first !== 0 && first !== user.low) || (another !== 0 && another !== user.low);
  }

  /**
   * True when the address still has points, the first of which lie back `before` seconds or more,
   * and it tried two names other than this user's.
   */
  hasGuessed(address: Key, user: Key, time: number, before: number): boolean {
    const table = this.#table;
    const slot = table.find(address);
    if (slot === NONE || table.get(slot, SCORE.pair) !== 0) return false;
    if (this.#faded(slot, time) < FADED || time - table.get(slot, SCORE.pairAt) < before)
      return false;
    const tried = [table.get(slot, SCORE.name), table.get(slot, SCORE.another)];
    return tried.every((name) => name !== 0 && name !== user.low);
  }

  /**
   * True when the address has so many points for this user alone, the first of which lie back
   * `before` seconds or more.
   */
  hasInsisted(address: Key, user: Key, time: number, before: number, least: number): boolean {
    const table = this.#table;
    const slot = table.find(address);
    if (slot === NONE || table.get(slot, SCORE.pair) !== 0) return false;
    if (this.#faded(slot, time) < least || time - table.get(slot, SCORE.pairAt) < before)
      return false;
    return table.get(slot, SCORE.name) === user.low && table.get(slot, SCORE.another) === 0;
  }

  /**
   * A user with credit fails at the address: true when that counts, which it does once in `pause`
   * seconds.
   */
  forgets(address: Key, user: Key, time: number, pause: number): boolean {
    const table = this.#table;
    const slot = table.obtain(address);
    const isSame = table.get(slot, SCORE.pair) === user.low;
    if (isSame && time - table.get(slot, SCORE.pairAt) < pause) return false;
    table.set(slot, SCORE.pair, user.low);
    table.set(slot, SCORE.pairAt, time);
    return true;
  }

  #lastAt(slot: Slot): number {
    return this.#table.get(slot, SCORE.at);
  }

  #faded(slot: Slot, time: number): number {
    const age = Math.max(0, time - this.#lastAt(slot));
    return (this.#table.get(slot, SCORE.points) / POINT) * 2 ** (-age / this.#halfLife());
  }
}

/** Prefixes, not hosts, that an operator has pardoned: addresses in them begin anew. */
export class Pardons {
  #all: readonly { readonly target: Prefix; readonly upTo: number }[] = [];

  /** Pardons what lies in a prefix up to a time, in seconds; the oldest pardons make room. */
  add(target: Prefix, upTo: number): void {
    this.#all = [...this.#all.slice(1 - WIDE_FLOORS_MAX), { target, upTo }];
  }

  /** Forgets the points of an address that was pardoned since it had them. */
  apply(points: Points, address: Address, key: Key): void {
    if (this.#all.length === 0) return;
    const at = points.last(key);
    if (
      at !== undefined &&
      this.#all.some(({ target, upTo }) => at <= upTo && contains(target, address))
    )
      points.remove(key);
  }
}

/** Whole seconds of a time. */
export function secondsOf(time: EpochMicros): number {
  return Math.floor(time / MICROS_PER_SECOND);
}
