/** The backend of a replay that bans nobody: takes every change, keeps nothing, costs nothing. */
import type { ApplyReport, FirewallBackend, KernelState } from '../core/firewall.js';

const TAKEN: ApplyReport = { refused: [], via: 'none', elapsedMs: 0 };
const NOTHING: KernelState = { present: false, elements: [], counters: new Map() };

export class NoFirewall implements FirewallBackend {
  open(): Promise<ApplyReport> {
    return Promise.resolve(TAKEN);
  }
  apply(): Promise<ApplyReport> {
    return Promise.resolve(TAKEN);
  }
  replan(): Promise<ApplyReport> {
    return Promise.resolve(TAKEN);
  }
  read(): Promise<KernelState> {
    return Promise.resolve(NOTHING);
  }
  describe(): string {
    return '';
  }
  onDrift(): void {
    // There is no kernel that could drift.
  }
  provideWanted(): void {
    // There is nothing to build anew.
  }
  flush(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  check() {
    return Promise.resolve([]);
  }
}
