/**
 * The database of the ledger: its handle, its statements and its transaction.
 *
 * When the file cannot be written (a disk that is full, read-only, broken or gone; another program
 * that holds it), the database goes on in memory with everything that it knows and loses nothing:
 * `unsaved` says why, and `save` puts all of it back into the file.
 */
import { existsSync } from 'node:fs';
import Database, { type Transaction } from 'better-sqlite3';
import { messageOf } from '../core/errors.js';
import type { Figures, HourlyCount } from '../core/figures.js';
import type { Finding } from '../core/finding.js';
import type { JailName } from '../core/names.js';
import { LEDGER_MEMORY_BYTES_MAX } from '../core/service-limits.js';
import type { EpochMicros } from '../core/time.js';
import { Attempts } from './attempts.js';
import { checkLedger } from './check.js';
import { guarded, isBusy, isDiskTrouble, ledgerError } from './errors.js';
import { figuresOf } from './figures.js';
import { History } from './history.js';
import { Alarms, HourlyTally, writeHourly, writeStopped } from './hourly.js';
import type { WriterLock } from './lock.js';
import { type OffenderAnswer, type OffenderQuestion, offendersOf } from './offenders.js';
import { type Statements, statementsOf } from './schema.js';

/** A database in memory with the content of a file. */
export function inMemory(content: Buffer): Database.Database {
  // There is no write-ahead log in memory: the header must not ask for one
  // (sqlite.org/fileformat.html, 1.3.3).
  content.fill(1, 18, 20);
  return new Database(content);
}

/**
 * Puts the write-ahead log of a database into its file; nobody who reads or writes waits for it.
 * Returns how many pages the log has.
 */
export function checkpointOf(db: Database.Database): number {
  const [row] = db.pragma('wal_checkpoint(PASSIVE)') as [{ readonly log: number }];
  return row.log;
}

/** How a ledger in memory gets back to its file. */
export interface LedgerFile {
  /**
   * Makes room for a whole ledger: what stands there and could not be read is kept under another
   * name.
   */
  readonly prepare: () => void;
  readonly open: () => Database.Database;
}

export interface LedgerDatabaseOptions {
  readonly lock?: WriterLock;
  /** Without it the database never goes on in memory. */
  readonly file?: LedgerFile;
  /** It is in memory from the beginning, and why. */
  readonly unsaved?: string;
}

export class LedgerDatabase {
  readonly path: string;
  #history!: History;
  #attempts!: Attempts;
  #alarms!: Alarms;
  #db!: Database.Database;
  #sql!: Statements;
  readonly #lock: WriterLock | undefined;
  readonly #file: LedgerFile | undefined;
  #unsaved: string | undefined;
  /** Made once: making it costs as much as a small transaction. */
  #transaction!: Transaction<(work: () => void) => void>;

  /** Takes a migrated database; see `openLedger`. */
  constructor(db: Database.Database, path: string, options: LedgerDatabaseOptions = {}) {
    this.path = path;
    this.#lock = options.lock;
    this.#file = options.file;
    this.#unsaved = options.unsaved;
    this.#use(db);
  }

  #use(db: Database.Database): void {
    this.#db = db;
    this.#sql = guarded(() => statementsOf(db));
    this.#history = new History(db);
    this.#attempts = new Attempts(db);
    this.#alarms = new Alarms(db);
    this.#transaction = db.transaction((work: () => void) => work());
  }

  /** The statements; others after the database went to memory or back, so they are not kept. */
  get sql(): Statements {
    return this.#sql;
  }

  /** What was, and for how long it is kept. */
  get history(): History {
    return this.#history;
  }

  /** Logins and failures that the evidence is made of. */
  get attempts(): Attempts {
    return this.#attempts;
  }

  /** Alarms, and how long they and the hourly counters are kept. */
  get alarms(): Alarms {
    return this.#alarms;
  }

  /** The figures of a time; see `figuresOf`. Takes seconds of a large ledger. */
  figures(since: EpochMicros, until: EpochMicros): Figures {
    // One transaction: all of them are of one moment.
    return guarded(() => this.#db.transaction(() => figuresOf(this.#db, since, until))());
  }

  /** Who failed in a network or for a user. Takes a second or two of a large ledger. */
  offenders(questions: readonly OffenderQuestion[]): OffenderAnswer[] {
    return guarded(() => questions.map((question) => offendersOf(this.#db, question)));
  }

  /** Why the file cannot be written, while it is in memory only; undefined while in its file. */
  get unsaved(): string | undefined {
    return this.#unsaved;
  }

  /**
   * Puts a database that is in memory back into its file and goes on there. What is written
   * meanwhile goes along.
   * @throws OperatingError while the disk still cannot be written; nothing is lost, and the
   * database stays in memory
   */
  async save(): Promise<void> {
    if (this.#unsaved === undefined || this.#file === undefined) return;
    const memory = this.#db;
    try {
      this.#file.prepare();
      await memory.backup(this.path);
      this.#use(this.#file.open());
    } catch (error) {
      throw ledgerError(error);
    }
    this.#unsaved = undefined;
    memory.close();
  }

  /**
   * Keeps a database that is in memory within its bound: bans that are over are forgotten, the
   * oldest first. Those in force stay, however many. Returns how many were forgotten.
   */
  shrink(bytesMax: number = LEDGER_MEMORY_BYTES_MAX): number {
    if (this.#unsaved === undefined) return 0;
    const size = (name: string) => this.#db.pragma(name, { simple: true }) as number;
    if (size('page_count') * size('page_size') <= bytesMax) return 0;
    return guarded(() => {
      const forget = this.#sql.forgetOldest.run();
      this.#db.pragma('incremental_vacuum');
      return forget.changes;
    });
  }

  /**
   * Goes on in memory when the file is gone (its folder deleted or replaced): SQLite writes to what
   * nobody can open any more, and says nothing. To be called now and then.
   */
  noticeLoss(): void {
    if (this.#file === undefined || this.#unsaved !== undefined || existsSync(this.path)) return;
    this.#goOnInMemory(new Error(`ledger: ${this.path} is gone`));
  }

  /**
   * Runs `work` in a transaction; a second time, in memory, when the disk fails the first.
   * `durably`: a power cut after it loses nothing of it.
   */
  write(durably: boolean, work: () => void): void {
    try {
      this.#writeOnce(durably, work);
    } catch (error) {
      const isElsewhere = isDiskTrouble(error) || isBusy(error);
      if (this.#file === undefined || this.#unsaved !== undefined || !isElsewhere) throw error;
      this.#goOnInMemory(error);
      this.#writeOnce(durably, work);
    }
  }

  /** Counts what belongs to no position, e.g. the agent's own health. */
  count(
    hourly: readonly HourlyCount[],
    stopped: ReadonlyMap<JailName, { readonly packets: number }>,
    now: EpochMicros,
  ): void {
    this.write(false, () => {
      const tally = new HourlyTally();
      for (const [jail, packets] of writeStopped(this.#sql, stopped))
        tally.add('packets', jail, packets, now, now);
      writeHourly(this.#sql, [...hourly, ...tally.take()], []);
    });
  }

  /** Rows that were written, changed or deleted since the database was opened. */
  get changedRows(): number {
    return guarded(() => this.#db.prepare('SELECT total_changes()').pluck().get() as number);
  }

  /** Puts the write-ahead log into the file. Waits for the disk. */
  checkpoint(): void {
    guarded(() => checkpointOf(this.#db));
  }

  /** Findings for `doctor`. */
  check(): Finding[] {
    return checkLedger(this.#db, this.path);
  }

  /** Closes the file and frees the writer's lock; may be called twice. */
  close(): void {
    this.#db.close();
    this.#lock?.release();
  }

  #goOnInMemory(error: unknown): void {
    const file = this.#db;
    this.#use(guarded(() => inMemory(file.serialize())));
    this.#unsaved = messageOf(error);
    try {
      file.close();
    } catch {
      // What it could not write stands in memory.
    }
  }

  #writeOnce(durably: boolean, work: () => void): void {
    guarded(() => {
      if (durably) this.#db.pragma('synchronous = FULL');
      try {
        this.#transaction.immediate(work);
      } finally {
        if (durably) this.#db.pragma('synchronous = NORMAL');
      }
    });
  }
}
