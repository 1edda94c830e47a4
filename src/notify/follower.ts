/**
 * Follows the agent: its event stream rings, its history says what there is. Ids of bans rise over restarts of either
 * side, so nothing is lost while one of them is away; only a ban that the agent itself has forgotten is (a gap, counted).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BanView, StreamEvent } from '../control/protocol.js';
import { messageOf } from '../core/errors.js';
import { HISTORY_ANSWER_ROWS_MAX } from '../core/limits.js';
import type { Log } from '../core/log.js';
import type { NotifyMetrics } from './metrics.js';

/** What of the control client is used. */
export interface Feed {
  history(query: { readonly limit: string }): Promise<readonly BanView[]>;
  /** `opened` is called when every event from then on is told. */
  events(
    listener: (event: StreamEvent) => void,
    signal: AbortSignal,
    options: { readonly opened: () => void },
  ): Promise<void>;
}

export interface FollowerOptions {
  readonly feed: Feed;
  /** Each ban that came into force, in the order of ids; a ban may come twice. */
  readonly tell: (ban: BanView) => void;
  /** Asked once, with the newest id of the agent: up to where everything is told already. */
  readonly begin: (newest: number) => number;
  /** Ids begin anew, lower than before. */
  readonly anew: () => void;
  readonly log: Log;
  readonly metrics: NotifyMetrics;
  /** Pauses, ms; tests shorten them. */
  readonly pauses?: { readonly reconnectMin: number; readonly reconnectMax: number; readonly unsettled: number };
}

/** The history is looked at this often even when nothing rings, ms. */
const LOOK_MS = 60_000;
/** Rows of an ordinary look. */
const ROWS = 200;
const PAUSES = { reconnectMin: 500, reconnectMax: 30_000, unsettled: 250 };

export class Follower {
  readonly #options: FollowerOptions;
  readonly #abort = new AbortController();
  #seen: number | undefined;
  #looking: Promise<void> | undefined;
  #rung = false;
  #away = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const { feed, log } = this.#options;
    const pauses = this.#options.pauses ?? PAUSES;
    const timer = setInterval(() => this.#ring(), LOOK_MS);
    let pause = pauses.reconnectMin;
    try {
      while (!this.#abort.signal.aborted) {
        try {
          await this.#look();
          if (this.#away) log('notice', 'the agent answers again');
          this.#away = false;
          pause = pauses.reconnectMin;
          await feed.events(
            (event) => {
              if (event.event === 'ban') this.#ring();
            },
            this.#abort.signal,
            // What came between the look and the stream.
            { opened: () => this.#ring() },
          );
        } catch (error) {
          if (this.#abort.signal.aborted) break;
          if (!this.#away) log('warning', `${messageOf(error)}; waiting for it`);
          this.#away = true;
        }
        await sleep(pause, undefined, { signal: this.#abort.signal }).catch(() => undefined);
        pause = Math.min(pauses.reconnectMax, pause * 2);
      }
    } finally {
      clearInterval(timer);
      await this.#looking?.catch(() => undefined);
    }
  }

  stop(): void {
    this.#abort.abort();
  }

  /** Looks now, or once more when a look is under way. */
  #ring(): void {
    this.#rung = true;
    this.#looking ??= this.#answerRings().finally(() => {
      this.#looking = undefined;
    });
  }

  async #answerRings(): Promise<void> {
    while (this.#rung && !this.#abort.signal.aborted) {
      this.#rung = false;
      // An agent that is gone ends the stream too; the loop there deals with it.
      const settled = await this.#look().catch(() => true);
      if (settled) continue;
      this.#rung = true;
      const { unsettled } = this.#options.pauses ?? PAUSES;
      await sleep(unsettled, undefined, { signal: this.#abort.signal }).catch(() => undefined);
    }
  }

  /** Tells what is new; false when there is more whose answer of the kernel is still awaited. */
  async #look(): Promise<boolean> {
    const { feed, tell } = this.#options;
    let rows = await feed.history({ limit: String(ROWS) });
    const seen = this.#begin(rows[0]?.id ?? 0);
    if (rows.length === ROWS && (rows.at(-1)?.id ?? 0) > seen + 1) {
      rows = await feed.history({ limit: String(HISTORY_ANSWER_ROWS_MAX) });
      if (rows.length === HISTORY_ANSWER_ROWS_MAX && (rows.at(-1)?.id ?? 0) > seen + 1)
        this.#gap('too many came at once');
    }
    for (const ban of rows.filter(({ id }) => id > seen).sort((a, b) => a.id - b.id)) {
      if (ban.state === 'wanted') return false;
      this.#seen = ban.id;
      this.#options.metrics.events.inc();
      if (wasInForce(ban) && ban.origin !== 'import') tell(ban);
    }
    return true;
  }

  #begin(newest: number): number {
    this.#seen ??= this.#options.begin(newest);
    if (newest < this.#seen) {
      // Ids begin anew only in another ledger: all of its bans are news.
      this.#gap('the ledger of the agent was begun anew');
      this.#seen = 0;
      this.#options.anew();
    }
    return this.#seen;
  }

  #gap(reason: string): void {
    this.#options.metrics.gaps.inc();
    this.#options.log('warning', `bans may be missing from what is told: ${reason}`);
  }
}

/** False for a ban that the kernel refused, that was over before it came there, or that an ignorecommand forbade. */
function wasInForce({ state, ended }: BanView): boolean {
  return state !== 'refused' && ended?.reason !== 'lapsed' && ended?.reason !== 'ignored';
}
