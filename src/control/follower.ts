/**
 * Follows the agent: its event stream rings, its history says what there is. Pages are read in the
 * order of ids, from where the slowest receiver that has room stands; what a receiver has no room
 * for stays in the agent's ledger until it has. Ids of bans rise over restarts of either side, so
 * nothing is lost while one of them is away; only a ban that the agent itself has forgotten is (a
 * gap, counted).
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../core/backoff.js';
import { messageOf } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { FOLLOWER_PAGE_ROWS } from '../core/service-limits.js';
import type { BanView, StreamEvent } from './protocol.js';

/** What of the control client is used. */
export interface Feed {
  history(query: {
    readonly limit: number;
    readonly after: number;
    readonly order: 'oldest';
  }): Promise<readonly BanView[]>;
  newestBan(): Promise<{ readonly id: number }>;
  /** `opened` is called when every event from then on is told. */
  events(
    listener: (event: StreamEvent) => void,
    signal: AbortSignal,
    options: { readonly only: readonly ('ban' | 'unban')[]; readonly opened: () => void },
  ): Promise<void>;
}

/** A target that is told, at its own speed. */
export interface Receiver {
  /** Everything up to this id was taken, or is of no concern. */
  readonly seen: number;
  /** False: it takes nothing now. */
  readonly hasRoom: boolean;
  /**
   * Takes a ban in the order of ids; one up to `seen` is passed over, one that it has no room for
   * changes nothing.
   */
  offer(ban: BanView): void;
  /** Up to this id there is nothing to tell it; changes nothing when it has no room. */
  pass(id: number): void;
  /** Ids begin anew, lower than before. */
  forget(): void;
}

export interface FollowerOptions {
  readonly feed: Feed;
  /** Asked once, with the newest id of the agent. */
  readonly begin: (newest: number) => readonly Receiver[];
  /** Called when receivers have seen more. */
  readonly moved: () => void;
  readonly log: Log;
  /** A ban was met for the first time. */
  readonly counted?: () => void;
  /** Bans may be missing from what was handed out. */
  readonly gap?: () => void;
  /** Wants unbans as well: called for each that the stream tells, as it comes. */
  readonly unbanned?: (event: StreamEvent) => void;
  /** The stream begins: of unbans before it nothing is told. */
  readonly opened?: () => void;
  /** Pauses, ms; tests shorten them. */
  readonly pauses?: {
    readonly reconnectMin: number;
    readonly reconnectMax: number;
    readonly unsettled: number;
    readonly between: number;
  };
}

/** The history is looked at this often even when nothing rings, ms. */
const LOOK_MS = 60_000;
/**
 * `between`: bans that come in quick succession are asked for together; the agent has better things
 * to do.
 */
const PAUSES = { reconnectMin: 500, reconnectMax: 30_000, unsettled: 250, between: 100 };

export class Follower {
  readonly #options: FollowerOptions;
  readonly #abort = new AbortController();
  #receivers: readonly Receiver[] | undefined;
  /** The highest id that the agent has named. */
  #newest = 0;
  /** The highest id that was counted as an event. */
  #counted = 0;
  #looking: Promise<void> | undefined;
  #isLooking = false;
  #reading: Promise<boolean> | undefined;
  #rung = false;
  #away = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const { feed, log } = this.#options;
    const pauses = this.#options.pauses ?? PAUSES;
    const timer = setInterval(() => this.ring(), LOOK_MS);
    const backoff = new Backoff({ first: pauses.reconnectMin, last: pauses.reconnectMax });
    try {
      while (!this.#abort.signal.aborted) {
        try {
          await this.#look();
          if (this.#away) log('notice', 'the agent answers again');
          this.#away = false;
          backoff.reset();
          // Of a storm of failures the agent sends nothing here. What came between the look and the
          // stream is looked for.
          await feed.events((event) => this.#hear(event), this.#abort.signal, {
            only: this.#options.unbanned === undefined ? ['ban'] : ['ban', 'unban'],
            opened: () => {
              this.#options.opened?.();
              this.ring();
            },
          });
        } catch (error) {
          if (this.#abort.signal.aborted) break;
          if (!this.#away) log('warning', `${messageOf(error)}; waiting for it`);
          this.#away = true;
        }
        await sleep(backoff.next(), undefined, { signal: this.#abort.signal }).catch(
          () => undefined,
        );
      }
    } finally {
      clearInterval(timer);
      await this.#looking;
    }
  }

  stop(): void {
    this.#abort.abort();
  }

  #hear(event: StreamEvent): void {
    if (event.event === 'unban') this.#options.unbanned?.(event);
    else this.ring();
  }

  /**
   * There may be something new, or room for it: looks now, or once more when a look is under way.
   */
  ring(): void {
    if (this.#abort.signal.aborted) return;
    this.#rung = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#looking = this.#answerRings();
  }

  async #answerRings(): Promise<void> {
    const { unsettled, between } = this.#options.pauses ?? PAUSES;
    while (this.#rung && !this.#abort.signal.aborted) {
      this.#rung = false;
      // An agent that is gone ends the stream too; the loop there deals with it.
      const settled = await this.#look().catch(() => true);
      this.#rung ||= !settled;
      if (this.#rung)
        await sleep(settled ? between : unsettled, undefined, { signal: this.#abort.signal }).catch(
          () => undefined,
        );
    }
    // At once: a ring that comes a turn later looks anew.
    this.#isLooking = false;
  }

  /** Learns which ledger this is. Ids begin anew only in another one: all of its bans are news. */
  async #meet(): Promise<readonly Receiver[]> {
    const { id } = await this.#options.feed.newestBan();
    if (this.#receivers === undefined) {
      this.#receivers = this.#options.begin(id);
      this.#counted = Math.min(id, ...this.#receivers.map(({ seen }) => seen));
    }
    if (id < this.#newest) {
      this.#gap('the ledger of the agent was begun anew');
      this.#counted = 0;
      for (const receiver of this.#receivers) receiver.forget();
    }
    this.#newest = id;
    return this.#receivers;
  }

  /**
   * Hands out what is new; false when there is more whose answer of the kernel is still awaited.
   * One at a time: two that overlap could take an older answer for another ledger.
   */
  #look(): Promise<boolean> {
    this.#reading ??= this.#readOnce();
    return this.#reading;
  }

  async #readOnce(): Promise<boolean> {
    try {
      return await this.#readOn();
    } finally {
      this.#reading = undefined;
    }
  }

  async #readOn(): Promise<boolean> {
    const receivers = await this.#meet();
    while (!this.#abort.signal.aborted) {
      // Chosen before the page is asked for: who has room only by then has missed what lies before
      // it.
      const takers = receivers.filter(({ hasRoom }) => hasRoom);
      const from = Math.min(...takers.map(({ seen }) => seen));
      if (from >= this.#newest) return true;
      const rows = await this.#options.feed.history({
        limit: FOLLOWER_PAGE_ROWS,
        after: from,
        order: 'oldest',
      });
      const settled = this.#hand(rows, from, takers);
      this.#options.moved();
      if (!settled) return false;
      if (rows.length < FOLLOWER_PAGE_ROWS) return true;
    }
    return true;
  }

  /**
   * Hands out a page of what comes after `from`; false when the kernel has not answered to all of
   * it.
   */
  #hand(rows: readonly BanView[], from: number, takers: readonly Receiver[]): boolean {
    let before = from;
    for (const ban of rows) {
      this.#skip(before, ban.id, takers);
      if (ban.state === 'wanted') return false;
      before = ban.id;
      if (ban.id > this.#counted) {
        this.#options.counted?.();
        this.#counted = ban.id;
      }
      for (const taker of takers) {
        if (isNews(ban)) taker.offer(ban);
        else taker.pass(ban.id);
      }
    }
    if (rows.length < FOLLOWER_PAGE_ROWS) this.#skip(before, this.#newest + 1, takers);
    return true;
  }

  /** Ids between two neighbours belong to bans that the agent has forgotten. */
  #skip(before: number, next: number, takers: readonly Receiver[]): void {
    // A receiver that has seen less has no room now; it asks for these ids again later.
    const missing = takers.filter(({ seen }) => seen >= before && seen < next - 1);
    if (missing.length === 0) return;
    this.#gap('the agent has forgotten them (dbpurgeage)');
    for (const taker of missing) taker.pass(next - 1);
  }

  #gap(reason: string): void {
    this.#options.gap?.();
    this.#options.log('warning', `bans may be missing from what is told: ${reason}`);
  }
}

/**
 * False for a ban that was imported, that the kernel refused, that was over before it came there,
 * or that an ignorecommand forbade.
 */
function isNews({ state, ended, origin }: BanView): boolean {
  return (
    origin !== 'import' &&
    origin !== 'shared' &&
    state !== 'refused' &&
    ended?.reason !== 'lapsed' &&
    ended?.reason !== 'ignored'
  );
}
