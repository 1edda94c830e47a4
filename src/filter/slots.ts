/** Regexes that are tried one after the other, and which of them a text can match at all by its first character. */
import type { RegexSlot } from './filter.js';

/** Texts of log lines begin in ASCII; for others every regex is tried. */
const CODES = 128;

export class SlotList {
  readonly all: readonly RegexSlot[];
  /** By the code of the first character: most regexes of a filter begin with another word than the text. */
  readonly #byFirst: readonly (readonly RegexSlot[])[];

  constructor(all: readonly RegexSlot[]) {
    this.all = all;
    this.#byFirst = Array.from({ length: CODES }, (_, code) => all.filter(({ regex }) => regex.canBeginWith(code)));
  }

  /** Those that the text may match, in their order. */
  for(text: string): readonly RegexSlot[] {
    if (text === '') return this.all;
    return this.#byFirst[text.charCodeAt(0)] ?? this.all;
  }
}
