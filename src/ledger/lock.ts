import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { EXIT, OperatorError } from '../core/errors.js';
import { isCorruption, sqliteCode } from './errors.js';

/** Held for as long as the ledger is open for writing. */
export interface WriterLock {
  release(): void;
}

/**
 * Takes the lock of the only writer: an exclusive transaction on a database of its own beside the ledger, so that the
 * kernel frees it when the process dies and readers of the ledger are not shut out.
 */
export function lockWriter(path: string): WriterLock {
  const lockPath = `${path}.lock`;
  for (let attempt = 0; ; attempt++) {
    const db = new Database(lockPath, { timeout: 0 });
    try {
      db.exec('BEGIN EXCLUSIVE');
      return { release: () => db.close() };
    } catch (error) {
      db.close();
      if (isCorruption(error) && attempt === 0) {
        rmSync(lockPath, { force: true });
        continue;
      }
      if (sqliteCode(error)?.startsWith('SQLITE_BUSY'))
        throw new OperatorError(`another agent is using the ledger ${path}`, {
          hint: 'only one may run: systemctl status banjour, or give this one its own --state directory',
          exitCode: EXIT.temporary,
          cause: error,
        });
      throw error;
    }
  }
}
