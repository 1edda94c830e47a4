/** Gathers what the metrics tell of the agent. */
import { statSync } from 'node:fs';
import type { ApplyReport, FirewallBackend } from '../core/firewall.js';
import { type EpochMicros, secondsBetween, wallClock } from '../core/time.js';
import type { JailCounters } from '../filter/counters.js';
import type { Jails } from '../jail/jails.js';
import type { Ledger } from '../ledger/ledger.js';
import type { MetricsFormat } from '../metrics/format.js';
import { AgentMetrics } from '../metrics/metrics.js';
import type { AgentSnapshot, JailNumbers, SourceNumbers } from '../metrics/snapshot.js';
import type { AgentSetup } from '../setup/setup.js';
import type { Announcer } from './announce.js';
import type { FirewallSync } from './firewall-sync.js';
import type { SourceIntake } from './intake/source-intake.js';
import type { Pipeline } from './pipeline.js';
import type { SharedDecisions } from './share-decisions.js';

/** An expensive number is read again after this many times as long as reading it took. */
const REST_FACTOR = 20;

/** What the metrics are gathered from. */
export interface MetricsDeps {
  readonly version: string;
  readonly startedAt: EpochMicros;
  readonly setup: () => AgentSetup;
  readonly readers: () => readonly SourceIntake[];
  readonly announcer: Announcer;
  readonly firewall: FirewallBackend;
  readonly firewallSync: FirewallSync;
  readonly jails: Jails;
  readonly ledger: Ledger;
  readonly pipeline: Pipeline;
  readonly share: Pick<SharedDecisions, 'status'>;
}

export class MetricsCollector {
  readonly #deps: MetricsDeps;
  readonly #metrics: AgentMetrics;
  #active: AgentSnapshot['activeBans'] = [];
  #activeUntil = 0;

  constructor(deps: MetricsDeps) {
    this.#deps = deps;
    this.#metrics = new AgentMetrics(() => this.#snapshot());
    deps.announcer.subscribe((announcement) => this.#metrics.happened(announcement));
  }

  /** A live ban is in force now; `entry` is the time of the entry that decided it. */
  inForce(entry: EpochMicros): void {
    this.#metrics.inForce(secondsBetween(entry, wallClock.now()));
  }

  /** The kernel answered a batch. */
  applied(report: ApplyReport): void {
    this.#deps.firewallSync.applied(report);
    this.#metrics.batch(report.via, report.elapsedMs / 1000);
  }

  text(format: MetricsFormat): Promise<string> {
    return this.#metrics.text(format);
  }

  async #snapshot(): Promise<AgentSnapshot> {
    const { readers, firewallSync, ledger, pipeline, version, startedAt } = this.#deps;
    const stopped = await this.#stopped();
    const { enabled, taken, refused, lists } = this.#deps.share.status();
    const { user, system } = process.cpuUsage();
    return {
      version,
      startedAt,
      sources: readers().map(sourceNumbers),
      jails: this.#jails(),
      activeBans: this.#activeBans(),
      ...(stopped === undefined ? {} : { stopped }),
      ...(enabled ? { shared: { taken, refused, listed: lists.inForce } } : {}),
      batchesUnderWay: pipeline.underWay,
      drifts: firewallSync.counts.drifts,
      healed: firewallSync.counts.healed,
      ledgerBytes:
        ledger.path === ':memory:' ? 0 : sizeOf(ledger.path) + sizeOf(`${ledger.path}-wal`),
      residentBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
    };
  }

  #jails(): JailNumbers[] {
    const { readers, jails, setup } = this.#deps;
    const counters = new Map<string, JailCounters>();
    for (const { stats } of readers())
      for (const one of stats?.jails ?? []) counters.set(one.jail, one);
    return setup().jails.map(({ policy: { jail } }) => {
      const seen = counters.get(jail);
      const { tracked, evicted } = jails.tracking(jail);
      const evidence = jails.holds(jail, wallClock.now());
      return {
        jail,
        matched: seen?.routed.count ?? 0,
        prefilterHits: seen?.gated.count ?? 0,
        successes: seen?.successes.count ?? 0,
        notAnAddress: (seen?.notAnAddress.count ?? 0) + (seen?.names.count ?? 0),
        givenUp: seen?.givenUp.count ?? 0,
        demoted: seen?.demoted.length ?? 0,
        tracked,
        evicted,
        ...(evidence === undefined ? {} : { evidence }),
      };
    });
  }

  #activeBans(): AgentSnapshot['activeBans'] {
    const started = performance.now();
    if (started >= this.#activeUntil) {
      this.#active = this.#deps.ledger.history.activeBans();
      const ended = performance.now();
      this.#activeUntil = ended + REST_FACTOR * (ended - started);
    }
    return this.#active;
  }

  /**
   * Undefined when there is no kernel to ask, or it does not answer: the other metrics are told all
   * the same.
   */
  async #stopped(): Promise<AgentSnapshot['stopped']> {
    try {
      return await this.#deps.firewall.counters?.();
    } catch {
      return undefined;
    }
  }
}

function sourceNumbers({ id, phase, stats, gaps }: SourceIntake): SourceNumbers {
  const last = stats?.position?.time;
  return {
    source: id,
    live: phase === 'live' || phase === 'ended',
    entriesRead: stats?.entriesRead ?? 0,
    entriesCut: stats?.entriesCut ?? 0,
    entriesUnreadable: stats?.entriesUnreadable ?? 0,
    gaps,
    lagSeconds:
      last === undefined
        ? null
        : phase === 'live'
          ? 0
          : Math.max(0, secondsBetween(last, wallClock.now())),
    ...(last === undefined ? {} : { lastEntry: last }),
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
