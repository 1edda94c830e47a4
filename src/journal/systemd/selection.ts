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

import { fieldKey, READ } from '../../../native/entry-data.js';
import type { JournalHandle } from '../../../native/journal.js';
import type { RawBatch } from '../../../native/raw-entries.js';
import { JOURNAL_MATCH_TERMS_MAX } from '../../core/limits.js';
import { fieldsOf, type MatchExpression, WHOLE_JOURNAL, withoutGlobs } from '../../core/match.js';
import type { Cursor } from '../../core/names.js';
import type { matchFieldsTest } from '../gate.js';

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

// Where libsystemd does not select, a host whose jails have nothing to do reads what others log,
// and must not stay awake for it.

/**
 * After a pause so many entries are read one by one: only where one ends is its match looked at.
 */
const ONE_BY_ONE = 16;

/**
 * Tells entries of others from those of the match that pass no gate, as the first of an attack do.
 */
export class Others {
  readonly #test: ReturnType<typeof matchFieldsTest>;
  readonly #fields: readonly string[];
  #left = 0;

  constructor(match: MatchExpression, test: ReturnType<typeof matchFieldsTest>) {
    this.#test = test;
    this.#fields = [...fieldsOf(match)];
  }

  /** How many entries are to be read at once, where there may be `max`. */
  most(max: number): number {
    return this.#left > 0 ? 1 : max;
  }

  /**
   * Whether a batch, at whose last entry the handle stands, is of others. `isWanted`: it has
   * entries of the match that passed the gate. Of a batch of many the last entry stands for all.
   */
  areAll(handle: JournalHandle, { read, unreadable }: RawBatch, isWanted: boolean): boolean {
    this.#left = read === 0 ? ONE_BY_ONE : Math.max(0, this.#left - read);
    if (read === 0 || unreadable > 0 || isWanted) return false;
    const fields = new Map<string, string>();
    for (const name of this.#fields)
      if (handle.readData(fieldKey(name)) === READ.found)
        fields.set(name, handle.data.head(name.length + 1));
    return !this.#test(fields, undefined);
  }
}
