/**
 * Ends of bans by several clocks. They are counted by the clock of the server, which all hosts see.
 * What is left of a ban is told over: two wall clocks are never compared, so that one that is
 * wrong, or leaps, shifts nothing.
 */

/** From here on a ban counts as one for good: five years, ms. */
const FOR_GOOD_MS = 5 * 365.25 * 86_400_000;
/** How far two tellings of the same end may differ: seconds of a header, and the way, ms. */
const SAME_END_MS = 3_000;

/** True when two ends are the same one, told at different times. */
export function isSameEnd(a: number, b: number, now: number): boolean {
  if (Math.min(a, b) - now > FOR_GOOD_MS) return true;
  return Math.abs(a - b) <= SAME_END_MS;
}

/** The clock of a server beside this host's. */
export class ServerClock {
  readonly #now: () => number;
  /** The server's clock less this host's monotonic one, ms; undefined before it was heard. */
  #offset: number | undefined;

  /** `now` is this host's wall clock, ms since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The server said its time, ms since 1970, between `asked` (`performance.now()`) and now. */
  hear(time: number, asked = performance.now()): void {
    if (Number.isFinite(time)) this.#offset = time - (asked + performance.now()) / 2;
  }

  /** The server's time; this host's own before it was heard. */
  now(): number {
    return this.#offset === undefined ? this.#now() : performance.now() + this.#offset;
  }

  /** An end by the server's clock, of one by this host's. */
  toServer(until: number): number {
    return this.now() + (until - this.#now());
  }

  /** An end by this host's clock, of one by the server's. */
  fromServer(end: number): number {
    return this.#now() + (end - this.now());
  }
}
