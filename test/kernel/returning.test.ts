/** Bans that come back past nft, on the real kernel. */
import { describe, expect } from '@jest/globals';
import { NFT_URGENT_BANS_MAX } from '../../src/core/limits.js';
import { NftRunner } from '../../src/firewall/runner.js';
import { ban, hosts, inForce, plan } from '../firewall/support.js';
import { stays } from '../support/until.js';
import { type Bench, kernelTest, makeBench, testCommand, until } from './kernel.js';

async function benched(run: (bench: Bench, runner: NftRunner) => Promise<void>): Promise<void> {
  const bench = makeBench();
  const netns = `/run/netns/${bench.namespace.name}`;
  const runner = new NftRunner({ ...testCommand(), netns, resident: false });
  try {
    await run(bench, runner);
  } finally {
    await runner.close();
    await bench.dispose();
  }
}

describe('elements that are added past nft', () => {
  kernelTest(
    'are those that nft would have added, in both tables and every kind of set',
    async () => {
      await benched(async ({ backend, nft }, runner) => {
        const wanted = [
          ban('sshd', '198.51.100.0/24'),
          ban('sshd', '2001:db8:1:2::/64'),
          ban('sshd', '192.0.2.1', 60),
        ];
        await backend.open(plan(['sshd'], { bridge: true }), wanted);
        const added = runner.add(
          (['inet', 'bridge'] as const).flatMap((family) => [
            {
              family,
              set: 'ban4.sshd',
              elements: [
                { key: '192.0.2.1', timeout: 3_600 },
                { key: '203.0.113.255', timeout: 600 },
                { key: '203.0.113.0', timeout: null },
              ],
            },
            {
              family,
              set: 'ban6.sshd',
              elements: [
                { key: '2001:db8::1', timeout: 600 },
                { key: '::ffff:0:1', timeout: null },
              ],
            },
            { family, set: 'net4.24.sshd', elements: [{ key: '100.64.0.0', timeout: 1_200 }] },
            {
              family,
              set: 'net6.64.sshd',
              elements: [{ key: '2001:db8:ffff::', timeout: 4_000_000 }],
            },
          ]),
        );
        expect(added).toBe(true);
        const [first, ...others] = await inForce(backend);
        // What stands may keep its end, or get the new one, which is the same in a repair.
        expect(first).toBe('sshd 100.64.0.0/24 20 min');
        expect(others.filter((one) => !one.includes('192.0.2.1/32'))).toEqual([
          'sshd 198.51.100.0/24 10 min',
          'sshd 2001:db8:1:2::/64 10 min',
          'sshd 2001:db8::1/128 10 min',
          'sshd 2001:db8:ffff::/64 66667 min',
          'sshd 203.0.113.0/32 for good',
          'sshd 203.0.113.255/32 10 min',
          'sshd ::ffff:0:1/128 for good',
        ]);
        expect(nft('list', 'set', 'bridge', 'banjour', 'ban4.sshd')).toContain('203.0.113.255');
      });
    },
  );

  kernelTest('are all there or none, however many messages they take', async () => {
    await benched(async ({ backend }, runner) => {
      await backend.open(plan(['sshd']), []);
      const elements = hosts(2_001).map((key) => ({ key, timeout: 600 }));
      const there = { family: 'inet', set: 'ban4.sshd', elements } as const;
      expect(runner.add([there, { ...there, set: 'ban4.other' }])).toBe(false);
      expect(await inForce(backend)).toEqual([]);
      expect(runner.add([there])).toBe(true);
      expect(await inForce(backend)).toHaveLength(2_001);
      expect(runner.add([])).toBe(true);
    });
  });

  kernelTest('are no drift themselves, and are back after the ruleset was flushed', async () => {
    await benched(async ({ backend, nft }) => {
      const wanted = hosts(NFT_URGENT_BANS_MAX + 300).map((host) => ban('sshd', host));
      const events: string[] = [];
      backend.onDrift(({ kind }) => void events.push(kind));
      backend.provideWanted(
        () => wanted,
        () => wanted,
      );
      await backend.open(plan(['sshd']), wanted);
      nft('flush', 'ruleset');
      await until(() => events.includes('healed'));
      expect(await inForce(backend)).toHaveLength(wanted.length);
      await stays('nothing else rings', () => events.length === 2, 150);
    });
  });
});
