/**
 * Runs matches under the regex guard. A regex that misses it is demoted to the linear matcher for
 * good, and what it was judging is judged again: nothing is lost, nothing is done twice, and no
 * filter is ever switched off by a line. The same holds for a line that makes an executor throw (V8
 * does when its stack is too small for it).
 */
import { REGEX_STRIKES_MAX } from '../core/limits.js';
import { REGEX_GUARD_MS, REGEX_LINEAR_GUARD_MS } from '../core/timeouts.js';
import type { LineMatch } from './line-match.js';
import type { RegexSlot, RunningRegex } from './search.js';

/**
 * Runs `run` and stops it after so many milliseconds. False: it was stopped, at any point of its
 * code.
 */
export type Guard = (run: () => void, milliseconds: number) => boolean;

/** Matches the n-th of several lines: pure, may be stopped and run again. */
export type Task = (n: number, progress: RunningRegex) => LineMatch;

export interface GuardedRun {
  /**
   * One per line, in order, of all or of as many as there was time for; undefined where the search
   * had to be given up.
   */
  readonly matches: readonly (LineMatch | undefined)[];
  readonly demoted: readonly RegexSlot[];
  /** Times the guard struck. */
  readonly timeouts: number;
}

/** Keeps book of which regexes were running when the guard struck. */
export class RegexGuard {
  readonly #guard: Guard;
  readonly #strikes = new Map<RegexSlot, number>();

  constructor(guard: Guard) {
    this.#guard = guard;
  }

  /**
   * Matches lines 0 to `count` - 1. Slow lines end it once `isOver` says so, behind one at the
   * earliest.
   */
  run(count: number, task: Task, isOver: () => boolean = () => false): GuardedRun {
    const matches: (LineMatch | undefined)[] = new Array(count);
    const progress: RunningRegex = { running: undefined };
    const demoted: RegexSlot[] = [];
    let timeouts = 0;
    let next = 0;
    const demote = (slot: RegexSlot) => {
      this.#strikes.delete(slot);
      slot.regex.demote();
      demoted.push(slot);
    };
    // `next` moves after the result is stored: stopped in between, a task runs twice, which a pure
    // one may.
    const upTo = (end: number) => () => {
      while (next < end) {
        matches[next] = task(next, progress);
        next++;
      }
    };
    const guard: Guard = (work, milliseconds) => {
      for (;;) {
        try {
          return this.#guard(work, milliseconds);
        } catch (error) {
          if (next >= count) throw error;
          const slot = progress.running;
          if (slot !== undefined && slot.regex.engine !== 'linear') demote(slot);
          else matches[next++] = undefined;
        }
      }
    };
    while (next < count && !(next > 0 && isOver())) {
      progress.running = undefined;
      if (guard(upTo(count), REGEX_GUARD_MS)) break;
      timeouts++;
      const slot = progress.running as RegexSlot | undefined;
      // Many lines that are each slow, or a machine that stood still: the task alone shows whether
      // it is the culprit.
      if (slot !== undefined && slot.regex.engine !== 'linear' && this.#strike(slot)) demote(slot);
      while (next < count) {
        const at = next;
        progress.running = undefined;
        if (guard(upTo(at + 1), REGEX_GUARD_MS)) break;
        timeouts++;
        const culprit = progress.running as RegexSlot | undefined;
        if (culprit !== undefined && culprit.regex.engine !== 'linear') {
          demote(culprit);
          continue;
        }
        // The linear matcher is bounded, but a bound can be long; what exceeds even this is passed
        // over.
        if (!guard(upTo(at + 1), REGEX_LINEAR_GUARD_MS) && next === at) matches[next++] = undefined;
        break;
      }
    }
    if (timeouts === 0) this.#strikes.clear();
    matches.length = next;
    return { matches, demoted, timeouts };
  }

  /** True when the regex was caught often enough without a clean run in between. */
  #strike(slot: RegexSlot): boolean {
    const strikes = (this.#strikes.get(slot) ?? 0) + 1;
    this.#strikes.set(slot, strikes);
    return strikes >= REGEX_STRIKES_MAX;
  }
}
