/**
 * Whether libsystemd selects the entries or reads them all. Selecting is cheap where few entries
 * are wanted, since the others are never touched; of a journal that is mostly wanted it costs about
 * twice as much per entry as reading everything and looking at the few that passed the gate here (a
 * mail server, 80 % wanted: 3.2 against 1.7 us). For selecting, wildcards are expanded to values.
 */

import { JOURNAL_MATCH_TERMS_MAX } from '../../core/limits.js';
import {
  expandGlobs,
  globFieldsOf,
  type MatchExpression,
  WHOLE_JOURNAL,
} from '../../core/match.js';
import type { Cursor } from '../../core/names.js';

/** Share of wanted entries from which on reading everything is cheaper. */
const WHOLE_SHARE = 0.6;
/** A batch of fewer entries tells nothing, and needs no hurry. */
const TELLING_ENTRIES = 500;
/** Entries that are read without a match until the share is measured again. */
const MEASURE_EVERY_ENTRIES = 200_000;

export class Selection {
  #match: MatchExpression;
  #everything: boolean;
  #unmeasured = 0;

  /** `match` is what libsystemd can be given; it may be the whole journal. */
  constructor(match: MatchExpression) {
    this.#match = match;
    this.#everything = match === WHOLE_JOURNAL;
  }

  /** What libsystemd is to select by. */
  get inLibrary(): MatchExpression {
    return this.#everything ? WHOLE_JOURNAL : this.#match;
  }

  /** Takes another match. */
  become(match: MatchExpression): void {
    this.#match = match;
    this.#everything = match === WHOLE_JOURNAL;
  }

  /**
   * Notes a batch of `read` entries after `from`, the last of them `to`. True when `inLibrary` is
   * another from now on. How many entries were passed over is read from the sequence numbers of the
   * cursors; where they are of another form or of several journals, nothing changes.
   */
  note(read: number, from: Cursor | undefined, to: Cursor | undefined): boolean {
    if (this.#match === WHOLE_JOURNAL || read < TELLING_ENTRIES) return false;
    if (this.#everything) {
      this.#unmeasured += read;
      if (this.#unmeasured < MEASURE_EVERY_ENTRIES) return false;
      this.#everything = false;
      return true;
    }
    const span = between(from, to);
    if (span === undefined || read / span < WHOLE_SHARE) return false;
    this.#everything = true;
    this.#unmeasured = 0;
    return true;
  }
}

/** Entries from one cursor to the other by their sequence numbers (`i`) of one writer (`s`). */
function between(from: Cursor | undefined, to: Cursor | undefined): number | undefined {
  const [, writer, first = ''] = /^s=([0-9a-f]+);i=([0-9a-f]+);/.exec(from ?? '') ?? [];
  const [, same, last = ''] = /^s=([0-9a-f]+);i=([0-9a-f]+);/.exec(to ?? '') ?? [];
  if (writer === undefined || writer !== same) return undefined;
  const span = Number.parseInt(last, 16) - Number.parseInt(first, 16);
  return span > 0 ? span : undefined;
}

// Wildcards in a match, as libsystemd needs them: it selects by values only, so they are expanded
// over the values that the journal has, and again when new ones appear.

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
      this.#fields.some(
        (field) => String(group.get(field)) !== String(this.#match.groups[i]?.get(field)),
      ),
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
