/**
 * What each released version left on a host: its ledger and its table in the kernel
 * (`test/fixtures/releases/VERSION`). Later versions must go on with both. Of 0.1.0 there are the
 * files of its package too, since it had other services and another user.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

const FOLDER = 'test/fixtures/releases';

export const RELEASES: readonly string[] = readdirSync(FOLDER).sort();

/** Path of the table's text, as `nft -f` reads it. */
export const tableOf = (version: string): string => join(FOLDER, version, 'table.nft');

/**
 * Path of what the version's own Debian package held, but for compiled parts and modules: program,
 * units, configuration, scripts of dpkg's.
 */
export const filesOf = (version: string): string => join(FOLDER, version, 'package.tar.gz');

/** Makes the version's ledger at `path`; returns its bans in force as `jail target`. */
export function placeLedger(version: string, path: string): string[] {
  const db = new Database(path);
  try {
    db.exec(readFileSync(join(FOLDER, version, 'ledger.sql'), 'utf8'));
    const bans = db.prepare("SELECT jail || ' ' || target FROM ban WHERE state = 'in-force'");
    return (bans.pluck().all() as string[]).sort();
  } finally {
    db.close();
  }
}
