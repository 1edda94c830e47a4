/** How many requests per second a socket takes. What is over waits: the flooder's own connections, nobody else's turn. */
export class Pace {
  readonly #perSecond: number;
  readonly #now: () => number;
  /** When the next request is due, ms. */
  #next = 0;

  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** Milliseconds that the next request must wait; a second's worth may come at once. */
  delay(): number {
    const now = this.#now();
    this.#next = Math.max(this.#next, now - 1000) + 1000 / this.#perSecond;
    return Math.max(0, this.#next - now);
  }
}
