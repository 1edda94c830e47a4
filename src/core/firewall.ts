/**
 * The contract of a firewall backend. Executed by test/firewall/contract.ts against every backend.
 *
 * A backend makes the kernel equal to what is wanted; it knows nothing of failures or of the
 * ledger. All methods may be called only after `open` has settled and before `close`; calls are
 * queued and carried out in order.
 *
 * - `open` brings schema and elements to the wanted state by a diff against the kernel, without a
 *   moment in which a wanted element is not in force. Elements that are not wanted are removed, but
 *   for those that `keep` answers when it is asked about them; the kernel's other tables are never
 *   touched.
 * - `apply` is atomic per batch; refused changes are dropped one by one (bisection), each with its
 *   reason, and the rest is applied. A `put` of an element in force replaces its end; a `remove` of
 *   an absent one is no error.
 * - `until` is a time on the wall clock; the backend turns it into the kernel's relative timeout at
 *   sending. An end that has passed already makes `put` a `remove`.
 * - `close` leaves the table in the kernel. `flush` removes it.
 */
import type { Prefix } from './address.js';
import type { Finding } from './finding.js';
import type { JailName } from './names.js';
import type { FirewallPlan } from './specs.js';
import type { EpochMicros } from './time.js';

/** One banned target of one jail. */
export interface Element {
  readonly jail: JailName;
  readonly target: Prefix;
  /** null: permanent, no kernel timeout. */
  readonly until: EpochMicros | null;
}

export type ElementChange =
  | ({ readonly kind: 'put' } & Element)
  | { readonly kind: 'remove'; readonly jail: JailName; readonly target: Prefix };

export interface Refusal {
  readonly change: ElementChange;
  /** The kernel's or nft's words, one line. */
  readonly reason: string;
}

export interface ApplyReport {
  readonly refused: readonly Refusal[];
  /** Which way the batch went, for the metrics. */
  readonly via: 'resident' | 'fresh' | 'none';
  /** From call to answer, in milliseconds. */
  readonly elapsedMs: number;
}

/** What the kernel holds. */
export interface KernelState {
  /** False when the table is absent. */
  readonly present: boolean;
  readonly elements: readonly Element[];
  /** Packets and bytes that each jail's rules stopped. */
  readonly counters: ReadonlyMap<JailName, { readonly packets: number; readonly bytes: number }>;
}

/** Answers which elements of the kernel that are not wanted stay in force all the same. */
export type KeepElements = (elements: readonly Element[]) => Iterable<Element>;

/**
 * Called when the kernel no longer equals the wanted state (somebody else's flush) and after it was
 * made so again.
 */
export type DriftListener = (event: {
  readonly kind: 'drift' | 'healed';
  readonly reason: string;
  readonly elapsedMs?: number;
}) => void;

export interface FirewallBackend {
  /**
   * Starts what takes its time beside other work, e.g. child processes; changes nothing. Absent
   * where there is nothing to wait for.
   */
  prepare?(): void;
  /**
   * Takes the tables for this process until `close`, before anything else is asked for. Throws
   * OperatorError when another process holds them. Absent where there is nothing to share.
   */
  claim?(): void;
  /**
   * Makes the kernel equal to the plan and to what is wanted. `taking`: called ahead of that where
   * the tables stand already, when changes are taken from then on.
   */
  open(
    plan: FirewallPlan,
    wanted: Iterable<Element>,
    keep?: KeepElements,
    taking?: () => void,
  ): Promise<ApplyReport>;
  apply(changes: readonly ElementChange[]): Promise<ApplyReport>;
  /** Replaces the plan (reload); bans of kept jails stay in force throughout. */
  replan(plan: FirewallPlan, wanted: Iterable<Element>): Promise<ApplyReport>;
  /** Expensive with many elements: never on a hot path. */
  read(): Promise<KernelState>;
  /**
   * Only the counters of `read`: cheap however many elements there are. Absent where there is no
   * kernel.
   */
  counters?(): Promise<KernelState['counters']>;
  /** The ruleset in nft syntax: what `open(plan, ...)` makes, without elements. */
  describe(plan: FirewallPlan): string;
  onDrift(listener: DriftListener): void;
  /**
   * Supplies the wanted elements when the table must be built anew after drift. `urgent`: those of
   * them that are most likely to be at it now, at most NFT_RETURNING_BANS_MAX, for little, the
   * likeliest first.
   */
  provideWanted(wanted: () => Iterable<Element>, urgent?: () => readonly Element[]): void;
  /**
   * Calls back whenever the whole of the kernel was compared, with the elements of lists
   * (`LISTS_JAIL`) that it holds after that. They are none of `wanted`, and no comparison touches
   * them: whoever follows puts them right by `apply`. Absent where there is no kernel.
   */
  followListed?(listener: (standing: readonly Element[]) => void): void;
  flush(): Promise<void>;
  close(): Promise<void>;
  check(): Promise<Finding[]>;
  /**
   * The heartbeat: false when calls have been stuck for so long that only a restart helps. Waits up
   * to `milliseconds` for an answer, and on the way replaces a child process that gives none.
   * Absent where nothing can hang.
   */
  alive?(milliseconds: number): Promise<boolean>;
}
