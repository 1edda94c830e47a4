/**
 * Whether libsystemd selects the entries or reads them all. Selecting is cheap where few entries
 * are wanted, since the others are never touched; of a journal that is mostly wanted it costs about
 * twice as much per entry as reading everything and looking at the few that passed the gate here (a
 * mail server, 80 % wanted: 3.2 against 1.7 us).
 *
 * libsystemd selects by values only, and a wildcard fits values that are not there yet. What it
 * selects must never change because of one: entries before the change would be read twice, or not
 * at all. So a term with a wildcard is no part of it, and entries are tested here.
 */

import { JOURNAL_MATCH_TERMS_MAX } from '../../core/limits.js';
import { type MatchExpression, WHOLE_JOURNAL, withoutGlobs } from '../../core/match.js';
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

/** What libsystemd is given of a match; too many terms would cost more than reading everything. */
export function ofLibrary(match: MatchExpression): MatchExpression {
  const exact = withoutGlobs(match);
  return termsOf(exact) <= JOURNAL_MATCH_TERMS_MAX ? exact : WHOLE_JOURNAL;
}

function termsOf(match: MatchExpression): number {
  let terms = 0;
  for (const group of match.groups) for (const values of group.values()) terms += values.length;
  return terms;
}
