/**
 * Keeps the ledger written and small while the agent runs: what could not be written is tried
 * again, its write-ahead log goes into its file, and history that is old enough is forgotten.
 */
import { Backoff } from '../core/backoff.js';
import { messageOf } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { LEDGER_CHECKPOINT_ROWS, LEDGER_WAL_PAGES } from '../core/service-limits.js';
import { counted, escapeUntrusted } from '../core/text.js';
import { plus, type Seconds, wallClock } from '../core/time.js';
import {
  DIGEST_SECONDS,
  LEDGER_QUICK_DISK_MS,
  LEDGER_SAVE_MS_MAX,
  LEDGER_SAVE_MS_MIN,
} from '../core/timeouts.js';
import type { LedgerDatabase } from '../ledger/database.js';
import type { Checkpoint } from './checkpoint-thread.js';

/** For status: nothing, or what is wrong while the ledger cannot be written. */
export function unsavedWarnings({ path, unsaved }: LedgerDatabase): readonly string[] {
  return unsaved === undefined ? [] : [unsavedWarning(path, unsaved)];
}

export class LedgerUpkeep {
  readonly #ledger: LedgerDatabase;
  readonly #log: Log;
  #isTold = false;
  #isSaving = false;
  readonly #pauses = new Backoff({ first: LEDGER_SAVE_MS_MIN, last: LEDGER_SAVE_MS_MAX });
  #notBefore = 0;
  /** When the last try succeeded, on the clock of `performance.now`. */
  #savedAt = Number.NEGATIVE_INFINITY;

  readonly #checkpoint: (path: string) => Promise<Checkpoint>;
  #isCheckpointing = false;
  /** Changed rows that are in the ledger's file, or on their way. */
  #checkpointed = 0;

  constructor(ledger: LedgerDatabase, log: Log, checkpoint: (path: string) => Promise<Checkpoint>) {
    this.#ledger = ledger;
    this.#log = log;
    this.#checkpoint = checkpoint;
  }

  /** Tells that the ledger is in memory only, tries to write it, and tells when that succeeded. */
  async save(): Promise<void> {
    const ledger = this.#ledger;
    ledger.noticeLoss();
    if (ledger.unsaved === undefined || this.#isSaving) return;
    const forgotten = ledger.shrink();
    if (forgotten > 0)
      this.#log(
        'warning',
        `the ledger in memory has reached its bound: ${counted(forgotten, 'past ban')} forgotten`,
      );
    if (!this.#isTold) {
      this.#log('error', unsavedWarning(ledger.path, ledger.unsaved));
      // On a full disk the ledger's own log leaves room for one try, which the next log fills.
      if (performance.now() - this.#savedAt > LEDGER_SAVE_MS_MAX) this.#pauses.reset();
      else this.#notBefore = performance.now() + this.#pauses.next();
    }
    this.#isTold = true;
    if (performance.now() < this.#notBefore) return;
    this.#isSaving = true;
    try {
      await ledger.save();
      this.#isTold = false;
      this.#savedAt = performance.now();
      this.#log(
        'notice',
        `the ledger ${ledger.path} can be written again; all that was decided meanwhile is in it`,
      );
    } catch {
      // It stays in memory, as was told, and is tried again, less and less often.
      this.#notBefore = performance.now() + this.#pauses.next();
    } finally {
      this.#isSaving = false;
    }
  }

  /**
   * Puts what was written since into the ledger's file, once it is much, in a thread: that waits
   * until the disk has it, and a disk that the mail queue keeps busy may take seconds.
   */
  async checkpoint(): Promise<void> {
    const ledger = this.#ledger;
    if (ledger.unsaved !== undefined || ledger.path === ':memory:') return;
    if (this.#isCheckpointing) return;
    const { changedRows } = ledger;
    // A ledger that was in memory for a while is opened anew.
    if (changedRows < this.#checkpointed) this.#checkpointed = 0;
    if (changedRows - this.#checkpointed < LEDGER_CHECKPOINT_ROWS) return;
    this.#checkpointed = changedRows;
    this.#isCheckpointing = true;
    try {
      const { pages, milliseconds } = await this.#checkpoint(ledger.path);
      // What was written meanwhile keeps the log from beginning anew, and a storm always writes
      // something.
      if (pages >= LEDGER_WAL_PAGES && milliseconds <= LEDGER_QUICK_DISK_MS) ledger.checkpoint();
    } catch (error) {
      this.#log('warning', `the ledger's log does not go into its file: ${messageOf(error)}`);
    } finally {
      this.#isCheckpointing = false;
    }
  }

  /** Forgets old history, logins older than `credit`, digests of passwords older than a day. */
  prune(keep: Seconds, credit: Seconds): void {
    const now = wallClock.now();
    try {
      this.#ledger.history.prune(now, keep);
      this.#ledger.attempts.prune(plus(now, -credit));
      this.#ledger.alarms.prune(now);
      this.#ledger.attempts.forgetDigests(plus(now, -DIGEST_SECONDS));
    } catch (error) {
      this.#log('warning', `the history is not tidied: ${messageOf(error)}`);
    }
  }
}

function unsavedWarning(path: string, reason: string): string {
  return `the ledger ${path} cannot be written (${escapeUntrusted(reason)}): bans go on, and what is decided is kept in memory until it can; make room, or make the directory writable, and do not restart the agent before`;
}
