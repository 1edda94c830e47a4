import Database from 'better-sqlite3';
import { messageOf, OperatingError } from '../core/errors.js';

/** The file's content is not what SQLite wrote: <https://sqlite.org/rescode.html>, SQLITE_CORRUPT and SQLITE_NOTADB. */
export function isCorruption(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(?:CORRUPT|NOTADB)/.test(error.code);
}

/** What SQLite threw, as an error of the surroundings with a stable code; everything else unchanged. */
export function ledgerError(error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const code = isCorruption(error)
    ? 'ERR_LEDGER_CORRUPT'
    : /^SQLITE_FULL/.test(error.code)
      ? 'ERR_LEDGER_DISK_FULL'
      : /^SQLITE_(?:BUSY|LOCKED)/.test(error.code)
        ? 'ERR_LEDGER_BUSY'
        : /^SQLITE_(?:READONLY|PERM|CANTOPEN|AUTH)/.test(error.code)
          ? 'ERR_LEDGER_PERMISSION'
          : 'ERR_LEDGER_IO';
  return new OperatingError(code, `ledger: ${messageOf(error)} (${error.code})`, { cause: error });
}

/** Runs `work`; what SQLite throws in it comes out as an `OperatingError`. */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw ledgerError(error);
  }
}
