/**
 * The decisions of an answer of the LAPI, `{"new": [...], "deleted": [...]}`, one by one as they
 * come: parsed as a whole, a list of 200,000 takes more memory than the companion may have, and a
 * made-up one of the same size any.
 */
import { SHARE_DECISION_BYTES_MAX } from '../core/service-limits.js';
import { type ReadDecision, readDecision } from './lapi-words.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const isOpening = (byte: number) => byte === 0x5b || byte === BRACE;
const isClosing = (byte: number) => byte === 0x5d || byte === 0x7d;
/** Brackets around a decision: the answer's and the list's. */
const LEVEL = 2;

/** A decision with its end by this host's clock, ms since 1970. */
export type HeardDecision = ReadDecision & { readonly until: number };

export class DecisionList {
  readonly put: HeardDecision[] = [];
  readonly gone: ReadDecision[] = [];
  /** Decisions of `new` that are no ban of an address or prefix. */
  passedOver = 0;
  readonly #now: () => number;
  readonly #scenarios = new Map<string, string>();
  #rest: Buffer = Buffer.alloc(0);
  /** Where in `#rest` the newest text between lists, or the entry that goes on, begins. */
  #begin = 0;
  #seen = 0;
  #depth = 0;
  #isText = false;
  #isEscaped = false;
  #name = '';
  #isWhole = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** True when the answer has ended as it should. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Takes a piece of the answer. Throws for what is too large to be a decision. */
  take(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    for (let at = this.#seen; at < bytes.length; at++) this.#look(bytes, at);
    const isOpen = this.#depth > LEVEL || (this.#isText && this.#depth < LEVEL);
    this.#rest = isOpen ? Buffer.from(bytes.subarray(this.#begin)) : Buffer.alloc(0);
    this.#begin = 0;
    this.#seen = this.#rest.length;
    if (this.#seen > SHARE_DECISION_BYTES_MAX)
      throw new Error(`it has a decision of more than ${SHARE_DECISION_BYTES_MAX} bytes`);
  }

  #look(bytes: Buffer, at: number): void {
    const byte = bytes[at] as number;
    if (this.#isText) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) {
        this.#isText = false;
        if (this.#depth === 1) this.#name = bytes.toString('utf8', this.#begin + 1, at);
      }
    } else if (byte === QUOTE) {
      this.#isText = true;
      if (this.#depth < LEVEL) this.#begin = at;
    } else if (isOpening(byte)) {
      if (this.#depth === 0 && (byte !== BRACE || this.#isWhole)) throw new Error('it is no list');
      if (this.#depth++ === LEVEL) this.#begin = at;
    } else if (isClosing(byte)) {
      if (--this.#depth < 0) throw new Error('it is no list');
      if (this.#depth === LEVEL) this.#keep(bytes.toString('utf8', this.#begin, at + 1));
      this.#isWhole = this.#depth === 0;
    }
  }

  #keep(text: string): void {
    const read = readDecision(JSON.parse(text));
    if (this.#name === 'deleted') {
      if (read !== undefined) this.gone.push(read);
    } else if (this.#name !== 'new') return;
    else if (read === undefined) this.passedOver++;
    else {
      // Thousands have the same reason.
      const scenario = this.#scenarios.get(read.scenario) ?? read.scenario;
      this.#scenarios.set(scenario, scenario);
      this.put.push({ ...read, scenario, until: this.#now() + read.leftMs });
    }
  }
}
