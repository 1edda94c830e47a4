/**
 * Watches the doorbell and has the tables repaired when it rings; a heartbeat says whether calls go
 * on. One repair at a time; what rings meanwhile is repaired after it. Against a program that keeps
 * changing our tables it slows down instead of fighting at full speed.
 */

import { NftDoorbell, type Ring } from '../../native/netlink-doorbell.js';
import { inBackground } from '../core/background.js';
import { Backoff } from '../core/backoff.js';
import { messageOf } from '../core/errors.js';
import { DRIFT_REPAIRS_BURST_MAX } from '../core/limits.js';
import { DOORBELL_CHECK_MS, DOORBELL_POLL_MS, NFT_STUCK_MS } from '../core/timeouts.js';
import { TABLE } from './names.js';

/**
 * Whether the firewall's calls go on. One beat at a time goes through the queue like any other
 * call; while calls before it are under way it may wait as long as their deadlines allow.
 */
export class Heartbeat {
  readonly #beat: () => Promise<void>;
  readonly #stuckMs: number;
  #pending: { readonly answered: Promise<boolean>; readonly since: number } | undefined;

  /** `beat` resolves when everything before it is done and the way to the kernel is open. */
  constructor(beat: () => Promise<void>, stuckMs: number = NFT_STUCK_MS) {
    this.#beat = beat;
    this.#stuckMs = stuckMs;
  }

  /** False when a beat failed, or has been waiting for longer than any call may take. */
  async alive(milliseconds: number): Promise<boolean> {
    const pending = this.#pending ?? this.#start();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(
        () => resolve(performance.now() - pending.since < this.#stuckMs),
        milliseconds,
      );
    });
    const answer = await Promise.race([pending.answered, late]);
    clearTimeout(timer);
    return answer;
  }

  #start() {
    const answered = this.#beat()
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        this.#pending = undefined;
      });
    this.#pending = { answered, since: performance.now() };
    return this.#pending;
  }
}

/**
 * Window of the burst, ms, and the pause before each further repair: doubles from the first to the
 * last.
 */
const BURST_MS_PRESET = 10_000;
const BURST_PAUSE_MS = { first: 1_000, last: 30_000 } as const;
/** Pause after a repair that failed: doubles from the first to the last, ms. */
const RETRY_MS = { first: 250, last: 60_000 } as const;
/** Without a doorbell the tables are compared this often, ms. */
const BLIND_CHECK_MS = 30_000;

/** What tells of changes of the tables. */
export type Bell = Pick<NftDoorbell, 'onRing' | 'look' | 'ignore' | 'unignore' | 'close'>;

export interface WatchOptions {
  readonly netns?: string;
  /**
   * Makes the kernel equal to what is wanted. `certain`: something besides elements was touched.
   */
  readonly repair: (reason: string, certain: boolean) => Promise<void>;
  /** Brings tables back that are gone while a repair is under way, without waiting for it. */
  readonly makeAnew?: () => boolean;
  readonly onProblem: (message: string) => void;
  /** What rings; netlink's unless a test has another. */
  readonly doorbell?: (table: string, netns?: string) => Bell;
  /** Window of a burst of repairs, ms; tests on slow machines widen it. */
  readonly burstMs?: number;
}

export class DriftWatch {
  readonly #options: WatchOptions;
  #doorbell: Bell | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #pending: Pick<Ring, 'what' | 'structure'> | undefined;
  #repairing = false;
  readonly #retries = new Backoff(RETRY_MS);
  readonly #bursts = new Backoff(BURST_PAUSE_MS);
  #recent: number[] = [];
  #pause = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Begins to listen; without access to netlink the tables are compared now and then instead. */
  start(): void {
    if (this.#timer !== undefined) return;
    try {
      const { doorbell = (table, netns) => new NftDoorbell(table, netns), netns } = this.#options;
      this.#doorbell = doorbell(TABLE, netns);
      const rings = this.#doorbell.onRing(() => this.#look());
      this.#timer = setInterval(() => this.#look(), rings ? DOORBELL_CHECK_MS : DOORBELL_POLL_MS);
    } catch (error) {
      this.#options.onProblem(
        `changes of the ruleset cannot be heard, so the tables are compared every ${BLIND_CHECK_MS / 1000} s instead: ${messageOf(error)}`,
      );
      this.#timer = setInterval(
        () => this.#rang({ what: 'periodic comparison', structure: false }),
        BLIND_CHECK_MS,
      );
    }
    this.#timer.unref();
  }

  /** Our own nft: its changes do not ring. */
  own(pid: number): void {
    this.#doorbell?.ignore(pid);
  }

  disown(pid: number): void {
    this.#doorbell?.unignore(pid);
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    this.#timer = undefined;
    this.#retry = undefined;
    this.#pending = undefined;
    this.#doorbell?.close();
    this.#doorbell = undefined;
  }

  #look(): void {
    const ring = this.#doorbell?.look();
    if (ring !== undefined) this.#rang(ring);
  }

  #rang(ring: Pick<Ring, 'what' | 'structure'>): void {
    this.#pending = {
      what: this.#pending?.what ?? ring.what,
      structure: ring.structure || (this.#pending?.structure ?? false),
    };
    if (this.#repairing) this.#again(ring.structure);
    else if (this.#retry === undefined) inBackground(this.#repair());
  }

  /** Somebody flushed again during a repair: mended at once, no more often than repairs may be. */
  #again(structure: boolean): void {
    if (!structure || this.#recent.length > DRIFT_REPAIRS_BURST_MAX) return;
    if (this.#options.makeAnew?.() === true) this.#recent.push(performance.now());
  }

  async #repair(): Promise<void> {
    const ring = this.#pending;
    if (ring === undefined) return;
    this.#pending = undefined;
    this.#repairing = true;
    let pause = 0;
    try {
      await this.#options.repair(ring.what, ring.structure);
      this.#retries.reset();
      const now = performance.now();
      const window = (this.#options.burstMs ?? BURST_MS_PRESET) + this.#pause;
      this.#recent = [...this.#recent.filter((time) => now - time < window), now];
      const isBurst = this.#recent.length > DRIFT_REPAIRS_BURST_MAX;
      if (!isBurst) this.#bursts.reset();
      this.#pause = isBurst ? this.#bursts.next() : 0;
      pause = this.#pause;
    } catch (error) {
      if (this.#timer === undefined) return;
      this.#pending = ring;
      pause = this.#retries.next();
      this.#options.onProblem(
        `the tables could not be repaired; the next try is in ${pause} ms: ${messageOf(error)}`,
      );
    } finally {
      this.#repairing = false;
    }
    if (this.#timer === undefined) return;
    if (pause === 0) inBackground(this.#repair());
    else {
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        inBackground(this.#repair());
      }, pause).unref();
    }
  }
}
