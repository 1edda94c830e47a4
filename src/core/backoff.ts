/** Pauses between tries of what fails: each twice as long as the one before, up to a longest. */

export interface PauseBounds {
  /** The first and the longest pause, ms. */
  readonly first: number;
  readonly last: number;
}

/** How long to wait after so many tries in vain before the one that failed just now, ms. */
export function pauseAfter(tries: number, { first, last }: PauseBounds): number {
  return Math.min(last, first * 2 ** tries);
}

/** Half of a pause by chance, so that many hosts do not come back to one place together. */
export function spread(pause: number): number {
  return pause / 2 + (Math.random() * pause) / 2;
}

/** Counts the tries. */
export class Backoff {
  readonly #bounds: PauseBounds;
  #tries = 0;

  constructor(bounds: PauseBounds) {
    this.#bounds = bounds;
  }

  /** How long to wait until the next try, ms. */
  next(): number {
    return pauseAfter(this.#tries++, this.#bounds);
  }

  /** What was tried succeeded, or is another thing now. */
  reset(): void {
    this.#tries = 0;
  }
}
