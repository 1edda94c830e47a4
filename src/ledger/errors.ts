/** SQLite's errors by what they mean: the content, the disk, or another process. */
import { messageOf, OperatingError } from '../core/errors.js';

/**
 * SQLite's result code, e.g. `SQLITE_BUSY`, of an error that better-sqlite3 threw. By name, not by
 * class: the native part keeps the class of whoever loaded it first, which need not be the one of
 * this module's realm.
 */
export function sqliteCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { name, code } = error as { name?: unknown; code?: unknown };
  return name === 'SqliteError' && typeof code === 'string' ? code : undefined;
}

/**
 * The file's content is not what SQLite wrote: <https://sqlite.org/rescode.html>, SQLITE_CORRUPT
 * and SQLITE_NOTADB.
 */
export function isCorruption(error: unknown): boolean {
  return /^SQLITE_(?:CORRUPT|NOTADB)/.test(sqliteCode(error) ?? '');
}

/**
 * The content is to blame, not the disk, the rights or another process: also SQL that does not fit
 * the tables (SQLITE_ERROR), broken constraints, and integers that are none of ours. Takes what
 * `guarded` throws.
 */
export function isContent(error: unknown): boolean {
  const cause = error instanceof OperatingError ? error.cause : error;
  return (
    cause instanceof RangeError ||
    /^SQLITE_(?:CORRUPT|NOTADB|ERROR|SCHEMA|CONSTRAINT|MISMATCH|FORMAT)/.test(
      sqliteCode(cause) ?? '',
    )
  );
}

/** The disk is full, read-only, gone or broken: not what was to be written is wrong, but where. */
export function isDiskTrouble(error: unknown): boolean {
  if (/^SQLITE_(?:FULL|READONLY|IOERR|CANTOPEN|PERM)/.test(sqliteCode(error) ?? '')) return true;
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (/^(?:ENOSPC|EDQUOT|EROFS|EIO)$/.test(String(code))) return true;
  return cause !== undefined && isDiskTrouble(cause);
}

/**
 * Another process holds the file (a backup, somebody's sqlite3), longer than SQLite waits. Not the
 * writer's lock, which is an agent's and nobody goes on beside.
 */
export function isBusy(error: unknown): boolean {
  if (/^SQLITE_(?:BUSY|LOCKED)/.test(sqliteCode(error) ?? '')) return true;
  return error instanceof OperatingError && isBusy(error.cause);
}

/**
 * What SQLite threw, as an error of the surroundings with a stable code; everything else unchanged.
 */
export function ledgerError(error: unknown): unknown {
  const sqlite = sqliteCode(error);
  if (sqlite === undefined) return error;
  const code = isCorruption(error)
    ? 'ERR_LEDGER_CORRUPT'
    : /^SQLITE_FULL/.test(sqlite)
      ? 'ERR_LEDGER_DISK_FULL'
      : /^SQLITE_(?:BUSY|LOCKED)/.test(sqlite)
        ? 'ERR_LEDGER_BUSY'
        : /^SQLITE_(?:READONLY|PERM|CANTOPEN|AUTH)/.test(sqlite)
          ? 'ERR_LEDGER_PERMISSION'
          : 'ERR_LEDGER_IO';
  return new OperatingError(code, `ledger: ${messageOf(error)} (${sqlite})`, { cause: error });
}

/** Runs `work`; what SQLite throws in it comes out as an `OperatingError`. */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw ledgerError(error);
  }
}
