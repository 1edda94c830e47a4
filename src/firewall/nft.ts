/** The backend of the real kernel: `TableBackend` over `NftRunner`. What the daemon makes. */
import type { ApplyReport, Element } from '../core/firewall.js';
import type { FirewallPlan } from '../core/specs.js';
import { type BackendOptions, TableBackend } from './backend.js';
import { NftRunner, type RunnerOptions } from './runner.js';

export interface NftBackendOptions extends BackendOptions, RunnerOptions {}

/**
 * Bans in the kernel's tables `inet banjour` and `bridge banjour`. The constructor throws OperatorError when nft
 * is not installed.
 */
export class NftBackend extends TableBackend {
  readonly #runner: NftRunner;

  constructor(options: NftBackendOptions = {}) {
    const runner = new NftRunner(options);
    super(runner, options);
    this.#runner = runner;
  }

  override async open(plan: FirewallPlan, wanted: Iterable<Element>): Promise<ApplyReport> {
    this.#runner.warm();
    return super.open(plan, wanted);
  }

  /** Process id of the resident nft while there is one. */
  get residentPid(): number | undefined {
    return this.#runner.residentPid;
  }
}
