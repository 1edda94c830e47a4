/** Which file the ledger is: `dbfile` of the configuration, or where the command line says that state is kept. */
import { LEDGER } from '../../config/schema.js';
import type { Settings } from '../../config/types.js';

/** A ledger that is kept nowhere. */
export const IN_MEMORY = ':memory:';

/** `stated`: what follows from the command line; it gives way to a `dbfile` that the administrator has set. */
export function ledgerPathOf({ dbfile }: Pick<Settings, 'dbfile'>, stated: string): string {
  if (stated === IN_MEMORY || dbfile === LEDGER) return stated;
  return dbfile ?? IN_MEMORY;
}
