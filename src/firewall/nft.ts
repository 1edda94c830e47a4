/**
 * The backend of the real kernel, as an agent makes it: `TableBackend` over `NftRunner`, with the
 * watch for drift. It also closes the sockets that this host has with who is banned.
 */

import type { TableOwner } from '../../native/netlink-owner.js';
import { formatPrefix, type Prefix } from '../core/address.js';
import { OperatingError } from '../core/errors.js';
import type { ApplyReport, Element, KeepElements, KernelState } from '../core/firewall.js';
import { NFT_ERROR_BYTES_MAX } from '../core/limits.js';
import { SS_OUTPUT_BYTES_MAX } from '../core/service-limits.js';
import type { FirewallPlan } from '../core/specs.js';
import { SS_DEADLINE_MS } from '../core/timeouts.js';
import { type BackendOptions, TableBackend } from './backend.js';
import { checkFirewall } from './check.js';
import { compileStructure } from './compile.js';
import { dumpJailCounters } from './kernel-tables.js';
import { claimTables } from './owner.js';
import { NftRunner, type RunnerOptions } from './runner.js';
import { makeSchema } from './schema.js';
import { type Command, findProgram, run } from './spawn.js';
import { DriftWatch } from './watch.js';

// Closes this host's sockets of a banned prefix at once. Its packets are dropped anyway; this frees
// what the service still holds for it instead of leaving that to time-outs. ss(8) of iproute2; the
// kernel needs INET_DIAG_DESTROY.

export interface KillOptions {
  /** ss and first arguments; without it ss is looked for in the system's folders. */
  readonly command?: Command;
  readonly deadlineMs?: number;
}

/**
 * Ends all TCP and UDP sockets whose remote address lies in the prefix and says how many there
 * were. Throws OperatingError `ERR_SS_MISSING`, `ERR_SS_FAILED`, or those of a child process.
 */
export async function killSockets(prefix: Prefix, options: KillOptions = {}): Promise<number> {
  const command = options.command ?? found(findProgram('ss'));
  const target = prefix.family === 6 ? `[${formatPrefix(prefix)}]` : formatPrefix(prefix);
  const { status, stdout, stderr } = await run(
    command,
    ['-K', '-H', '-n', '-t', '-u', 'state', 'connected', 'dst', target],
    {
      deadlineMs: options.deadlineMs ?? SS_DEADLINE_MS,
      outputBytesMax: SS_OUTPUT_BYTES_MAX,
      errorBytesMax: NFT_ERROR_BYTES_MAX,
    },
  );
  if (status !== 0)
    throw new OperatingError(
      'ERR_SS_FAILED',
      `ss could not close the sockets of ${target}: ${stderr.trim().slice(0, 300)}`,
    );
  return stdout.split('\n').filter((line) => line.trim() !== '').length;
}

function found(path: string | undefined): Command {
  if (path !== undefined) return [path];
  throw new OperatingError('ERR_SS_MISSING', 'ss is not installed (apt install iproute2)');
}

export interface NftBackendOptions
  extends BackendOptions,
    Omit<RunnerOptions, 'onStart' | 'onEnd' | 'onIll'> {
  /**
   * Troubles that were got over (the resident nft died, a repair must be tried again), one line
   * each, for the log.
   */
  readonly onProblem?: (message: string) => void;
  /** Window of a burst of repairs, ms. */
  readonly burstMs?: number;
}

/**
 * Bans in the kernel's tables `inet banjour` and `bridge banjour`. The constructor throws
 * OperatorError when nft is not installed.
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
      runner.trial(
        makeSchema(plan, [], options).flatMap((table) => compileStructure(table, undefined, true)),
      );
    super(runner, { check: (plan) => checkFirewall(plan, { ...options, trial }), ...options });
    watch = new DriftWatch({
      ...(options.netns === undefined ? {} : { netns: options.netns }),
      ...(options.burstMs === undefined ? {} : { burstMs: options.burstMs }),
      repair: (reason, certain) => this.repair(reason, certain),
      makeAnew: () => this.makeAnew(),
      onProblem,
    });
    this.#runner = runner;
    this.#netns = options.netns;
    this.#watch = watch;
  }

  prepare(): void {
    // Listening before looking: a change in between rings. It also learns whose changes are ours.
    this.#watch.start();
    this.#runner.warm();
  }

  override open(
    plan: FirewallPlan,
    wanted: Iterable<Element>,
    keep?: KeepElements,
    taking?: () => void,
  ): Promise<ApplyReport> {
    this.prepare();
    return super.open(plan, wanted, keep, taking);
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

  /**
   * The ruleset in nft syntax as it stands in the kernel, without elements: what is, where
   * `describe` says what would be.
   */
  ruleset(): Promise<string> {
    return this.#runner.ruleset();
  }

  /** Process id of the resident nft while there is one. */
  get residentPid(): number | undefined {
    return this.#runner.residentPid;
  }
}
