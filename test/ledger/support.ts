import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { type Prefix, parsePrefix } from '../../src/core/address.js';
import type { BanDecision, WeighedAttempt } from '../../src/core/decision.js';
import { cursor, mustJailName, sourceId } from '../../src/core/names.js';
import { type EpochMicros, epochMicros, plus } from '../../src/core/time.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { type OpenedLedger, openLedger } from '../../src/ledger/open.js';
import { address } from '../jail/support.js';

export const JAIL = mustJailName('sshd');
export const OTHER = mustJailName('dovecot');
export const SOURCE = sourceId('local');
export const T0 = epochMicros(1_790_000_000_000_000);

/** `seconds` after T0. */
export function at(seconds: number): EpochMicros {
  return plus(T0, seconds);
}

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

/** A ban of an hour, decided at T0 by the journal. */
export function ban(target: string, changes: Partial<BanDecision> = {}): BanDecision {
  return {
    kind: 'ban',
    jail: JAIL,
    target: prefix(target),
    time: at(0),
    until: at(3_600),
    failures: 3,
    evidence: [cursor('s=1;i=1'), cursor('s=1;i=2')],
    user: 'ro"ot\u0000',
    origin: 'journal',
    previousBans: 0,
    ...changes,
  };
}

const directories: string[] = [];

/** A failed login. */
export function attempt(
  who: string,
  second: number,
  changes: Partial<WeighedAttempt> = {},
): WeighedAttempt {
  return {
    kind: 'failure',
    jail: JAIL,
    address: address(who),
    count: 1,
    time: at(second),
    cursor: cursor('c'),
    regex: 0,
    ...changes,
  };
}

/** A directory that is gone after the tests of the file. */
export function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'banjour-ledger-'));
  directories.push(path);
  return path;
}

const open: Ledger[] = [];

/** Opens a ledger that is closed after the tests of the file. */
export function opened(path = ':memory:', now = at(0)): OpenedLedger {
  const result = openLedger(path, now);
  open.push(result.ledger);
  return result;
}

afterAll(() => {
  for (const ledger of open) ledger.close();
  for (const path of directories) rmSync(path, { recursive: true, force: true });
});

/** Ids and ends of the bans in force, for comparison. */
export function inForce(ledger: Ledger, now = at(0)): string[] {
  return [...ledger.inForce(now)].map(
    ({ jail, target, until }) => `${jail} ${target.base}/${target.length} ${until}`,
  );
}
