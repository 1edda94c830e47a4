/**
 * What the intake thread and the main thread say to each other, as plain data; and which entries
 * are Banjour's own.
 */

import type { FilterEvent } from '../../core/decision.js';
import type { Entry, Position, ReadPosition, SourceSpec, StreamView } from '../../core/entry.js';
import type { PackedError } from '../../core/errors.js';
import { BATCH_CREDITS } from '../../core/limits.js';
import type { SourceId } from '../../core/names.js';
import type { JailIntake } from '../../core/specs.js';
import { type EpochMicros, plus, type Seconds } from '../../core/time.js';
import type { JailCounters } from '../../filter/counters.js';

// Our own entries repeat addresses and user names of others, so a jail that reads the whole journal
// would count them again. They are known by what journald itself sets, never by their text: a line
// that quotes one of ours is judged.

/** Fields that every entry must carry for `isOwn`. */
export const OWN_FIELDS: readonly string[] = ['_SYSTEMD_UNIT', '_PID'];

const OWN_UNITS: ReadonlySet<string> = new Set([
  'banjour.service',
  'banjour-companion.service',
  // Of 0.1.0, whose lines the journal still holds after an upgrade.
  'banjour-notify.service',
]);

/** This process, for an agent that was started by hand in some other unit. */
export interface OwnProcess {
  readonly pid: number;
  /** When it started: the number may have been another process's before. */
  readonly since: EpochMicros;
}

/** True for entries of our units and of the process. */
export function isOwn({ fields, realtime }: Entry, self: OwnProcess | undefined): boolean {
  const unit = fields.get('_SYSTEMD_UNIT');
  if (unit !== undefined && OWN_UNITS.has(unit)) return true;
  return self !== undefined && realtime >= self.since && fields.get('_PID') === String(self.pid);
}

/** Where an intake begins. `fresh` starts at the end of the journal, less `lookBack`. */
export type IntakeStart =
  /** Everything there is: replay. */
  | { readonly kind: 'whole' }
  | { readonly kind: 'since'; readonly time: EpochMicros }
  /** No stored position: the last `lookBack` is read and judged. */
  | { readonly kind: 'fresh'; readonly lookBack: Seconds; readonly now: EpochMicros }
  /** Goes on after `mark`; what lies up to `lookBack` before it is read for the windows only. */
  | { readonly kind: 'resume'; readonly mark: ReadPosition; readonly lookBack: Seconds };

/** Where the source is opened. */
export function positionOf(start: IntakeStart): Position {
  switch (start.kind) {
    case 'whole':
      return { at: 'head' };
    case 'since':
      return { at: 'time', time: start.time };
    case 'fresh':
      return { at: 'time', time: before(start.now, start.lookBack) };
    case 'resume':
      return { at: 'time', time: before(start.mark.time, start.lookBack), mark: start.mark };
  }
}

function before(time: EpochMicros, length: number): EpochMicros {
  return plus(time, -length);
}

export interface IntakePlan {
  readonly id: SourceId;
  readonly source: SourceSpec;
  readonly jails: readonly JailIntake[];
  readonly start: IntakeStart;
  /** False: stop at the end of what is stored, although a journal never ends. */
  readonly follow: boolean;
  /** The running agent, whose own entries are nobody's failures; absent in replay. */
  readonly self?: OwnProcess;
}

/** What the thread is told first. */
export interface IntakeWork {
  readonly plan: IntakePlan;
  /**
   * Number of the eventfd that is written to after every message to the thread; absent where nobody
   * waits in C.
   */
  readonly orders?: number;
  /** See `Credits`. */
  readonly credits: SharedArrayBuffer;
}

/**
 * `warm-up`: at or before the stored mark. `catch-up`: stored entries after it. `live`: the end was
 * reached once. `waiting`: the source cannot be read, and is tried again (never said by a thread).
 */
export type IntakePhase = 'opening' | 'warm-up' | 'catch-up' | 'live' | 'ended' | 'waiting';

export interface IntakeStats {
  readonly phase: IntakePhase;
  readonly entriesRead: number;
  readonly entriesCut: number;
  readonly entriesUnreadable: number;
  /** The last entry read. */
  readonly position?: ReadPosition;
  /** Part of the stored entries that has been read, 0 to 1; absent when that is not known. */
  readonly progress?: number;
  readonly jails: readonly JailCounters[];
  /** What the source is made of, when it is several streams. */
  readonly streams?: readonly StreamView[];
}

export type FromIntake =
  | { readonly type: 'opened'; readonly gap: boolean }
  | {
      readonly type: 'batch';
      readonly phase: IntakePhase;
      /** Entries at or before the mark: for the windows only. */
      readonly warm: readonly FilterEvent[];
      readonly events: readonly FilterEvent[];
      /** Up to here all is judged. */
      readonly position?: ReadPosition;
      /** Entries after the position were judged as well. */
      readonly isBehind?: true;
    }
  /**
   * Newest entries, while stored ones are still read; those come once more in their turn. `warm`:
   * of them at or before the mark.
   */
  | {
      readonly type: 'edge';
      readonly warm: readonly FilterEvent[];
      readonly events: readonly FilterEvent[];
    }
  | { readonly type: 'stats'; readonly stats: IntakeStats }
  | { readonly type: 'notice'; readonly level: 'warning' | 'notice'; readonly message: string }
  | { readonly type: 'pong'; readonly id: number }
  | { readonly type: 'ended' }
  /** The thread cannot go on. */
  | { readonly type: 'failed'; readonly error: PackedError };

/** What is sent against credits, each against its own: the newest wait for no stored ones. */
export type Credited = 'batch' | 'edge';

/**
 * How many batches the thread may still send, counted in memory that both threads share: in a storm
 * one is given back for every batch, and a message for each cost as much as the batch.
 */
export class Credits {
  readonly shared: SharedArrayBuffer;
  readonly #left: Int32Array;

  /** Without `shared`: full ones, for whoever starts the thread. */
  constructor(shared?: SharedArrayBuffer) {
    this.shared = shared ?? new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
    this.#left = new Int32Array(this.shared);
    if (shared === undefined) this.#left.fill(BATCH_CREDITS);
  }

  /** None or fewer: what the end of a phase says is sent without one. */
  left(of: Credited): number {
    return Atomics.load(this.#left, SLOT[of]);
  }

  spend(of: Credited): void {
    Atomics.sub(this.#left, SLOT[of], 1);
  }

  /** Gives one back; true when there was none, so that somebody may be waiting for it. */
  give(of: Credited): boolean {
    return Atomics.add(this.#left, SLOT[of], 1) <= 0;
  }
}

const SLOT: Readonly<Record<Credited, number>> = { batch: 0, edge: 1 };

export type ToIntake =
  /** Whose filters will most likely be asked for: they may be compiled ahead of the plan. */
  | { readonly type: 'filters'; readonly jails: readonly JailIntake[] }
  /** What to read, and for whom: said once, ahead of all that follows. */
  | { readonly type: 'plan'; readonly work: IntakeWork }
  /** There are credits again, after there were none. */
  | { readonly type: 'credit' }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'stop' };
