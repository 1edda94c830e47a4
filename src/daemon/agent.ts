/**
 * The agent: start, running, stop. Owns the stages of the main thread and the readers.
 *
 * Order of a start: ledger, then the kernel (banned hosts are shut out before anything is read), then the control
 * sockets, then the readers. Order of a stop: readers, what is under way to the kernel, sockets, ledger; the kernel's
 * table stays.
 */
import { AllowKeeper } from '../allow/keeper.js';
import { type ControlServer, type ControlSockets, serveControl } from '../control/server.js';
import { formatPrefix } from '../core/address.js';
import { messageOf } from '../core/errors.js';
import type { FirewallBackend } from '../core/firewall.js';
import { WARMUP_SECONDS_MIN } from '../core/limits.js';
import type { Log } from '../core/log.js';
import type { SourceId } from '../core/names.js';
import type { FirewallPlan } from '../core/specs.js';
import { type EpochMicros, plus, type Seconds, SetClock, seconds, wallClock } from '../core/time.js';
import { Jails } from '../jail/jails.js';
import type { Ledger } from '../ledger/ledger.js';
import { openLedger } from '../ledger/open.js';
import { allowContext } from './allow-context.js';
import { Announcer } from './announce.js';
import type { IntakeStart } from './intake-protocol.js';
import { AgentOperations } from './operations.js';
import { Pipeline } from './pipeline.js';
import { Reader } from './reader.js';
import { type AgentSetup, bySource, longestFindtime } from './setup.js';

/** Expired bans are announced this often, ms; the kernel has ended them to the second by itself. */
const EXPIRY_MS = 1_000;
/** History is tidied this often, ms. */
const TIDY_MS = 3_600_000;
/** A reader that does not end in time is terminated, ms. */
const STOP_MS = 3_000;
/** A reader must answer its heartbeat within this, ms: a guarded batch may take some 50 ms per slow regex. */
const HEARTBEAT_MS = 5_000;

export interface AgentOptions {
  readonly setup: AgentSetup;
  readonly ledgerPath: string;
  readonly sockets: ControlSockets;
  readonly firewall: FirewallBackend;
  readonly log: Log;
  readonly version: string;
}

export class Agent {
  readonly announcer: Announcer;
  readonly startedAt: EpochMicros = wallClock.now();
  readonly log: Log;
  readonly firewall: FirewallBackend;
  readonly ledger: Ledger;
  readonly jails: Jails;
  readonly allow: AllowKeeper;
  readonly pipeline: Pipeline;
  readonly version: string;
  readonly setup: AgentSetup;
  readonly #fresh: boolean;
  #readers: Reader[] = [];
  #server: ControlServer | undefined;
  #timers: NodeJS.Timeout[] = [];
  #failed: (error: Error) => void = () => undefined;
  /** Counts of this run, for status. */
  readonly counts = { batches: 0, refused: 0, drifts: 0, healed: 0, lastBatchMs: undefined as number | undefined };
  /** Rejects when the agent cannot go on; systemd starts it anew. */
  readonly failure: Promise<never>;

  private constructor(options: AgentOptions) {
    this.setup = options.setup;
    this.version = options.version;
    this.log = options.log;
    this.firewall = options.firewall;
    this.announcer = new Announcer(options.log);
    this.failure = new Promise((_, reject) => {
      this.#failed = reject;
    });
    // Whoever starts an agent waits for it; until then a failure must not end the process unexplained.
    this.failure.catch(() => undefined);
    const opened = openLedger(options.ledgerPath, this.startedAt);
    this.ledger = opened.ledger;
    this.#fresh = opened.fresh;
    if (opened.setAside !== undefined)
      this.log(
        'error',
        `${opened.setAside.reason}; it is kept as ${opened.setAside.path}, and protection goes on from the kernel's own sets`,
      );
    this.jails = new Jails(this.setup.jails.map(({ policy }) => policy));
    this.allow = new AllowKeeper(this.setup.allow);
    this.pipeline = new Pipeline({
      jails: this.jails,
      ledger: this.ledger,
      firewall: this.firewall,
      announcer: this.announcer,
      allow: allowContext(() => this.allow.snapshot),
      wall: wallClock,
      stored: new SetClock(),
      random: Math.random,
      failed: (error) => this.log('error', `nftables: ${messageOf(error)}; the bans stay wanted and are tried again`),
    });
  }

  /** Starts an agent; resolves when the kernel is right and every reader has opened its source. */
  static async start(options: AgentOptions): Promise<Agent> {
    const agent = new Agent(options);
    try {
      await agent.#restoreKernel();
      agent.#server = await serveControl(options.sockets, new AgentOperations(agent));
      agent.#watchAllow();
      await agent.#startReaders();
      agent.#startTimers();
      return agent;
    } catch (error) {
      await agent.stop();
      throw error;
    }
  }

  get readers(): readonly Reader[] {
    return this.#readers;
  }

  /** What the kernel's table must contain besides the bans. */
  plan(): FirewallPlan {
    return {
      ...this.setup.firewall,
      rules: this.setup.jails.map(({ rule }) => rule),
      allow: this.allow.snapshot.prefixes(),
    };
  }

  /** True when every reader answers its heartbeat; a quiet journal is progress. */
  async alive(): Promise<boolean> {
    const answers = await Promise.all(this.#readers.map((reader) => reader.ping(HEARTBEAT_MS)));
    return answers.every(Boolean);
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    this.allow.stop();
    const errors: unknown[] = [];
    const settle = async (step: () => unknown) => {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    };
    await settle(() => Promise.all(this.#readers.map((reader) => reader.stop(STOP_MS))));
    await settle(() => this.pipeline.idle());
    await settle(() => this.#server?.close());
    await settle(() => this.firewall.close());
    await settle(() => this.ledger.close());
    if (errors.length > 0)
      throw new AggregateError(errors, `the agent did not stop cleanly: ${errors.map(messageOf).join('; ')}`);
  }

  /** The kernel first: expired bans end, the others are put in force, and only then is anything read. */
  async #restoreKernel(): Promise<void> {
    const { firewall, ledger } = this;
    firewall.onDrift((event) => {
      if (event.kind === 'drift') {
        this.counts.drifts++;
        this.log('warning', `the kernel's table was changed by somebody else (${event.reason}): repairing it`);
      } else {
        this.counts.healed++;
        this.log(
          'notice',
          `the kernel's table is whole again after ${Math.round(event.elapsedMs ?? 0)} ms (${event.reason})`,
        );
      }
    });
    firewall.provideWanted(() => ledger.elements(wallClock.now()));
    if (this.#fresh) {
      const kernel = await firewall.read();
      const adopted = ledger.adopt(kernel.elements, wallClock.now());
      if (adopted.length > 0) this.log('notice', `${adopted.length} bans that the kernel holds are taken over`);
    }
    const now = wallClock.now();
    const expired = ledger.expire(now);
    const unsettled = ledger.unsettled();
    const report = await firewall.open(this.plan(), ledger.elements(now));
    this.counts.batches++;
    this.counts.lastBatchMs = report.elapsedMs;
    const refused = new Map(
      report.refused.map(({ change, reason }) => [
        `${change.jail} ${change.target.base}/${change.target.length}`,
        reason,
      ]),
    );
    for (const record of unsettled) {
      const reason = refused.get(`${record.jail} ${record.target.base}/${record.target.length}`);
      ledger.settle([record.id], reason === undefined ? 'in-force' : { refused: reason }, now);
      // Decided before a crash, never announced: it is in force from now on.
      if (reason === undefined) this.announcer.ban(record, false);
      else this.announcer.refused(record, reason);
    }
    for (const { change, reason } of report.refused) {
      this.counts.refused++;
      this.log(
        'error',
        `the kernel refused a ban of the ledger: ${change.target.base}/${change.target.length}: ${reason}`,
        { jail: change.jail },
      );
    }
    for (const { jail, target, until } of expired)
      if (until !== null) this.announcer.unban(jail, formatPrefix(target), until, 'expired');
    const count = ledger.history.counts();
    const total = [...count.values()].reduce((sum, one) => sum + one.currentlyBanned, 0);
    if (total > 0)
      this.log('notice', `${total} bans are in force (kernel put right in ${Math.round(report.elapsedMs)} ms)`);
  }

  #watchAllow(): void {
    this.allow.onChange(() => {
      this.firewall
        .replan(this.plan(), this.ledger.elements(wallClock.now()))
        .catch((error: unknown) =>
          this.log('error', `nftables: the allow set could not be changed: ${messageOf(error)}`),
        );
    });
    this.allow.start();
  }

  async #startReaders(): Promise<void> {
    const lookBack = seconds(Math.max(WARMUP_SECONDS_MIN, longestFindtime(this.setup.jails)));
    this.jails.remember(this.ledger.floors(plus(wallClock.now(), -lookBack)));
    for (const [id, group] of bySource(this.setup.jails)) {
      const start = this.#startOf(id, lookBack);
      if (start.kind === 'resume')
        this.log('info', `resuming ${id} at ${new Date(start.mark.time / 1000).toISOString()}`);
      let again = false;
      const begin = () => {
        // A thread that died reads the windows' past anew: what is in them now would count twice.
        if (again) for (const { jail } of group.jails) this.jails.reset(jail);
        again = true;
        return this.#startOf(id, lookBack);
      };
      const reader = new Reader(
        { id, source: group.source, jails: group.jails, start: begin },
        this.pipeline,
        this.log,
      );
      reader.failure.catch((error: Error) => this.#failed(error));
      this.#readers.push(reader);
    }
    await Promise.all(this.#readers.map((reader) => reader.opened));
  }

  #startOf(id: SourceId, lookBack: Seconds): IntakeStart {
    const mark = this.ledger.position(id);
    return mark === undefined ? { kind: 'fresh', lookBack, now: wallClock.now() } : { kind: 'resume', mark, lookBack };
  }

  #startTimers(): void {
    const every = (milliseconds: number, work: () => unknown) => this.#timers.push(setInterval(work, milliseconds));
    every(EXPIRY_MS, () => void this.pipeline.expire(wallClock.now()));
    every(TIDY_MS, () => this.ledger.history.prune(wallClock.now(), this.setup.keepHistory));
  }
}
