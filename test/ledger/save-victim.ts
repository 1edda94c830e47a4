/**
 * Has many bans in memory, since another connection holds the file, and writes them back until it
 * is killed: `save-victim.js PATH`.
 */
import Database from 'better-sqlite3';
import { type Prefix, parsePrefix } from '../../src/core/address.js';
import { mustJailName } from '../../src/core/names.js';
import { epochMicros, plus } from '../../src/core/time.js';
import { openLedgerAnyway } from '../../src/ledger/open.js';

const start = epochMicros(1_790_000_000_000_000);
const path = process.argv[2] ?? '';
const { ledger } = openLedgerAnyway(path, start);
const ban = (i: number) => ({
  kind: 'ban' as const,
  jail: mustJailName('sshd'),
  target: parsePrefix(`10.1.${i >> 8}.${i & 255}`) as Prefix,
  time: start,
  until: plus(start, 3_600),
  failures: 3,
  evidence: [],
  origin: 'journal' as const,
  previousBans: 0,
});
const other = new Database(path);
other.exec('BEGIN IMMEDIATE');
ledger.commit({ decisions: Array.from({ length: 20_000 }, (_, i) => ban(i)) });
other.exec('COMMIT');
other.close();
process.stdout.write('writing\n');
await ledger.database.save();
process.stdout.write('written\n');
setInterval(() => ledger, 1_000_000);
