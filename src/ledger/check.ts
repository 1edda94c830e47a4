/** What `doctor` says about the ledger. */
import { statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { messageOf } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { counted } from '../core/text.js';
import { rowsAside, strangeParts } from './mend.js';
import { SCHEMA_VERSION } from './schema.js';

/** Findings about the ledger: its integrity, size and secrecy. */
export function checkLedger(db: Database, path: string): Finding[] {
  const findings: Finding[] = [];
  try {
    const check = db.pragma('quick_check(1)', { simple: true }) as string;
    if (check !== 'ok')
      return [
        {
          level: 'error',
          id: 'ledger.corrupt',
          message: `the ledger ${path} is damaged: ${check.replaceAll(/\s+/g, ' ')}`,
          fix: 'systemctl restart banjour: it sets the file aside and goes on from the kernel',
        },
      ];
    const bad = strangeParts(db);
    if (bad.length > 0)
      findings.push({
        level: 'error',
        id: 'ledger.rows',
        message: `the ledger ${path} has ${counted(bad.length, 'row or part', 'rows or parts')} that it did not write so, first ${bad[0]}`,
        fix: 'systemctl restart banjour: it leaves them out and goes on',
      });
    const aside = rowsAside(db);
    if (aside > 0)
      findings.push({
        level: 'note',
        id: 'ledger.rows-aside',
        message: `${counted(aside, 'row or part', 'rows or parts')} that the ledger had not written so ${aside === 1 ? 'is' : 'are'} kept in the table unreadable of ${path}`,
      });
    const bans = db.prepare('SELECT count(*) FROM ban').pluck().get() as number;
    const pages = db.pragma('page_count', { simple: true }) as number;
    const pageBytes = db.pragma('page_size', { simple: true }) as number;
    const size = `${((pages * pageBytes) / 1024 / 1024).toFixed(1)} MiB`;
    const message = `the ledger ${path} is sound: ${counted(bans, 'ban')}, ${size}, schema ${SCHEMA_VERSION}`;
    if (bad.length === 0) findings.push({ level: 'ok', id: 'ledger.sound', message });
    if (path !== ':memory:' && (statSync(path).mode & 0o077) !== 0)
      findings.push({
        level: 'warning',
        id: 'ledger.permission',
        message: `the ledger ${path} can be read by others; it names users and hosts`,
        fix: `chmod 600 ${path}`,
      });
  } catch (error) {
    findings.push({
      level: 'error',
      id: 'ledger.unreadable',
      message: `the ledger ${path} cannot be read: ${messageOf(error)}`,
      fix: 'systemctl restart banjour: it sets a damaged file aside and goes on from the kernel',
    });
  }
  return findings;
}
