/** Counts over time in a bounded number of bins, however long the journal is: bins widen as it goes on. */
import type { EpochMicros } from '../../core/time.js';

/** Widths of a bin in seconds; each divides the next, so that bins can be joined. */
const WIDTHS: readonly number[] = [
  1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800, 2_419_200, 31_449_600, 314_496_000,
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
   * `binsMax`: bins at most, at least 2. `shiftSeconds`: offset of the local time zone from UTC, so that a bin of a
   * day is a day of the calendar.
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
