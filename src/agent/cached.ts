/** A value that serves for four times as long as it took to make: the cheaper, the fresher. */
export class Cached<T> {
  readonly #make: () => T;
  readonly #now: () => number;
  #value: { readonly value: T; readonly until: number; readonly made: number } | undefined;
  #changed = true;

  /** However often it is asked for, at most a fifth of the time goes into making it. */
  constructor(make: () => T, now: () => number = () => performance.now()) {
    this.#make = make;
    this.#now = now;
  }

  /** With `keepMs` it also serves for so long while nobody says `touch`. */
  get(keepMs = 0): T {
    const started = this.#now();
    const known = this.#value;
    if (
      known !== undefined &&
      (started < known.until || (!this.#changed && started < known.made + keepMs))
    )
      return known.value;
    this.#changed = false;
    const value = this.#make();
    const made = this.#now();
    this.#value = { value, until: made + 4 * (made - started), made };
    return value;
  }

  /** What it is made of has changed. */
  touch(): void {
    this.#changed = true;
  }

  /** Something has changed: the next one who asks gets it new. */
  drop(): void {
    this.#value = undefined;
  }
}

/** The same for what takes time elsewhere; callers that come meanwhile share one making. */
export class CachedAsync<T> {
  readonly #make: () => Promise<T>;
  readonly #now: () => number;
  #making: Promise<T> | undefined;
  #value: { readonly value: T; readonly until: number } | undefined;

  constructor(make: () => Promise<T>, now: () => number = () => performance.now()) {
    this.#make = make;
    this.#now = now;
  }

  get(): Promise<T> {
    const started = this.#now();
    if (this.#value !== undefined && started < this.#value.until)
      return Promise.resolve(this.#value.value);
    this.#making ??= this.#make()
      .then((value) => {
        const ended = this.#now();
        this.#value = { value, until: ended + 4 * (ended - started) };
        return value;
      })
      .finally(() => {
        this.#making = undefined;
      });
    return this.#making;
  }
}
