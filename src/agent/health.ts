/**
 * Keeps in the ledger, by the hour, how the agent is and what the kernel stopped: so that a report
 * can tell it afterwards.
 */
import type { HourlyKind } from '../core/figures.js';
import type { FirewallBackend } from '../core/firewall.js';
import { wallClock } from '../core/time.js';
import type { LedgerDatabase } from '../ledger/database.js';
import { HourlyTally } from '../ledger/hourly.js';

/** How the agent is at one moment. Numbers that only rise count from its start. */
export interface HealthNow {
  readonly lagSeconds: number;
  readonly drifts: number;
  readonly healed: number;
  readonly gaps: number;
  /** What keeps jails from seeing their attackers, in sentences that begin with the jail's name. */
  readonly warnings: readonly string[];
  readonly jails: readonly string[];
}

export interface HealthDeps {
  readonly now: () => HealthNow;
  readonly firewall: Pick<FirewallBackend, 'counters'>;
  readonly ledger: Pick<LedgerDatabase, 'count'>;
}

const RISING = { drift: 'drifts', healed: 'healed', gap: 'gaps' } as const;

export class HealthLog {
  readonly #deps: HealthDeps;
  #before: Pick<HealthNow, 'drifts' | 'healed' | 'gaps'> = { drifts: 0, healed: 0, gaps: 0 };
  #isLooking = false;

  constructor(deps: HealthDeps) {
    this.#deps = deps;
  }

  /** Takes one look; rejects when the ledger cannot be written at all. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const stopped = await this.#stopped();
      const health = this.#deps.now();
      const time = wallClock.now();
      const tally = new HourlyTally();
      const add = (kind: HourlyKind, count: number, jail = '') => {
        if (count > 0) tally.add(kind, jail, count, time, time);
      };
      add('awake', 1);
      add('lag', Math.round(health.lagSeconds));
      for (const [kind, name] of Object.entries(RISING) as [keyof typeof RISING, 'drifts'][])
        add(kind, health[name] - this.#before[name]);
      for (const warning of health.warnings) {
        const jail = health.jails.find((name) => warning.startsWith(`${name}: `));
        add('deaf', 1, jail ?? '');
      }
      this.#deps.ledger.count(tally.take(), stopped, time);
      this.#before = health;
    } finally {
      this.#isLooking = false;
    }
  }

  /** Nothing where there is no kernel to ask, or it does not answer: the next look sees it all. */
  async #stopped(): Promise<Awaited<ReturnType<NonNullable<FirewallBackend['counters']>>>> {
    try {
      return (await this.#deps.firewall.counters?.()) ?? new Map();
    } catch {
      return new Map();
    }
  }
}
