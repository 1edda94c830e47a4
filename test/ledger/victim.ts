/** Commits one ban after the other and says so, until it is killed: `victim.js PATH`. */
import { type Prefix, parsePrefix } from '../../src/core/address.js';
import { cursor, mustJailName, sourceId } from '../../src/core/names.js';
import { epochMicros, plus } from '../../src/core/time.js';
import { openLedger } from '../../src/ledger/open.js';

const start = epochMicros(1_790_000_000_000_000);
const { ledger } = openLedger(process.argv[2] ?? '', start);
for (let i = 1; i < 65_536; i++) {
  const target = parsePrefix(`10.0.${i >> 8}.${i & 255}`) as Prefix;
  ledger.commit({
    decisions: [
      {
        kind: 'ban',
        jail: mustJailName('sshd'),
        target,
        time: start,
        until: plus(start, 3_600),
        failures: 3,
        evidence: [],
        origin: 'journal',
        previousBans: 0,
      },
    ],
    source: sourceId('local'),
    position: { cursor: cursor(String(i)), time: start },
  });
  process.stdout.write(`${i}\n`);
}
