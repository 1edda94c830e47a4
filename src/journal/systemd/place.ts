/** How far a journal was read, and the way back there. */

import type { JournalHandle } from '../../../native/journal.js';
import type { Position, ReadPosition } from '../../core/entry.js';
import { type MatchExpression, WHOLE_JOURNAL } from '../../core/match.js';
import type { Cursor, SourceId } from '../../core/names.js';
import { type EpochMicros, isoTime, wallClock } from '../../core/time.js';
import { positionOf, sameEntry } from '../position.js';

/** The place in a journal that was reached; the handle may be another after files came or went. */
export class JournalPlace {
  #last: ReadPosition | undefined;
  /** The wall when `#last` was read: later entries came after it, whatever its own time says. */
  #reachedAt: EpochMicros;
  /**
   * Set when the place was not found: the next entry is not delivered again if it is a copy of this
   * one.
   */
  #lost: Cursor | undefined;
  #isStale = false;

  /** `reachedAt`: the wall when the place was reached at which reading is to go on. */
  constructor(reachedAt: EpochMicros = wallClock.now()) {
    this.#reachedAt = reachedAt;
  }

  /** The entry read last, or the one that `goTo` was given. */
  get last(): ReadPosition | undefined {
    return this.#last;
  }

  get reachedAt(): EpochMicros {
    return this.#reachedAt;
  }

  /** The entry read last had no name that could be read: `last` is one before it. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** True until the next entry, when `goTo` did not find the place. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /**
   * Goes to the position and selects the entries, in this order: the entry of the position need not
   * be among the selected. `setMatches` keeps the place (libsystemd's `detach_location`). False
   * when a wanted cursor is gone.
   */
  goTo(handle: JournalHandle, position: Position, selected: MatchExpression): boolean {
    handle.setMatches(WHOLE_JOURNAL);
    this.#last = undefined;
    this.#isStale = false;
    let found = true;
    if (position.at === 'tail') {
      handle.seekTail();
      if (handle.previous()) this.remember(handle);
      else handle.seekHead();
    } else if (position.at === 'cursor') {
      this.#last = position;
      found = this.#seekEntry(handle, position);
    } else if (position.at === 'time') seekTime(handle, position);
    else handle.seekHead();
    handle.setMatches(selected);
    this.#lost = found || position.at !== 'cursor' ? undefined : position.cursor;
    return found;
  }

  #seekEntry(handle: JournalHandle, position: ReadPosition): boolean {
    const isCursor = handle.seekCursor(position.cursor);
    const here = isCursor && handle.next() ? handle.cursor() : undefined;
    const found =
      here !== undefined &&
      (handle.testCursor(position.cursor) || sameEntry(here, position.cursor));
    const isNear =
      here !== undefined && positionOf(here)?.line === positionOf(position.cursor)?.line;
    if (!found && isCursor && (isNear || position.time <= this.#reachedAt))
      handle.seekCursor(position.cursor);
    // The entry of a clock that was ahead: by its time nothing would be found until then.
    else if (!found) handle.seekRealtime(Math.min(position.time, this.#reachedAt) as EpochMicros);
    return found;
  }

  /** Notes the entry on which the handle stands as the one read last. */
  remember(handle: JournalHandle): void {
    const cursor = handle.cursor();
    const time = handle.realtime();
    this.#isStale = cursor === undefined || time === undefined;
    if (cursor === undefined || time === undefined) return;
    this.#last = { cursor, time };
    this.#reachedAt = wallClock.now();
  }

  /** Notes the entry that another handle read last: one that reads ahead. */
  rememberAhead(last: ReadPosition): void {
    this.#isStale = false;
    this.#last = last;
  }

  /**
   * Goes to the next entry after a lost place. True when it stands on one that was not delivered
   * before.
   */
  nextIsNew(handle: JournalHandle): boolean {
    if (!handle.next()) return false;
    const here = handle.cursor();
    const isCopy = here !== undefined && this.#lost !== undefined && sameEntry(here, this.#lost);
    this.#lost = undefined;
    return !isCopy;
  }
}

/**
 * Goes to a time. The times of a journal need not be in order (a clock was put back), and
 * libsystemd halves its way by them: where that ends behind the mark, reading begins at the mark,
 * so that nothing after it is left out.
 */
function seekTime(handle: JournalHandle, { time, mark }: Extract<Position, { at: 'time' }>): void {
  handle.seekRealtime(time);
  const wanted = mark && positionOf(mark.cursor);
  if (mark === undefined || wanted === undefined) return;
  const here = handle.next() ? handle.cursor() : undefined;
  const found = here === undefined ? undefined : positionOf(here);
  const isBehind =
    here === undefined || (found?.line === wanted.line && found.number > wanted.number);
  if (isBehind && handle.seekCursor(mark.cursor) && handle.next() && handle.testCursor(mark.cursor))
    handle.seekCursor(mark.cursor);
  else handle.seekRealtime(time);
}

/**
 * The stored entries from the position on. Undefined when there are none, or their times cannot be
 * told.
 */
export function spanOf(handle: JournalHandle, position: Position) {
  const stored = handle.cutoff();
  if (stored === undefined) return undefined;
  const start =
    position.at === 'head' ? stored.from : position.at === 'tail' ? stored.to : position.time;
  return { from: Math.max(stored.from, start) as EpochMicros, to: stored.to };
}

/**
 * Says that entries were passed over at which libsystemd would have ended this process, as often as
 * that happens. `last`: the place behind them.
 */
export function abortedNotice(id: SourceId, count: number, last: ReadPosition | undefined): string {
  const where = last === undefined ? '' : `, not long before ${isoTime(last.time)}`;
  const entries = count === 1 ? 'entry of the journal was' : 'entries of the journal were';
  return `${id}: ${count} ${entries} passed over${where}: the file is damaged in a way that ends libsystemd (journalctl --verify names it)`;
}
