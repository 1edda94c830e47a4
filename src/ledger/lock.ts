/** One writer at a time: a lock that the kernel frees when its process dies. */
import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { EXIT, OperatorError } from '../core/errors.js';
import { isCorruption, sqliteCode } from './errors.js';

/** Held until it is released, or the process ends. */
export interface WriterLock {
  release(): void;
}

/** Takes the lock of the only writer, beside the ledger, so that its readers are not shut out. */
export function lockWriter(path: string): WriterLock {
  return holdLock(`${path}.lock`, {
    message: `another agent is using the ledger ${path}`,
    hint: 'only one may run: systemctl status banjour, or give this one its own --state directory',
  });
}

/**
 * Takes a lock that one process at a time can hold: an exclusive transaction on a database of its
 * own, so that the kernel frees it when the process dies. Throws `OperatorError` with the words of
 * `busy` while another holds it.
 */
export function holdLock(
  path: string,
  busy: { readonly message: string; readonly hint: string },
): WriterLock {
  for (let attempt = 0; ; attempt++) {
    const db = new Database(path, { timeout: 0 });
    try {
      db.exec('BEGIN EXCLUSIVE');
      return { release: () => db.close() };
    } catch (error) {
      db.close();
      if (isCorruption(error) && attempt === 0) {
        rmSync(path, { force: true });
        continue;
      }
      if (sqliteCode(error)?.startsWith('SQLITE_BUSY'))
        throw new OperatorError(busy.message, {
          hint: busy.hint,
          exitCode: EXIT.temporary,
          cause: error,
        });
      throw error;
    }
  }
}
