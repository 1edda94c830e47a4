import { describe, expect } from '@jest/globals';
import { ban, plan, rule } from '../firewall/support.js';
import { kernelTest, makeBench } from './kernel.js';

describe('the ruleset that is in force', () => {
  kernelTest('is told as nft prints it, without the bans', async () => {
    const bench = makeBench();
    try {
      expect(await bench.backend.ruleset()).toBe('');
      await bench.backend.open(plan(['sshd'], { bridge: true }), [ban('sshd', '192.0.2.1')]);
      const text = await bench.backend.ruleset();
      expect(text).toContain('ip saddr @ban4.sshd counter name "jail.sshd" drop');
      expect(text).toContain('table bridge banjour {');
      expect(text).not.toContain('192.0.2.1');
    } finally {
      await bench.dispose();
    }
  });
});

describe('doctor on the real kernel', () => {
  kernelTest(
    'finds nft, its modes and a kernel that takes the tables, and leaves nothing behind',
    async () => {
      const bench = makeBench();
      try {
        await bench.backend.open(
          plan([rule('sshd', { verdict: 'reject' })], { bridge: true, countersPerElement: true }),
          [],
        );
        const before = bench.nft('-s', 'list', 'ruleset');
        const findings = await bench.backend.check();
        const level = (id: string) => findings.find((finding) => finding.id === id)?.level;
        expect([
          level('firewall.nft'),
          level('firewall.privilege'),
          level('firewall.kernel'),
        ]).toEqual(['ok', 'ok', 'ok']);
        expect(findings.filter((finding) => finding.level === 'error')).toEqual([]);
        expect(bench.nft('-s', 'list', 'ruleset')).toBe(before);
      } finally {
        await bench.dispose();
      }
    },
  );

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
