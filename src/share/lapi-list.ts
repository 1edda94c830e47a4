/**
 * The decisions of an answer of the LAPI, `{"new": [...], "deleted": [...]}`, one by one as they
 * come: parsed as a whole, a list of 200,000 takes more memory than the companion may have, and a
 * made-up one of the same size any.
 */
import { JsonItems } from '../control/items.js';
import { SHARE_ANSWER_DECISIONS_MAX, SHARE_DECISION_BYTES_MAX } from '../core/service-limits.js';
import { type ReadDecision, readDecision } from './lapi-words.js';

/** A decision with its end by this host's clock, ms since 1970. */
export type HeardDecision = ReadDecision & { readonly until: number };

export class DecisionList {
  readonly put: HeardDecision[] = [];
  readonly gone: ReadDecision[] = [];
  /** Decisions of `new` that are no ban of an address or prefix. */
  passedOver = 0;
  readonly #now: () => number;
  readonly #scenarios = new Map<string, string>();
  readonly #items = new JsonItems((json, list) => this.#keep(json, list), {
    level: 2,
    bytesMax: SHARE_DECISION_BYTES_MAX,
    tooLarge: `it has a decision of more than ${SHARE_DECISION_BYTES_MAX} bytes`,
  });

  constructor(now: () => number) {
    this.#now = now;
  }

  /** True when the answer has ended as it should. */
  get isWhole(): boolean {
    return this.#items.isOver;
  }

  /** Takes a piece of the answer. Throws for a decision that is too large, and for too many. */
  take(piece: Buffer): void {
    this.#items.take(piece);
  }

  #keep(json: string, list: string): void {
    if (this.put.length + this.gone.length === SHARE_ANSWER_DECISIONS_MAX)
      throw new Error(`its answer has more than ${SHARE_ANSWER_DECISIONS_MAX} decisions`);
    const read = readDecision(JSON.parse(json));
    if (list === 'deleted') {
      if (read !== undefined) this.gone.push(read);
    } else if (list !== 'new') return;
    else if (read === undefined) this.passedOver++;
    else {
      // Thousands have the same reason.
      const scenario = this.#scenarios.get(read.scenario) ?? read.scenario;
      this.#scenarios.set(scenario, scenario);
      this.put.push({ ...read, scenario, until: this.#now() + read.leftMs });
    }
  }
}
