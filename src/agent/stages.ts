/**
 * The stages of the main thread, made once, each after those that it needs. Everything that serves
 * the agent (the control sockets, the metrics) gets these, never the agent itself.
 */
import { randomInt } from 'node:crypto';
import { Allowlist } from '../allow/allowlist.js';
import { allowContext } from '../allow/snapshot.js';
import type { FirewallBackend } from '../core/firewall.js';
import type { Log, LogLevel } from '../core/log.js';
import { counted } from '../core/text.js';
import { type EpochMicros, SetClock, wallClock } from '../core/time.js';
import { Jails } from '../jail/jails.js';
import type { AllowContext } from '../jail/judgement.js';
import type { Ledger } from '../ledger/ledger.js';
import { openLedgerAnyway } from '../ledger/open.js';
import type { SetupDifference } from '../setup/difference.js';
import type { Candidate, LiveConfiguration } from '../setup/live.js';
import type { AgentSetup } from '../setup/setup.js';
import { Announcer } from './announce.js';
import { sourceView } from './control-views.js';
import { FirewallSync } from './firewall-sync.js';
import { HealthLog } from './health.js';
import { IgnoreCommands } from './ignorecommand.js';
import { IntakeSupervisor } from './intake/supervisor.js';
import { MetricsCollector } from './metrics-collector.js';
import { Pipeline, type PipelineDeps } from './pipeline.js';
import { Copies } from './probe/copies.js';
import { CoverageCheck } from './probe/coverage.js';
import { probeInThread } from './probe/thread.js';
import { SharedDecisions } from './share-decisions.js';

/** The level of the log while the agent runs. */
interface LoglevelControl {
  get(): LogLevel;
  set(level: LogLevel): void;
}

/** What the stages are made from. */
export interface StageOptions {
  readonly setup: AgentSetup;
  readonly ledgerPath: string;
  readonly firewall: FirewallBackend;
  readonly log: Log;
  readonly version: string;
  /** The configuration that `setup` came from; read anew at a reload. */
  readonly live: LiveConfiguration;
  readonly loglevel: LoglevelControl;
}

/** What the stages ask of the agent that runs them. */
export interface StageEvents {
  /** The agent cannot go on. */
  failed(error: unknown): void;
  /** The kernel did not take a change; the bans stay wanted. */
  kernelFailed(error: unknown): void;
  /** Becomes another configuration. */
  reload(candidate: (live: LiveConfiguration) => Promise<Candidate>): Promise<SetupDifference>;
}

export interface Stages {
  readonly version: string;
  readonly startedAt: EpochMicros;
  readonly log: Log;
  readonly loglevel: LoglevelControl;
  readonly live: LiveConfiguration;
  readonly announcer: Announcer;
  readonly firewall: FirewallBackend;
  readonly ledger: Ledger;
  /** The ledger is new: the kernel's own bans are adopted. */
  readonly isLedgerFresh: boolean;
  readonly jails: Jails;
  readonly allow: Allowlist;
  /** Whom the jails may not touch, as they ask it. */
  readonly allowed: AllowContext;
  readonly pipeline: Pipeline;
  readonly firewallSync: FirewallSync;
  readonly intake: IntakeSupervisor;
  readonly coverage: CoverageCheck;
  readonly copies: Copies;
  readonly share: SharedDecisions;
  readonly metrics: MetricsCollector;
  readonly health: HealthLog;
  /** What the agent is made of now; the agent replaces it at a reload. */
  setup: AgentSetup;
}

/** Makes the stages; opens the ledger, starts nothing. */
export function makeStages(options: StageOptions, events: StageEvents): Stages {
  const { firewall, log, live, version } = options;
  const startedAt = wallClock.now();
  const current = { setup: options.setup };
  const setup = () => current.setup;
  const failed = (error: unknown) => events.failed(error);
  const announcer = new Announcer(log);
  const { ledger, fresh: isLedgerFresh } = openLedgerLoudly(options.ledgerPath, startedAt, log);
  const { jails, allow, context } = judgesOf(options.setup, setup);
  const pipeline = makePipeline(
    {
      jails,
      ledger,
      firewall,
      announcer,
      allow: context,
      timed: (_, entry) => metrics.inForce(entry),
      applied: (report) => metrics.applied(report),
      succeeded: (event) => share.loggedIn(event),
      failed: (error) => events.kernelFailed(error),
      broken: failed,
    },
    { setup, log },
  );
  const parts = { setup, jails, ledger, pipeline, firewall, announcer };
  const share = new SharedDecisions({ ...parts, allow, log });
  const firewallSync = new FirewallSync({
    firewall,
    ledger,
    allow,
    announcer,
    log,
    setup,
    isHeld: (jail, target) => pipeline.questions.isHeld(jail, target),
  });
  const intake = new IntakeSupervisor({ jails, ledger, pipeline, allow: context, log, failed });
  const readers = () => intake.all;
  const coverage = new CoverageCheck({ setup, readers, log, failed });
  const copies = copiesOf({ setup, live, log }, events);
  const metrics = new MetricsCollector({
    ...parts,
    version,
    startedAt,
    readers,
    firewallSync,
    share,
  });
  return Object.assign(current, {
    version,
    startedAt,
    log,
    loglevel: options.loglevel,
    live,
    announcer,
    firewall,
    ledger,
    isLedgerFresh,
    jails,
    allow,
    allowed: context,
    pipeline,
    firewallSync,
    intake,
    coverage,
    copies,
    share,
    metrics,
    health: healthOf({ setup, readers, firewall, firewallSync, coverage, ledger }),
  });
}

/** What is noted by the hour. */
function healthOf(
  parts: Pick<Stages, 'firewall' | 'firewallSync' | 'coverage' | 'ledger'> & {
    readonly setup: () => AgentSetup;
    readonly readers: () => IntakeSupervisor['all'];
  },
): HealthLog {
  const { firewall, firewallSync, coverage, ledger, setup, readers } = parts;
  return new HealthLog({
    firewall,
    ledger: ledger.database,
    now: () => {
      const now = wallClock.now();
      const lags = readers().map(
        (reader) => sourceView(reader, coverage.lagOf(reader.id), now).lagSeconds ?? 0,
      );
      return {
        lagSeconds: Math.max(0, ...lags),
        ...firewallSync.counts,
        gaps: readers().reduce((sum, { gaps }) => sum + gaps, 0),
        warnings: coverage.warnings(),
        jails: setup().jails.map(({ policy }) => policy.jail),
      };
    },
  });
}

/** The jails, and who is never banned. `current`: the setup after a reload, too. */
function judgesOf(first: AgentSetup, current: () => AgentSetup) {
  const jails = new Jails(
    first.jails.map(({ policy }) => policy),
    { seed: randomInt(2 ** 32) },
  );
  const allow = new Allowlist(first.allow);
  const context = allowContext(
    () => allow.snapshot,
    () => current().ipv6,
  );
  return { jails, allow, context };
}

/** The pipeline of an agent: by the wall, and with the ignorecommands that the jails have now. */
function makePipeline(
  parts: Omit<PipelineDeps, 'wall' | 'stored' | 'ignore' | 'random'>,
  { setup, log }: { readonly setup: () => AgentSetup; readonly log: Log },
): Pipeline {
  const ignore = new IgnoreCommands({
    commandOf: (name) => setup().jails.find(({ policy }) => policy.jail === name)?.ignorecommand,
    log,
  });
  return new Pipeline({
    ...parts,
    wall: wallClock,
    stored: new SetClock(),
    ignore,
    random: Math.random,
  });
}

/** Opens the ledger whatever is wrong with it, and says what was wrong. */
function openLedgerLoudly(path: string, now: EpochMicros, log: Log) {
  const opened = openLedgerAnyway(path, now);
  const { skipped, setAside } = opened;
  if (setAside !== undefined)
    log(
      'error',
      `${setAside.reason}; it is kept as ${setAside.path}, and protection goes on from the kernel's own sets`,
    );
  if (skipped.length > 0)
    log(
      'error',
      `${counted(skipped.length, 'row or part', 'rows or parts')} of the ledger that it did not write so ${skipped.length === 1 ? 'is' : 'are'} set aside in its table unreadable, first ${skipped[0]}; bans in the kernel stay`,
    );
  return opened;
}

/** The watch over files that are believed to be copies of the journal. */
function copiesOf(
  { setup, live, log }: { setup: () => AgentSetup; live: LiveConfiguration; log: Log },
  events: StageEvents,
): Copies {
  return new Copies({
    setup,
    byFiles: async (jail) =>
      (await live.byFiles(jail)).setup.jails.find(({ policy }) => policy.jail === jail),
    isByFiles: (jail) => live.jail(jail)?.overrides.get('backend') === 'polling',
    readFiles: (jail) => events.reload((configuration) => configuration.byFiles(jail)),
    run: async (copies) => {
      const now = wallClock.now();
      const lost = () => events.failed(new Error("the probe's thread does not end: starting anew"));
      return (await probeInThread({ sources: [], since: now, now, copies }, lost)).copies ?? [];
    },
    log,
  });
}
