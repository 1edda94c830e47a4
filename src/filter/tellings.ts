/**
 * How often one witness tells of one attempt: twice where a server asks two stores of the witness's
 * kind in turn (two of PAM's, whose lines name no connection). Learned from the sums of
 * connections, which say how many attempts there were.
 */
import { TALLY_TELLINGS_MAX, TALLY_TELLINGS_PROOFS } from '../core/limits.js';

export class Tellings {
  #times = 1;
  #proven = 1;
  readonly #addresses = new Set<string>();

  /** So often each attempt is told; 1 until it is proven to be more. */
  get times(): number {
    return this.#times;
  }

  /**
   * A connection of the address made `attempts`, and its witnesses told `lines` times. Several
   * addresses have to agree, and one connection with as many lines as attempts refutes them, so
   * nobody can halve what counts of him where others fail too.
   */
  learn(address: string, attempts: number, lines: number): void {
    const times = lines / attempts;
    if (!Number.isInteger(times) || times < 1 || times > TALLY_TELLINGS_MAX) return;
    if (times !== this.#proven) {
      this.#addresses.clear();
      this.#proven = times;
    }
    if (times === 1) this.#times = 1;
    if (times === this.#times) return;
    this.#addresses.add(address);
    if (this.#addresses.size >= TALLY_TELLINGS_PROOFS) this.#times = times;
  }
}
