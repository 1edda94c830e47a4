/**
 * The clocks of sources whose stored entries are being judged, and the order of their positions. An
 * entry may be dated wrongly: by a clock that was wrong at boot, by a machine that slept, by one
 * host of many. Such an entry is judged at a wrong time itself; it must not move the clock for the
 * others.
 *
 * - An entry is judged at the latest time that was reached, as long as it is late by no more than
 *   the shortest findtime: entries of several files come a little out of order. One that lies
 *   further behind is judged at its own time.
 * - Nothing is later than the wall. A replay has no wall, since its entries are of another time.
 * - Bans end at the latest time. In a replay a leap of more than the shortest findtime has to be
 *   confirmed by another entry, so that one entry dated ahead ends none. Until then the jails know
 *   by its end that a ban is over.
 */
import type { ReadPosition } from '../core/entry.js';
import type { SourceId } from '../core/names.js';
import {
  type Clock,
  type EpochMicros,
  earlierOf,
  laterOf,
  plus,
  type Seconds,
} from '../core/time.js';
import { PositionList } from '../journal/position.js';

// The order of two positions tells what was read before the agent stopped from what is new.

const known = new WeakMap<ReadPosition, PositionList>();

/** True when the entry of `position` is the one of `mark` or lies before it. */
export function isAtOrBefore(position: ReadPosition, mark: ReadPosition): boolean {
  return position.cursor === mark.cursor || placesOf(mark).cover(position);
}

/**
 * The position to store: of a source with several streams those that are still behind the mark keep
 * the place that the mark has, since what lies before it was judged already.
 */
export function notBehind(position: ReadPosition, mark: ReadPosition): ReadPosition {
  const places = new PositionList(position);
  return places.many ? (places.notBehind(placesOf(mark)) ?? position) : position;
}

function placesOf(mark: ReadPosition): PositionList {
  let places = known.get(mark);
  if (places === undefined) {
    places = new PositionList(mark);
    known.set(mark, places);
  }
  return places;
}

interface SourceClock {
  latest: EpochMicros;
  last: EpochMicros;
  confirmed: EpochMicros;
}

const NEVER = 0 as EpochMicros;

export class SourceClocks {
  readonly #clocks = new Map<SourceId, SourceClock>();
  readonly #wall: Clock | undefined;
  readonly #lateness: () => Seconds;
  #latest = NEVER;

  /**
   * `wall`: absent in a replay. `lateness`: an entry that is further behind or ahead than this may
   * show a clock that was wrong.
   */
  constructor(lateness: () => Seconds, wall?: Clock) {
    this.#lateness = lateness;
    this.#wall = wall;
  }

  /** True while stored entries of a source are being judged. */
  get active(): boolean {
    return this.#clocks.size > 0;
  }

  /** The latest time that the source of the last entry has reached. */
  get latest(): EpochMicros {
    return this.#latest;
  }

  /**
   * Notes an entry; returns the time at which it is to be judged. Call it once for each entry, in
   * order.
   */
  reach(source: SourceId, stamp: EpochMicros): EpochMicros {
    const time = this.#wall === undefined ? stamp : earlierOf(stamp, this.#wall.now());
    const clock = this.#clocks.get(source) ?? this.#begin(source, time);
    const isLeap = time > plus(clock.last, this.#lateness());
    clock.confirmed = laterOf(clock.confirmed, isLeap ? clock.last : time);
    clock.last = time;
    clock.latest = laterOf(clock.latest, time);
    this.#latest = clock.latest;
    return time < plus(clock.latest, -this.#lateness()) ? time : clock.latest;
  }

  #begin(source: SourceId, latest: EpochMicros): SourceClock {
    const clock = { latest, last: NEVER, confirmed: NEVER };
    this.#clocks.set(source, clock);
    return clock;
  }

  /** Up to when bans are over for every source: the one that is furthest back decides. */
  get over(): EpochMicros {
    const key = this.#wall === undefined ? 'confirmed' : 'latest';
    let over: EpochMicros | undefined;
    for (const clock of this.#clocks.values())
      over = over === undefined ? clock[key] : earlierOf(over, clock[key]);
    return over ?? NEVER;
  }

  /**
   * The source is not read any more, or has no stored entries left: its clock holds nobody back.
   */
  leave(source: SourceId): void {
    this.#clocks.delete(source);
  }

  /** The wall is what is judged by now. */
  live(now: EpochMicros): EpochMicros {
    this.#latest = now;
    return now;
  }
}
