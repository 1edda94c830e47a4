/**
 * The agent: start, running, reload, stop. Owns the stages of the main thread and the readers.
 *
 * Order of a start: ledger, then the kernel (banned hosts are shut out before anything is read),
 * then the control sockets, then the readers. Order of a stop: readers, what is under way to the
 * kernel, sockets, firewall, ledger; the kernel's table stays.
 */
import { randomInt } from 'node:crypto';
import { Allowlist } from '../allow/allowlist.js';
import { type ControlServer, type ControlSockets, serveControl } from '../control/server.js';
import type { BanRecord, UnbanDecision } from '../core/decision.js';
import { messageOf } from '../core/errors.js';
import type { FirewallBackend } from '../core/firewall.js';
import type { Log, LogLevel } from '../core/log.js';
import { counted } from '../core/text.js';
import { type EpochMicros, plus, SetClock, wallClock } from '../core/time.js';
import { LEDGER_SAVE_MS_MIN } from '../core/timeouts.js';
import { Jails } from '../jail/jails.js';
import type { Ledger } from '../ledger/ledger.js';
import { openLedgerAnyway } from '../ledger/open.js';
import { differenceOf, isEmpty, type SetupDifference } from '../setup/difference.js';
import type { Candidate, LiveConfiguration } from '../setup/live.js';
import { type AgentSetup, creditOf } from '../setup/setup.js';
import { allowContext, savePause, unsavedWarning } from './allow-context.js';
import { Announcer } from './announce.js';
import { AgentOperations } from './control-queries.js';
import { FirewallSync } from './firewall-sync.js';
import { IgnoreCommands } from './ignorecommand.js';
import { IntakeSupervisor } from './intake/supervisor.js';
import { MetricsCollector } from './metrics-collector.js';
import { Pipeline } from './pipeline.js';
import { Copies } from './probe/copies.js';
import { CoverageCheck } from './probe/coverage.js';
import { probeInThread } from './probe/thread.js';

/** Expired bans are announced this often, ms; the kernel has ended them to the second by itself. */
const EXPIRY_MS = 1_000;
/**
 * An nft that did not answer is tried again after this, then after twice as long, up to the second,
 * ms.
 */
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;
/** History is tidied this often, ms. */
const TIDY_MS = 3_600_000;
/** What a reload waits for longer than this is logged, ms. */
const SLOW_MS = 5_000;
/**
 * A stage must answer its heartbeat within this, ms: a guarded batch may take some 50 ms per slow
 * regex.
 */
const HEARTBEAT_MS = 5_000;

export interface AgentOptions {
  readonly setup: AgentSetup;
  readonly ledgerPath: string;
  readonly sockets: ControlSockets;
  readonly firewall: FirewallBackend;
  readonly log: Log;
  readonly version: string;
  /** The configuration that `setup` came from; read anew at a reload. */
  readonly live: LiveConfiguration;
  readonly loglevel: LoglevelControl;
}

/** The level of the log while the agent runs. */
export interface LoglevelControl {
  get(): LogLevel;
  set(level: LogLevel): void;
}

export class Agent {
  readonly startedAt: EpochMicros = wallClock.now();
  readonly version: string;
  readonly log: Log;
  readonly announcer: Announcer;
  readonly firewall: FirewallBackend;
  readonly ledger: Ledger;
  readonly jails: Jails;
  readonly allow: Allowlist;
  readonly pipeline: Pipeline;
  readonly kernel: FirewallSync;
  readonly readers: IntakeSupervisor;
  readonly prober: CoverageCheck;
  readonly copies: Copies;
  readonly live: LiveConfiguration;
  readonly loglevel: LoglevelControl;
  readonly measure: MetricsCollector;
  /** Rejects when the agent cannot go on; systemd starts it anew. */
  readonly failure: Promise<never>;
  readonly #fresh: boolean;
  #setup: AgentSetup;
  #server: ControlServer | undefined;
  #timers: NodeJS.Timeout[] = [];
  #catchUp: NodeJS.Timeout | undefined;
  #stopping = false;
  #failed: (error: Error) => void = () => undefined;
  /** The end of the agent, for what nobody waits for. */
  readonly #broken = (error: unknown) =>
    this.#failed(error instanceof Error ? error : new Error(String(error)));
  #reloading: Promise<unknown> = Promise.resolve();
  #toldUnsaved = false;
  #saving = false;
  #saveTries = 0;
  #saveNotBefore = 0;

  private constructor(options: AgentOptions) {
    const { setup, firewall, log } = options;
    this.#setup = setup;
    this.version = options.version;
    this.log = log;
    this.live = options.live;
    this.loglevel = options.loglevel;
    this.firewall = firewall;
    this.announcer = new Announcer(log);
    this.failure = new Promise((_, reject) => {
      this.#failed = reject;
    });
    // Whoever starts an agent waits for it; until then a failure must not end the process
    // unexplained.
    this.failure.catch(() => undefined);
    const { ledger, fresh, skipped, setAside } = openLedgerAnyway(
      options.ledgerPath,
      this.startedAt,
    );
    this.ledger = ledger;
    this.#fresh = fresh;
    if (setAside !== undefined)
      log(
        'error',
        `${setAside.reason}; it is kept as ${setAside.path}, and protection goes on from the kernel's own sets`,
      );
    if (skipped.length > 0)
      log(
        'error',
        `${counted(skipped.length, 'ban')} in the ledger could not be read and ${skipped.length === 1 ? 'is' : 'are'} set aside in its table unreadable, first ${skipped[0]}; those in the kernel stay`,
      );
    this.jails = new Jails(
      setup.jails.map(({ policy }) => policy),
      { seed: randomInt(2 ** 32) },
    );
    this.allow = new Allowlist(setup.allow);
    const allow = allowContext(
      () => this.allow.snapshot,
      () => this.#setup.ipv6,
    );
    const { announcer, jails } = this;
    this.pipeline = new Pipeline({
      jails,
      ledger,
      firewall,
      announcer,
      allow,
      wall: wallClock,
      stored: new SetClock(),
      ignore: new IgnoreCommands({
        commandOf: (name) =>
          this.#setup.jails.find(({ policy }) => policy.jail === name)?.ignorecommand,
        log,
      }),
      random: Math.random,
      timed: (_, entry) => this.measure.inForce(entry),
      applied: (report) => this.measure.applied(report),
      failed: (error) => {
        log('error', `nftables: ${messageOf(error)}; the bans stay wanted and are tried again`);
        this.#catchUpLater(RETRY_MS_MIN);
      },
      broken: this.#broken,
    });
    this.kernel = new FirewallSync({
      firewall,
      ledger,
      allow: this.allow,
      announcer,
      log,
      setup: () => this.#setup,
      isHeld: (jail, target) => this.pipeline.questions.isHeld(jail, target),
    });
    this.readers = new IntakeSupervisor({
      jails,
      ledger,
      pipeline: this.pipeline,
      allow,
      log,
      failed: (error) => this.#failed(error),
    });
    this.prober = new CoverageCheck({
      setup: () => this.#setup,
      readers: () => this.readers.all,
      log,
      failed: (error) => this.#failed(error),
    });
    this.copies = new Copies({
      setup: () => this.#setup,
      byFiles: async (jail) =>
        (await this.live.byFiles(jail)).setup.jails.find(({ policy }) => policy.jail === jail),
      isByFiles: (jail) => this.live.jail(jail)?.overrides.get('backend') === 'polling',
      readFiles: (jail) => this.reload(false, (live) => live.byFiles(jail)),
      run: async (copies) => {
        const now = wallClock.now();
        const lost = () =>
          this.#failed(new Error("the probe's thread does not end: starting anew"));
        return (await probeInThread({ sources: [], since: now, now, copies }, lost)).copies ?? [];
      },
      log,
    });
    this.measure = new MetricsCollector(this);
  }

  /** Starts an agent; resolves when the kernel is right and every reader has opened its source. */
  static async start(options: AgentOptions): Promise<Agent> {
    const agent = new Agent(options);
    const operations = new AgentOperations(agent);
    try {
      options.firewall.claim?.();
      const held = agent.pipeline.questions.hold(agent.ledger.unsettled());
      await agent.kernel.restore(agent.#fresh);
      for (const ban of held) agent.pipeline.questions.ask(ban, []);
      await agent.#liftBansOfOthers();
      agent.#server = await serveControl(options.sockets, operations);
      agent.kernel.followAllow(() => agent.#liftBansOfAllowed());
      await agent.readers.start(options.setup);
      agent.prober.start();
      agent.copies.start();
      agent.#startTimers();
      return agent;
    } catch (error) {
      await agent.stop();
      throw error;
    }
  }

  /** What the agent is made of now; another after a reload. */
  get setup(): AgentSetup {
    return this.#setup;
  }

  /** True when every stage answers its heartbeat; that of the main thread is that it can ask. */
  async alive(): Promise<boolean> {
    const answers = await Promise.all([
      this.readers.alive(HEARTBEAT_MS),
      this.firewall.alive?.(HEARTBEAT_MS) ?? Promise.resolve(true),
    ]);
    return answers.every(Boolean);
  }

  /**
   * Reads the configuration anew and becomes what it says, without letting anybody in meanwhile.
   * When it is not good or a step fails, everything stays (or becomes again) as it was, and the
   * error is thrown. With `dryRun` only the difference is told. One reload at a time. `candidate`
   * says what to become: by default, what the files say.
   */
  reload(
    dryRun: boolean,
    candidate: (live: LiveConfiguration) => Promise<Candidate> = (live) => live.reloaded(),
  ): Promise<SetupDifference> {
    const turn = this.#reloading.then(() => this.#reload(dryRun, candidate));
    this.#reloading = turn.catch(() => undefined);
    return turn;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#catchUp);
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    this.allow.stop();
    this.prober.stop();
    this.copies.stop();
    const errors: unknown[] = [];
    const steps: (() => unknown)[] = [
      () => this.readers.stop(),
      () => this.pipeline.stop(),
      () => this.#server?.close(),
      () => this.firewall.close(),
      () => this.ledger.close(),
    ];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0)
      throw new AggregateError(
        errors,
        `the agent did not stop cleanly: ${errors.map(messageOf).join('; ')}`,
      );
  }

  async #reload(
    dryRun: boolean,
    candidate: (live: LiveConfiguration) => Promise<Candidate>,
  ): Promise<SetupDifference> {
    const { setup: next, accept } = await candidate(this.live);
    const old = this.#setup;
    const difference = differenceOf(old, next);
    if (dryRun) return difference;
    if (isEmpty(difference)) {
      accept();
      return difference;
    }
    try {
      await this.#become(next, difference);
    } catch (error) {
      await this.#become(old, differenceOf(next, old));
      throw error;
    }
    accept();
    await this.#liftBansOfOthers();
    return difference;
  }

  /**
   * Allow, jails, kernel, readers, in that order: nothing is judged by rules that the kernel does
   * not have yet.
   */
  async #become(next: AgentSetup, difference: SetupDifference): Promise<void> {
    this.#setup = next;
    this.allow.setSpec(next.allow);
    const cold = new Set(this.jails.reconfigure(next.jails.map(({ policy }) => policy)));
    if (difference.firewall) await this.#patiently('the kernel', this.kernel.replan());
    await this.#patiently('the readers', this.readers.swap(next, cold));
  }

  /** Says what a reload waits for when that takes long. */
  async #patiently(what: string, work: Promise<void>): Promise<void> {
    const timer = setTimeout(
      () => this.log('warning', `reload: still waiting for ${what}`),
      SLOW_MS,
    );
    await work.finally(() => clearTimeout(timer));
  }

  /** Bans of jails that are no more end: nothing closes their ports. */
  #liftBansOfOthers(): Promise<void> {
    const known = new Set(this.#setup.jails.map(({ policy }) => policy.jail));
    const others = new Set(this.ledger.history.activeBans().map(({ jail }) => jail));
    // A hundred thousand bans take half a second to look through, at every start, and others there
    // are hardly ever.
    if ([...others].every((jail) => known.has(jail))) return Promise.resolve();
    return this.#lift(({ jail }) => !known.has(jail));
  }

  /**
   * Bans of those who must not be banned (any more) end: an address that became ours, an
   * administrator's.
   */
  #liftBansOfAllowed(): Promise<void> {
    const { snapshot } = this.allow;
    return this.#lift(
      ({ jail, target, origin }) =>
        origin === 'journal' && snapshot.overlaps(jail, target) !== undefined,
    );
  }

  async #lift(which: (ban: BanRecord) => boolean): Promise<void> {
    const time = wallClock.now();
    const decisions: UnbanDecision[] = [];
    for (const ban of this.ledger.inForce(time))
      if (which(ban))
        decisions.push({
          kind: 'unban',
          jail: ban.jail,
          target: ban.target,
          time,
          reason: 'reload',
        });
    if (decisions.length > 0) await this.pipeline.decide(decisions);
  }

  /**
   * Tries again to bring the kernel to what the ledger wants, less and less often until it works.
   */
  #catchUpLater(milliseconds: number): void {
    if (this.#catchUp !== undefined || this.#stopping) return;
    this.#catchUp = setTimeout(async () => {
      try {
        await this.pipeline.idle();
        await this.kernel.catchUp();
        this.#catchUp = undefined;
      } catch (error) {
        this.log('error', `nftables: ${messageOf(error)}; trying again`);
        this.#catchUp = undefined;
        this.#catchUpLater(Math.min(RETRY_MS_MAX, milliseconds * 2));
      }
    }, milliseconds);
  }

  #startTimers(): void {
    const every = (milliseconds: number, work: () => unknown) =>
      this.#timers.push(setInterval(work, milliseconds));
    every(EXPIRY_MS, () => this.pipeline.expireByWall().catch(this.#broken));
    every(LEDGER_SAVE_MS_MIN, () => this.#saveLedger().catch(this.#broken));
    every(TIDY_MS, () => {
      try {
        this.ledger.history.prune(wallClock.now(), this.#setup.keepHistory);
        this.ledger.attempts.prune(plus(wallClock.now(), -creditOf(this.#setup.jails)));
      } catch (error) {
        this.log('warning', `the history is not tidied: ${messageOf(error)}`);
      }
    });
  }

  /** Tells that the ledger is in memory only, tries to write it, and tells when that succeeded. */
  async #saveLedger(): Promise<void> {
    const { ledger } = this;
    ledger.noticeLoss();
    if (ledger.unsaved === undefined || this.#saving) return;
    const forgotten = ledger.shrink();
    if (forgotten > 0)
      this.log(
        'warning',
        `the ledger in memory has reached its bound: ${counted(forgotten, 'past ban')} forgotten`,
      );
    if (!this.#toldUnsaved) this.log('error', unsavedWarning(ledger.path, ledger.unsaved));
    this.#toldUnsaved = true;
    if (performance.now() < this.#saveNotBefore) return;
    this.#saving = true;
    try {
      await ledger.save();
      this.#toldUnsaved = false;
      this.#saveTries = 0;
      this.log(
        'notice',
        `the ledger ${ledger.path} can be written again; all that was decided meanwhile is in it`,
      );
    } catch {
      // It stays in memory, as was told, and is tried again, less and less often.
      this.#saveNotBefore = performance.now() + savePause(this.#saveTries++);
    } finally {
      this.#saving = false;
    }
  }
}
