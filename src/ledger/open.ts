/** Opens the ledger whatever is wrong with its file or its disk. */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { EXIT, messageOf, OperatorError } from '../core/errors.js';
import { LEDGER_WAL_BYTES_MAX, LEDGER_WAL_PAGES_MAX } from '../core/service-limits.js';
import { type EpochMicros, isoTime } from '../core/time.js';
import { checkpointOf, inMemory, LedgerDatabase } from './database.js';
import { guarded, isBusy, isContent, isCorruption, isDiskTrouble } from './errors.js';
import { Ledger } from './ledger.js';
import { lockWriter, type WriterLock } from './lock.js';
import { mendLedger, tryWrites } from './mend.js';
import { APPLICATION_ID, migrate, SCHEMA_VERSION } from './schema.js';

/** Why a file cannot be the ledger. */
interface Unusable {
  readonly kind: 'corrupt' | 'foreign' | 'newer';
  /** One sentence for the operator. */
  readonly reason: string;
}

export interface OpenedLedger {
  readonly ledger: Ledger;
  /**
   * True when the ledger knows nothing: the kernel's own sets are all there is to go on from; see
   * `Ledger.adopt`.
   */
  readonly fresh: boolean;
  /**
   * Rows and other parts that the ledger cannot have written and that were left out, e.g.
   * `ban 17 (sshd 192.0.2.1)`.
   */
  readonly skipped: readonly string[];
  /** What stood there before and could not be used, and where it is kept now. */
  readonly setAside?: Unusable & { readonly path: string };
}

const BUSY_MS = 2_000;
/** Pages that SQLite keeps in memory, KiB. */
const LEDGER_CACHE_KIB = 4_096;

/**
 * Opens (makes, migrates) the ledger for writing. A file that cannot be the ledger is renamed, with
 * its companions, and a fresh one begun: the report says so, and the agent goes on protecting.
 * `now` stamps the preserved copy. `:memory:` keeps nothing.
 * @throws OperatorError when another agent holds the ledger or the directory cannot be used
 */
export function openLedger(path: string, now: EpochMicros): OpenedLedger {
  if (path === ':memory:') {
    const db = connect(path);
    return { ledger: new Ledger(new LedgerDatabase(db, path)), fresh: true, skipped: [] };
  }
  prepareFile(path);
  const lock = guarded(() => lockWriter(path));
  try {
    const found = existsSync(path) && statSync(path).size > 0;
    const unusable = found ? inspect(path) : undefined;
    const aside = (why: Unusable) => ({ ...why, path: moveAway(path, why.kind, now) });
    let setAside = unusable === undefined ? undefined : aside(unusable);
    closeSync(openSync(path, 'a', 0o600));
    let begun: Begun;
    try {
      begun = guarded(() => begin(path, lock));
    } catch (error) {
      // SQLite opens it, and yet it is not the ledger that this version wrote: tables, columns, the
      // schema itself.
      if (!found || setAside !== undefined || !isContent(error)) throw error;
      setAside = aside({ kind: 'corrupt', reason: `${path} cannot be used: ${messageOf(error)}` });
      begun = guarded(() => begin(path, lock));
    }
    const { ledger, skipped } = begun;
    // The kernel may hold the bans of the rows that were left out.
    const fresh = !found || setAside !== undefined || skipped.length > 0;
    return { ledger, fresh, skipped, ...(setAside !== undefined && { setAside }) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * The same for an agent, which has to protect whatever its disk is like: where nothing can be
 * written (another program holds the file, too) the ledger is in memory, with what can be read of
 * the file, until `LedgerDatabase.save` succeeds.
 */
export function openLedgerAnyway(path: string, now: EpochMicros): OpenedLedger {
  try {
    return openLedger(path, now);
  } catch (error) {
    const isAnotherAgent = error instanceof OperatorError && error.exitCode === EXIT.temporary;
    if (isAnotherAgent || !(isDiskTrouble(error) || isBusy(error))) throw error;
    return openInMemory(path, now, messageOf(error));
  }
}

function openInMemory(path: string, now: EpochMicros, reason: string): OpenedLedger {
  let lock: WriterLock | undefined;
  let read: Database.Database | undefined;
  let skipped: readonly string[] = [];
  let isWhole = true;
  try {
    const { content, whole } = contentOf(path);
    isWhole = whole;
    read = inMemory(content);
    if (read.pragma('application_id', { simple: true }) !== APPLICATION_ID)
      throw new Error('it is no ledger');
    migrate(read);
    skipped = mendLedger(read);
    tryWrites(read);
  } catch {
    read = undefined;
  }
  const fresh = read === undefined;
  let db = read;
  if (db === undefined) {
    db = new Database(':memory:');
    migrate(db);
  }
  const file = {
    prepare: () => {
      prepareFile(path);
      lock ??= guarded(() => lockWriter(path));
      if ((fresh || !isWhole) && existsSync(path) && statSync(path).size > 0)
        moveAway(path, 'unread', now);
    },
    open: () => guarded(() => connect(path)),
  };
  const database = new LedgerDatabase(db, path, {
    lock: { release: () => lock?.release() },
    file,
    unsaved: reason,
  });
  const ledger = new Ledger(database);
  // The kernel may hold bans that only the write-ahead log knows.
  return { ledger, fresh: fresh || !isWhole || skipped.length > 0, skipped };
}

/** What stands in the file and its write-ahead log; not `whole`: the log could not be read. */
function contentOf(path: string): { readonly content: Buffer; readonly whole: boolean } {
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
    try {
      return { content: db.serialize(), whole: true };
    } finally {
      db.close();
    }
  } catch {
    const log = `${path}-wal`;
    return { content: readFileSync(path), whole: !existsSync(log) || statSync(log).size === 0 };
  }
}

/**
 * Opens the ledger for reading only, beside an agent or without one. One that an older version
 * wrote is read into memory and brought up to date there.
 * @throws OperatorError when there is none, or the file is not a ledger of this version
 */
export function openLedgerForReading(path: string): Ledger {
  if (!existsSync(path))
    throw new OperatorError(`there is no ledger at ${path}`, {
      hint: 'start the agent once, or name its state directory with --state-dir',
      exitCode: EXIT.noInput,
    });
  const unusable = inspect(path);
  if (unusable !== undefined)
    throw new OperatorError(unusable.reason, { exitCode: EXIT.dataError });
  const db = guarded(() => {
    const file = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
    if (file.pragma('user_version', { simple: true }) === SCHEMA_VERSION) return file;
    const copy = inMemory(file.serialize());
    file.close();
    migrate(copy);
    return copy;
  });
  return new Ledger(new LedgerDatabase(db, path));
}

/**
 * Puts the write-ahead log of a ledger that another connection writes into its file. Waits for the
 * disk; nobody else does. Returns how many pages the log has.
 * @throws OperatingError when the disk fails, or there is no such file
 */
export function checkpointLedger(path: string): number {
  return guarded(() => {
    const db = new Database(path, { fileMustExist: true });
    try {
      return checkpointOf(db);
    } finally {
      db.close();
    }
  });
}

interface Begun {
  readonly ledger: Ledger;
  readonly skipped: readonly string[];
}

/**
 * Connects, migrates, and tries once all that an agent will write, so that what is wrong shows
 * here.
 */
function begin(path: string, lock: WriterLock): Begun {
  const db = connect(path);
  try {
    const skipped = mendLedger(db);
    const file = { prepare: () => prepareFile(path), open: () => guarded(() => connect(path)) };
    const ledger = new Ledger(new LedgerDatabase(db, path, { lock, file }));
    tryWrites(db);
    return { ledger, skipped };
  } catch (error) {
    db.close();
    throw error;
  }
}

function connect(path: string): Database.Database {
  const db = new Database(path, { timeout: BUSY_MS });
  try {
    db.pragma('auto_vacuum = INCREMENTAL');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma(`journal_size_limit = ${LEDGER_WAL_BYTES_MAX}`);
    // SQLite's own thousand pages would make every ban wait for a slow disk now and then.
    db.pragma(`wal_autocheckpoint = ${LEDGER_WAL_PAGES_MAX}`);
    db.pragma('temp_store = MEMORY');
    // SQLite's own default in better-sqlite3 is 16 MB, which a ledger of 100,000 bans fills at its
    // start and keeps.
    db.pragma(`cache_size = -${LEDGER_CACHE_KIB}`);
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Looks at a file that exists and is not empty. Undefined: it is a ledger that this version can
 * use.
 */
function inspect(path: string): Unusable | undefined {
  const unusable = (kind: Unusable['kind'], what: string): Unusable => ({
    kind,
    reason: `${path} ${what}`,
  });
  let db: Database.Database | undefined;
  try {
    // For reading only: else SQLite would tidy away a write-ahead log that belongs to the preserved
    // copy.
    db = new Database(path, { fileMustExist: true, timeout: BUSY_MS, readonly: true });
    const application = db.pragma('application_id', { simple: true });
    const version = db.pragma('user_version', { simple: true }) as number;
    const tables = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number;
    if (application !== APPLICATION_ID) {
      if (tables > 0) return unusable('foreign', 'is a database of another program, not a ledger');
      return undefined;
    }
    if (version > SCHEMA_VERSION)
      return unusable(
        'newer',
        `was written by a newer Banjour (schema ${version}, this one knows ${SCHEMA_VERSION})`,
      );
    const check = db.pragma('quick_check(1)', { simple: true }) as string;
    if (check !== 'ok') return unusable('corrupt', `is damaged: ${check.replaceAll(/\s+/g, ' ')}`);
    return undefined;
  } catch (error) {
    if (isCorruption(error)) return unusable('corrupt', `is damaged: ${messageOf(error)}`);
    return guarded(() => {
      throw error;
    });
  } finally {
    db?.close();
  }
}

/** Renames the file and what SQLite keeps beside it; returns the new name. */
function moveAway(path: string, kind: string, now: EpochMicros): string {
  const stamp = isoTime(now).replaceAll(/[-:]|\.\d+/g, '');
  let target = `${path}.${kind}-${stamp}`;
  for (let n = 2; existsSync(target); n++) target = `${path}.${kind}-${stamp}.${n}`;
  for (const suffix of ['', '-wal', '-shm', '-journal'])
    if (existsSync(path + suffix)) renameSync(path + suffix, target + suffix);
  return target;
}

/** The ledger names users and hosts: nobody else may read it. */
function prepareFile(path: string): void {
  const directory = dirname(path);
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    if (existsSync(path)) {
      if (!statSync(path).isFile()) throw new Error('it is not a file');
      accessSync(path, constants.R_OK | constants.W_OK);
    } else {
      closeSync(openSync(path, 'a', 0o600));
      chmodSync(path, 0o600);
    }
  } catch (error) {
    throw new OperatorError(`the ledger ${path} cannot be used: ${messageOf(error)}`, {
      hint: `the directory must exist and belong to the agent: install -d -o banjour -m 0750 ${directory}`,
      exitCode: EXIT.cannotCreate,
      cause: error,
    });
  }
}
