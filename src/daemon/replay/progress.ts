import { counted } from '../../core/text.js';
import { type EpochMicros, isoTime } from '../../core/time.js';

/** Columns of the bar. */
const BAR = 24;
/** Redrawn at most this often, ms. */
const REDRAW_MS = 100;

/** One line on a terminal that says how far a long read is; other output goes above it. */
export class Progress {
  readonly #stream: NodeJS.WritableStream;
  readonly #shown: boolean;
  #line = '';
  #drawnAt = 0;
  #turn = 0;

  /** `shown` false: silent, for pipes and files. */
  constructor(stream: NodeJS.WritableStream, shown: boolean) {
    this.#stream = stream;
    this.#shown = shown;
  }

  /** Draws the bar. `fraction` is absent when the end is not known: then something moves. */
  show(entries: number, time: EpochMicros | undefined, fraction?: number): void {
    if (!this.#shown || performance.now() - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = performance.now();
    const at = fraction === undefined ? this.#turn++ % BAR : Math.round(fraction * BAR);
    const bar =
      fraction === undefined
        ? `${'·'.repeat(at)}#${'·'.repeat(BAR - 1 - at)}`
        : `${'#'.repeat(at)}${'·'.repeat(BAR - at)}`;
    this.#clear();
    this.#line = `[${bar}] ${fraction === undefined ? '' : `${Math.round(fraction * 100)} % `}${counted(entries, 'entry', 'entries')}${time === undefined ? '' : `, ${isoTime(time)}`}`;
    this.#stream.write(this.#line);
  }

  /** Writes something else without tearing the bar. */
  around(write: () => void): void {
    this.#clear();
    write();
    if (this.#line !== '') this.#stream.write(this.#line);
  }

  end(): void {
    this.#clear();
    this.#line = '';
  }

  #clear(): void {
    if (this.#line !== '') this.#stream.write('\r\x1b[K');
  }
}
