import { describe, expect } from '@jest/globals';
import { plan, rule } from '../firewall/support.js';
import { kernelTest, makeBench } from './kernel.js';

describe('doctor on the real kernel', () => {
  kernelTest('finds nft, its modes and a kernel that takes the tables, and leaves nothing behind', async () => {
    const bench = makeBench();
    try {
      await bench.backend.open(
        plan([rule('sshd', { verdict: 'reject' })], { bridge: true, countersPerElement: true }),
        [],
      );
      const before = bench.nft('-s', 'list', 'ruleset');
      const findings = await bench.backend.check();
      const level = (id: string) => findings.find((finding) => finding.id === id)?.level;
      expect([level('firewall.nft'), level('firewall.privilege'), level('firewall.kernel')]).toEqual([
        'ok',
        'ok',
        'ok',
      ]);
      expect(findings.filter((finding) => finding.level === 'error')).toEqual([]);
      expect(bench.nft('-s', 'list', 'ruleset')).toBe(before);
    } finally {
      await bench.dispose();
    }
  });

  kernelTest('names other tables that see packets earlier', async () => {
    const bench = makeBench();
    try {
      await bench.backend.open(plan(['sshd']), []);
      bench.nft('add', 'table', 'ip', 'mangle');
      bench.nft('add', 'chain', 'ip', 'mangle', 'in', '{ type filter hook input priority -150; }');
      const findings = await bench.backend.check();
      expect(findings.at(-1)).toMatchObject({ level: 'note', id: 'firewall.earlier' });
    } finally {
      await bench.dispose();
    }
  });
});
