import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { wallClock } from '../../src/core/time.js';
import { plan, rule } from '../firewall/support.js';
import { directory, opened } from '../ledger/support.js';
import { placeLedger, RELEASES, tableOf } from '../support/releases.js';
import { kernelTest, makeBench } from './kernel.js';

const PORTS = [25, 110, 143, 465, 587, 993, 995, 4190];
const MAIL = PORTS.map((port) => ({ first: port, last: port }));
const SSH = [{ first: 22, last: 22 }];

/** The plan of the jails that the version's table has. */
function planOf(version: string) {
  const table = readFileSync(tableOf(version), 'utf8');
  const jails = [...table.matchAll(/^\tset ban4\.(\S+) /gm)].map(([, jail = '']) => jail);
  return plan(jails.map((jail) => rule(jail, { ports: jail === 'sshd' ? SSH : MAIL })));
}

describe.each(RELEASES)('the table of version %s', (version) => {
  kernelTest('is taken over: its sets are not made anew, and its bans stay in them', async () => {
    const path = join(directory(), 'ledger.sqlite3');
    const count = placeLedger(version, path).length;
    const { ledger } = opened(path, wallClock.now());
    const { backend, nft, dispose } = makeBench();
    try {
      nft('-f', tableOf(version));
      const sets = () =>
        nft('-a', 'list', 'table', 'inet', 'banjour').match(/set ban\S+ \{ # handle \d+/g) ?? [];
      const before = sets();
      expect(before.length).toBeGreaterThan(0);
      const { refused } = await backend.open(planOf(version), ledger.inForce(wallClock.now()));
      expect(refused).toEqual([]);
      expect((await backend.read()).elements).toHaveLength(count);
      expect(sets()).toEqual(expect.arrayContaining(before));
    } finally {
      await dispose();
    }
  });
});
