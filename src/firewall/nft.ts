/** The backend of the real kernel: `TableBackend` over `NftRunner`, with the watch for drift. What the daemon makes. */

import type { TableOwner } from '../../native/netlink-owner.js';
import type { ApplyReport, Element, KeepElements, KernelState } from '../core/firewall.js';
import type { FirewallPlan } from '../core/specs.js';
import { type BackendOptions, TableBackend } from './backend.js';
import { checkFirewall } from './check.js';
import { compileStructure } from './compile.js';
import { dumpJailCounters } from './dump.js';
import { claimTables } from './owner.js';
import { NftRunner, type RunnerOptions } from './runner.js';
import { makeSchema } from './schema.js';
import { DriftWatch } from './watch.js';

export interface NftBackendOptions extends BackendOptions, Omit<RunnerOptions, 'onStart' | 'onEnd' | 'onIll'> {
  /** Troubles that were got over (the resident nft died, a repair must be tried again), one line each, for the log. */
  readonly onProblem?: (message: string) => void;
  /** Window of a burst of repairs, ms. */
  readonly burstMs?: number;
}

/**
 * Bans in the kernel's tables `inet banjour` and `bridge banjour`. The constructor throws OperatorError when nft
 * is not installed.
 */
export class NftBackend extends TableBackend {
  readonly #runner: NftRunner;
  readonly #watch: DriftWatch;
  readonly #netns: string | undefined;
  #owner: TableOwner | undefined;

  constructor(options: NftBackendOptions = {}) {
    const onProblem = options.onProblem ?? (() => undefined);
    // The runner tells the watch whose changes are ours; the watch exists only after `super`.
    let watch: DriftWatch | undefined;
    const runner = new NftRunner({
      ...options,
      onStart: (pid) => watch?.own(pid),
      onEnd: (pid) => watch?.disown(pid),
      onIll: (reason) => onProblem(`${reason}; its work goes to fresh ones meanwhile`),
    });
    const trial = (plan: FirewallPlan) =>
      runner.trial(makeSchema(plan, [], options).flatMap((table) => compileStructure(table, undefined, true)));
    super(runner, { check: (plan) => checkFirewall(plan, { ...options, trial }), ...options });
    watch = new DriftWatch({
      ...(options.netns === undefined ? {} : { netns: options.netns }),
      ...(options.burstMs === undefined ? {} : { burstMs: options.burstMs }),
      repair: (reason, certain) => this.repair(reason, certain),
      onProblem,
    });
    this.#runner = runner;
    this.#netns = options.netns;
    this.#watch = watch;
  }

  override open(plan: FirewallPlan, wanted: Iterable<Element>, keep?: KeepElements): Promise<ApplyReport> {
    // Listening before looking: a change in between rings.
    this.#watch.start();
    this.#runner.warm();
    return super.open(plan, wanted, keep);
  }

  claim(): void {
    this.#owner ??= claimTables(this.#place);
  }

  /** Throws OperatorError when another process holds the tables. */
  override async flush(): Promise<void> {
    this.#watch.stop();
    this.claim();
    await super.flush();
  }

  override async close(): Promise<void> {
    this.#watch.stop();
    await super.close();
    this.#owner?.release();
    this.#owner = undefined;
  }

  /** Past the queue of changes: numbers of packets need no order. */
  counters(): Promise<KernelState['counters']> {
    return dumpJailCounters(this.#netns);
  }

  get #place(): { readonly netns?: string } {
    return this.#netns === undefined ? {} : { netns: this.#netns };
  }

  /** The ruleset in nft syntax as it stands in the kernel, without elements: what is, where `describe` says what would be. */
  ruleset(): Promise<string> {
    return this.#runner.ruleset();
  }

  /** Process id of the resident nft while there is one. */
  get residentPid(): number | undefined {
    return this.#runner.residentPid;
  }
}
