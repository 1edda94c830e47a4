/**
 * The agent: start, running, reload, stop.
 *
 * Order of a start: ledger, then the kernel, then the intake (beside the kernel where the tables
 * stand already), then the control sockets. Banned hosts are shut out before anything is read, and
 * whom the newest entries ban is shut out while the kernel is put right. Order of a stop: intake,
 * what is under way to the kernel, sockets, firewall, ledger; the kernel's table stays.
 */

import { type ControlServer, type ControlSockets, serveControl } from '../control/server.js';
import { inBackground } from '../core/background.js';
import { pauseAfter } from '../core/backoff.js';
import type { BanRecord, UnbanDecision } from '../core/decision.js';
import { messageOf } from '../core/errors.js';
import { wallClock } from '../core/time.js';
import { LEDGER_SAVE_MS_MIN } from '../core/timeouts.js';
import { differenceOf, isEmpty, type SetupDifference } from '../setup/difference.js';
import type { Candidate, LiveConfiguration } from '../setup/live.js';
import { type AgentSetup, creditOf } from '../setup/setup.js';
import { checkpointInThread } from './checkpoint-thread.js';
import { AgentControlHandlers } from './control-handlers.js';
import { LedgerUpkeep } from './ledger-upkeep.js';
import { makeStages, type StageOptions, type Stages } from './stages.js';

/** Expired bans are announced this often, ms; the kernel has ended them to the second by itself. */
const EXPIRY_MS = 1_000;
/**
 * An nft that did not answer is tried again after this, then after twice as long, up to the second,
 * ms.
 */
const RETRY_MS = { first: 1_000, last: 60_000 };
/** History is tidied this often, ms. */
const TIDY_MS = 3_600_000;
/** The agent's health and the kernel's counters are noted this often, ms. */
const HEALTH_MS = 300_000;
/** What a reload waits for longer than this is logged, ms. */
const SLOW_MS = 5_000;
/**
 * A stage must answer its heartbeat within this, ms: on a busy machine a line that is slow in the
 * linear matcher, too, takes a reader three times the wait for a processor (`REGEX_WAIT_MS_MAX`).
 */
const HEARTBEAT_MS = 10_000;

export interface AgentOptions extends StageOptions {
  readonly sockets: ControlSockets;
}

export class Agent {
  readonly stages: Stages;
  /** Rejects when the agent cannot go on; systemd starts it anew. */
  readonly failure: Promise<never>;
  readonly #upkeep: LedgerUpkeep;
  #server: ControlServer | undefined;
  #timers: NodeJS.Timeout[] = [];
  #catchUp: NodeJS.Timeout | undefined;
  #stopping = false;
  #fail: (error: Error) => void = () => undefined;
  #reloading: Promise<unknown> = Promise.resolve();

  private constructor(options: AgentOptions) {
    this.failure = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // The caller of `start` waits for this promise later; until then a failure must not end the
    // process without a word.
    this.failure.catch(() => undefined);
    this.stages = makeStages(options, {
      failed: this.#failed,
      kernelFailed: (error) => {
        options.log(
          'error',
          `nftables: ${messageOf(error)}; the bans stay wanted and are tried again`,
        );
        this.#catchUpLater();
      },
      reload: (candidate) => this.reload(false, candidate),
    });
    // A disk that hangs: bans go on, and another agent would have to open the ledger on it.
    const lost = () =>
      options.log('warning', "the thread that puts the ledger's log into its file does not end");
    this.#upkeep = new LedgerUpkeep(this.stages.ledger.database, options.log, (path) =>
      checkpointInThread(path, lost),
    );
  }

  /** Starts an agent; resolves when the kernel is right and every reader has opened its source. */
  static async start(options: AgentOptions): Promise<Agent> {
    options.firewall.prepare?.();
    const agent = await Agent.#made(options);
    const { stages } = agent;
    const { firewallSync, ledger, pipeline } = stages;
    const operations = new AgentControlHandlers(
      stages,
      (dryRun, candidate) => agent.reload(dryRun, candidate),
      () => agent.#failed(new Error('the thread of the figures does not end: starting anew')),
    );
    try {
      options.firewall.claim?.();
      const unsettled = ledger.unsettled();
      const held = pipeline.questions.hold(unsettled);
      let taking: (() => void) | undefined;
      const takes = new Promise<void>((resolve) => {
        taking = resolve;
      });
      const restored = firewallSync.restore(stages.isLedgerFresh, unsettled, taking);
      // What a new ledger does not know of, the kernel may: until that is taken over, a short ban
      // would replace a long one. And where the tables are gone, the bans of the ledger come first:
      // what the jails have to know of the past keeps this thread busy.
      await (stages.isLedgerFresh ? restored : Promise.race([takes, restored]));
      stages.intake.givesWay = true;
      const serving = async () => {
        await restored;
        stages.intake.givesWay = false;
        for (const ban of held) pipeline.questions.ask(ban, []);
        await agent.#liftBansOfOthers();
        agent.#server = await serveControl(options.sockets, operations);
        const { policy, companionGroupId } = options.sockets;
        if (policy !== undefined && companionGroupId === undefined)
          options.log(
            'debug',
            `${policy} and share.sock are root's alone: the group banjour-companion is not there`,
          );
        firewallSync.followAllow(async () => {
          await agent.#liftBansOfAllowed();
          await stages.share.review();
        });
      };
      await allOf([serving(), stages.intake.start(options.setup)]);
      stages.coverage.start();
      stages.copies.start();
      agent.#startTimers();
      return agent;
    } catch (error) {
      await agent.stop();
      throw error;
    }
  }

  /** An agent that has not started; without one nobody is left to close the firewall. */
  static async #made(options: AgentOptions): Promise<Agent> {
    try {
      return new Agent(options);
    } catch (error) {
      await options.firewall.close();
      throw error;
    }
  }

  /** True when every stage answers its heartbeat; that of the main thread is that it can ask. */
  async alive(): Promise<boolean> {
    const answers = await Promise.all([
      this.stages.intake.alive(HEARTBEAT_MS),
      this.stages.firewall.alive?.(HEARTBEAT_MS) ?? Promise.resolve(true),
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
    const { allow, copies, coverage, firewall, intake, ledger, pipeline } = this.stages;
    allow.stop();
    coverage.stop();
    copies.stop();
    const errors: unknown[] = [];
    const steps: (() => unknown)[] = [
      () => intake.stop(),
      () => pipeline.stop(),
      () => this.#server?.close(),
      () => firewall.close(),
      () => ledger.close(),
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
    const { setup: next, accept } = await candidate(this.stages.live);
    const old = this.stages.setup;
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
    await this.stages.share.review();
    return difference;
  }

  /**
   * Allow, jails, kernel, intake, in that order: nothing is judged by rules that the kernel does
   * not have yet.
   */
  async #become(next: AgentSetup, difference: SetupDifference): Promise<void> {
    const { stages } = this;
    stages.setup = next;
    stages.allow.setSpec(next.allow);
    const cold = new Set(stages.jails.reconfigure(next.jails.map(({ policy }) => policy)));
    if (difference.firewall) await this.#patiently('the kernel', stages.firewallSync.replan());
    await this.#patiently('the readers', stages.intake.swap(next, cold));
  }

  /** Says what a reload waits for when that takes long. */
  async #patiently(what: string, work: Promise<void>): Promise<void> {
    const timer = setTimeout(
      () => this.stages.log('warning', `reload: still waiting for ${what}`),
      SLOW_MS,
    );
    await work.finally(() => clearTimeout(timer));
  }

  /** Bans of jails that are no more end: nothing closes their ports. */
  #liftBansOfOthers(): Promise<void> {
    const known = new Set(this.stages.setup.jails.map(({ policy }) => policy.jail));
    // A hundred thousand bans take half a second to look through, at every start, and others there
    // are hardly ever.
    if (this.stages.ledger.history.openJails().every((jail) => known.has(jail)))
      return Promise.resolve();
    return this.#lift(({ jail }) => !known.has(jail));
  }

  /**
   * Bans of those who must not be banned (any more) end: an address that became ours, an
   * administrator's.
   */
  #liftBansOfAllowed(): Promise<void> {
    const { snapshot } = this.stages.allow;
    return this.#lift(
      ({ jail, target, origin }) =>
        origin === 'journal' && snapshot.overlaps(jail, target) !== undefined,
    );
  }

  async #lift(which: (ban: BanRecord) => boolean): Promise<void> {
    const time = wallClock.now();
    const decisions: UnbanDecision[] = [];
    for (const ban of this.stages.ledger.inForce(time))
      if (which(ban))
        decisions.push({
          kind: 'unban',
          jail: ban.jail,
          target: ban.target,
          time,
          reason: 'reload',
        });
    if (decisions.length > 0) await this.stages.pipeline.decide(decisions);
  }

  /**
   * Tries again to bring the kernel to what the ledger wants, less and less often until it works.
   */
  #catchUpLater(tries = 0): void {
    if (this.#catchUp !== undefined || this.#stopping) return;
    this.#catchUp = setTimeout(
      async () => {
        try {
          await this.stages.pipeline.idle();
          await this.stages.firewallSync.catchUp();
          this.#catchUp = undefined;
        } catch (error) {
          this.stages.log('error', `nftables: ${messageOf(error)}; trying again`);
          this.#catchUp = undefined;
          this.#catchUpLater(tries + 1);
        }
      },
      pauseAfter(tries, RETRY_MS),
    );
  }

  #startTimers(): void {
    const { stages } = this;
    const every = (milliseconds: number, work: () => unknown) =>
      this.#timers.push(setInterval(work, milliseconds));
    every(EXPIRY_MS, () => stages.pipeline.expireByWall().catch(this.#failed));
    every(LEDGER_SAVE_MS_MIN, () => this.#upkeep.save().catch(this.#failed));
    every(LEDGER_SAVE_MS_MIN, () => this.#upkeep.checkpoint().catch(this.#failed));
    const look = () => stages.health.look().catch(this.#failed);
    every(HEALTH_MS, look);
    inBackground(look());
    every(TIDY_MS, () => {
      this.#upkeep.prune(stages.setup.keepHistory, creditOf(stages.setup.jails));
      stages.share.tidy();
    });
  }

  /** The end of the agent, for what nobody waits for. */
  readonly #failed = (error: unknown) =>
    this.#fail(error instanceof Error ? error : new Error(String(error)));
}

/** Resolves when all have, rejects with the first reason in their order when none goes on. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(works))
    if (result.status === 'rejected') throw result.reason;
}
