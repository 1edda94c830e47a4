import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { openLedgerForReading } from '../../src/ledger/open.js';
import { AgentHost, canHost } from '../support/agent-host.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

const test = needs(...canHost);

const MOMENTS = [
  'before-commit',
  'after-commit',
  'before-nft',
  'after-nft',
  'before-settle',
  'after-settle',
] as const;
const VICTIM = join(process.cwd(), 'dist/test/agent/victim.js');

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
  host.configure();
});
afterEach(() => host.dispose());

const address = (i: number) => `198.51.100.${i}`;
const inKernel = () => [...new Set(host.ruleset().match(/198\.51\.100\.\d+/g) ?? [])].sort();

function ledgerSays(): { target: string; state: string }[] {
  const ledger = openLedgerForReading(host.path('state/ledger.sqlite3'));
  const rows = ledger.history.find().map(({ target, state }) => ({ target: target.base, state }));
  ledger.close();
  return rows.sort((a, b) => (a.target < b.target ? -1 : 1));
}

describe('death at any moment of a ban, then a start', () => {
  test.each(MOMENTS.flatMap((moment) => [1, 3].map((n) => [moment, n] as const)))(
    '%s of ban %i: the kernel equals the ledger, no decision is lost, each Ban is said',
    async (moment, n) => {
      const victim = host.launch([VICTIM, moment, String(n)]);
      await until(
        'the victim watches',
        () => host.said.includes('watching') || victim.exitCode !== null,
      );
      const attackers = [1, 2, 3].slice(0, n);
      for (const i of attackers) {
        host.fail(address(i), 3);
        // One batch each, so that the n-th ban is a commit of its own.
        if (i < n) await host.heard('Ban', i);
      }
      await until('it is dead', () => victim.signalCode !== null || victim.exitCode !== null);
      expect(victim.signalCode).toBe('SIGKILL');
      await host.start();
      await until('the last attacker is shut out', () => inKernel().includes(address(n)));
      const expected = attackers.map(address);
      await host.heard('Ban', n);
      await until('the ledger knows', () =>
        ledgerSays().every(({ state }) => state === 'in-force'),
      );
      expect(inKernel()).toEqual(expected);
      expect(ledgerSays()).toEqual(expected.map((target) => ({ target, state: 'in-force' })));
      // Dying between the word and its note says it twice; nothing else does, and nobody is left
      // out.
      const said = host.announced('Ban');
      expect([...new Set(said)]).toEqual(expected.map((one) => `sshd ${one}`));
      expect(said).toHaveLength(moment === 'before-settle' ? n + 1 : n);
      expect(host.announced('Unban')).toEqual([]);
    },
  );

  test('an nft that gives no answer is tried again, and only then the bans are said', async () => {
    host.launch([VICTIM, 'nft-fails', '1']);
    await until('the victim watches', () => host.said.includes('watching'));
    host.fail(address(1), 3);
    await host.heard('Ban', 1);
    expect(host.said).toMatch(/nft gives no answer; the bans stay wanted[\s\S]*Ban 198/);
    expect(inKernel()).toEqual([address(1)]);
    await until('the ledger knows', () => ledgerSays().every(({ state }) => state === 'in-force'));
    expect(host.announced('Ban')).toEqual([`sshd ${address(1)}`]);
  });
});
