/** Ledgers full of bans, as a long attack leaves them. */
import { fromBits, hostPrefix, type Prefix } from '../../src/core/address.js';
import type { BanDecision } from '../../src/core/decision.js';
import { cursor, mustJailName } from '../../src/core/names.js';
import { plus, wallClock } from '../../src/core/time.js';
import { openLedger } from '../../src/ledger/open.js';

const JAIL = mustJailName('postfix-sasl');
const PER_COMMIT = 10_000;

/** The n-th banned host: three quarters IPv4, one quarter IPv6. */
export function bannedHost(n: number): Prefix {
  const bits = BigInt(n);
  return hostPrefix(
    n % 4 === 3
      ? fromBits(6, (0x2001_0db8n << 96n) | (bits << 16n))
      : fromBits(4, 0x0b00_0000n + bits),
  );
}

/** Writes so many bans of a day each, in force, into the ledger at `path`. */
export function fillLedger(path: string, count: number): void {
  const now = wallClock.now();
  const { ledger } = openLedger(path, now);
  try {
    for (let from = 0; from < count; from += PER_COMMIT) {
      const decisions = Array.from(
        { length: Math.min(PER_COMMIT, count - from) },
        (_, i): BanDecision => ({
          kind: 'ban',
          jail: JAIL,
          target: bannedHost(from + i),
          time: now,
          until: plus(now, 86_400),
          failures: 5,
          evidence: [
            cursor(
              `s=5f0b3c1e7d6a4c2f9b8e1a2d3c4b5a69;i=${from + i};b=0b4e0d7a2f1c4e6f8a9b1c2d3e4f5a6b;m=1;t=2;x=3`,
            ),
          ],
          user: 'info@example.org',
          origin: 'journal',
          previousBans: 0,
        }),
      );
      const { bans } = ledger.commit({ decisions });
      ledger.settle(
        bans.map(({ id }) => id),
        'in-force',
        now,
      );
    }
  } finally {
    ledger.close();
  }
}
