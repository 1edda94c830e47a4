/**
 * Wildcards in a match, as libsystemd needs them: it selects by values only, so they are expanded over the values that
 * the journal has, and again when new ones appear.
 */
import { JOURNAL_MATCH_TERMS_MAX } from '../core/limits.js';
import { expandGlobs, globFieldsOf, type MatchExpression, WHOLE_JOURNAL } from '../core/match.js';

/** New values are looked for this often, ms: it walks over all values of a field in all files. */
const CHECK_MS = 5_000;
/** And not so often that it would cost more than this part of the time. */
const COST_MAX = 0.01;

/** What new values make of a match. */
export interface Expansion {
  readonly all: MatchExpression;
  /** Entries that only the new values select. */
  readonly added: MatchExpression;
}

export class UnitGlobs {
  readonly #match: MatchExpression;
  readonly #fields: readonly string[];
  readonly #known = new Map<string, ReadonlySet<string>>();
  #next = 0;

  constructor(match: MatchExpression) {
    this.#match = match;
    this.#fields = globFieldsOf(match);
  }

  /** False: the match has no wildcards, and there is nothing to do. */
  get present(): boolean {
    return this.#fields.length > 0;
  }

  /** True when it is time to look for new values. */
  get due(): boolean {
    return this.present && performance.now() >= this.#next;
  }

  /** Looks at the values; undefined when there are no new ones that a wildcard fits. */
  look(valuesOf: (field: string) => readonly string[]): Expansion | undefined {
    const began = performance.now();
    const fresh = new Map<string, readonly string[]>();
    for (const field of this.#fields) {
      const values = valuesOf(field);
      const known = this.#known.get(field);
      fresh.set(
        field,
        values.filter((value) => known?.has(value) !== true),
      );
      this.#known.set(field, new Set([...(known ?? []), ...values]));
    }
    const now = performance.now();
    this.#next = now + Math.max(CHECK_MS, (now - began) / COST_MAX);
    const added = expandGlobs(this.#match, (field) => fresh.get(field) ?? []);
    if (!this.#isNew(added)) return undefined;
    return { all: expandGlobs(this.#match, (field) => [...(this.#known.get(field) ?? [])]), added };
  }

  /** True when some wildcard was replaced. */
  #isNew(added: MatchExpression): boolean {
    return added.groups.some((group, i) =>
      this.#fields.some((field) => String(group.get(field)) !== String(this.#match.groups[i]?.get(field))),
    );
  }
}

/** What libsystemd is given of a match; too many terms would cost more than reading everything. */
export function ofLibrary(match: MatchExpression): MatchExpression {
  return termsOf(match) <= JOURNAL_MATCH_TERMS_MAX ? match : WHOLE_JOURNAL;
}

function termsOf(match: MatchExpression): number {
  let terms = 0;
  for (const group of match.groups) for (const values of group.values()) terms += values.length;
  return terms;
}
