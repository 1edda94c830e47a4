/** Instructions of the linear matcher. */
import type { AssertKind } from './tree.js';

/** Operations; `a` and `b` are operands, the next instruction follows unless it says otherwise. */
export const OP = {
  /** One code unit `a`. */
  char: 0,
  /** One code unit of set `a`. */
  set: 1,
  /** Try `a`, then `b`. */
  split: 2,
  jump: 3,
  /** Writes the position to slot `a`. */
  save: 4,
  /** As many of set `a` as there are, then ever fewer. */
  run: 5,
  /** None of set `a`, then ever more. */
  lazyRun: 6,
  /** As many of set `a` as there are, and no fewer. */
  fullRun: 7,
  assert: 8,
  /** Runs the look (or atomic group) `a`, goes on at `b`. */
  look: 9,
  /** End of the regex or of a look. */
  accept: 10,
  /** Repeats group `a`; `b` is 1 when case is ignored. */
  backref: 11,
  /** Goes on when group `a` took part, else jumps to `b`. */
  cond: 12,
  /** Jumps to `b` when the position is still that of slot `a`: the round was empty. */
  check: 13,
} as const;

export const ASSERTS: readonly AssertKind[] = [
  'start',
  'end',
  'line-start',
  'line-end',
  'word',
  'not-word',
  'ascii-word',
  'not-ascii-word',
];

export interface Look {
  readonly start: number;
  readonly negative: boolean;
  /** Characters to step back first. */
  readonly back: number;
  /** The position goes on from where the body ended. */
  readonly atomic: boolean;
  /** What it captures is kept; so its successes cannot be remembered. */
  readonly captures: boolean;
}

/** What the key of a choice needs besides position: the groups tested later and the loops that may be empty. */
export interface Choice {
  readonly groups: readonly number[];
  readonly rounds: readonly number[];
  /** Number of the first of 2^bits states; -1 when nothing may be remembered. */
  state: number;
}

export interface Program {
  readonly op: Uint8Array;
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly choices: readonly (Choice | undefined)[];
  /** Quick access: `choices[pc].state` when there are no bits, -1 when not remembered, -2 when there are bits. */
  readonly state: Int32Array;
  /** What must come next for each instruction, see `aheadOf`. */
  readonly ahead: Int32Array;
  readonly sets: readonly Uint8Array[];
  readonly looks: readonly Look[];
  readonly slots: number;
  /** All states, and the first of them, which are those of looks whose successes are remembered too. */
  readonly states: number;
  readonly lookStates: number;
  readonly budgeted: boolean;
}

export interface LinearMatch {
  readonly index: number;
  readonly end: number;
  /** Start of group n at 2n, end at 2n+1; -1 when it took no part. Valid until the next search of any matcher. */
  readonly slots: Int32Array;
}
