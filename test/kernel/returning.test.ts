/** Bans that come back past nft, on the real kernel. */
import { describe, expect, jest } from '@jest/globals';
import { NetlinkSocket } from '../../native/netlink.js';
import { TableOwner } from '../../native/netlink-owner.js';
import { NFT_FIRST_CHANGES_MAX, NFT_URGENT_BANS_MAX } from '../../src/core/limits.js';
import { NFT_ADD_TRIES_MAX, NFT_RETURNING_BANS_MAX } from '../../src/core/service-limits.js';
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
              version: 4 as const,
              elements: [
                { key: '192.0.2.1', timeout: 3_600 },
                { key: '203.0.113.255', timeout: 600 },
                { key: '203.0.113.0', timeout: null },
              ],
            },
            {
              family,
              set: 'ban6.sshd',
              version: 6 as const,
              elements: [
                { key: '2001:db8::1', timeout: 600 },
                { key: '::ffff:0:1', timeout: null },
              ],
            },
            {
              family,
              set: 'net4.24.sshd',
              version: 4 as const,
              elements: [{ key: '100.64.0.0', timeout: 1_200 }],
            },
            {
              family,
              set: 'net6.64.sshd',
              version: 6 as const,
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
      const there = { family: 'inet', set: 'ban4.sshd', version: 4, elements } as const;
      expect(runner.add([there, { ...there, set: 'ban4.other' }])).toBe(false);
      expect(await inForce(backend)).toEqual([]);
      expect(runner.add([there])).toBe(true);
      expect(await inForce(backend)).toHaveLength(2_001);
      expect(runner.add([])).toBe(true);
    });
  });

  const FOREIGN: readonly [string, readonly string[]][] = [
    ['marks', ['{ type mark; flags timeout; }']],
    ['ranges', ['{ type ipv4_addr; flags interval, timeout; }']],
    ['ports', ['{ type inet_service; }']],
    ['addresses of the other family', ['{ type ipv6_addr; flags timeout; }']],
    ['addresses without timeouts', ['{ type ipv4_addr; }']],
    ['addresses that end by themselves', ['{ type ipv4_addr; timeout 1h; }']],
    ['what packets may change', ['{ type ipv4_addr; flags dynamic, timeout; }']],
    ['addresses that are counted', ['{ type ipv4_addr; flags timeout; counter; }']],
  ];
  kernelTest('go into no set of the same name that somebody else made', async () => {
    await benched(async ({ nft }, runner) => {
      for (const [what, definition] of FOREIGN)
        for (const timeout of [600, null]) {
          nft('add', 'table', 'inet', 'banjour');
          nft('add', 'set', 'inet', 'banjour', 'ban4.sshd', ...definition);
          const elements = [{ key: '192.0.2.1', timeout }];
          const added = runner.add([{ family: 'inet', set: 'ban4.sshd', version: 4, elements }]);
          expect([what, added]).toEqual([what, false]);
          expect(nft('list', 'table', 'inet', 'banjour')).not.toContain('elements');
          nft('delete', 'table', 'inet', 'banjour');
        }
    });
  });

  kernelTest("go into no map, and no table that sleeps or is another owner's", async () => {
    await benched(async ({ nft, namespace, backend }, runner) => {
      const elements = [{ key: '192.0.2.1', timeout: 600 }];
      const one = [{ family: 'inet', set: 'ban4.sshd', version: 4, elements }] as const;
      nft('add', 'table', 'inet', 'banjour');
      nft('add', 'map', 'inet', 'banjour', 'ban4.sshd', '{ type ipv4_addr : verdict; }');
      expect(runner.add(one)).toBe(false);
      nft('flush', 'ruleset');
      await backend.open(plan(['sshd']), []);
      nft('add', 'table', 'inet', 'banjour', '{ flags dormant; }');
      expect(runner.add(one)).toBe(false);
      nft('flush', 'ruleset');
      const owner = TableOwner.claim('banjour', 'somebody', `/run/netns/${namespace.name}`);
      expect(runner.add(one)).toBe(false);
      if (owner instanceof TableOwner) owner.release();
    });
  });

  kernelTest('are tried so often while the ruleset changes in between, and no more', async () => {
    await benched(async ({ nft, backend }, runner) => {
      await backend.open(plan(['sshd']), []);
      const elements = [{ key: '192.0.2.1', timeout: 600 }];
      const one = [{ family: 'inet', set: 'ban4.sshd', version: 4, elements }] as const;
      const carryOut = NetlinkSocket.prototype.carryOut;
      let changes = 0;
      const between = jest.spyOn(NetlinkSocket.prototype, 'carryOut').mockImplementation(function (
        this: NetlinkSocket,
        ...args
      ) {
        if (changes-- > 0) nft('add', 'table', 'ip', `other${changes}`);
        return carryOut.apply(this, args);
      });
      try {
        changes = NFT_ADD_TRIES_MAX;
        expect(runner.add(one)).toBe(false);
        expect(await inForce(backend)).toEqual([]);
        nft('flush', 'ruleset');
        await backend.open(plan(['sshd']), []);
        changes = NFT_ADD_TRIES_MAX - 1;
        expect(runner.add(one)).toBe(true);
        expect(await inForce(backend)).toHaveLength(1);
      } finally {
        between.mockRestore();
      }
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

describe('many new bans', () => {
  const wanted = [
    ban('sshd', '2001:db8:1::/64'),
    ban('sshd', '2001:db8::1', null),
    ...hosts(NFT_FIRST_CHANGES_MAX + NFT_RETURNING_BANS_MAX).map((host) => ban('sshd', host)),
  ];

  kernelTest('are in both tables past nft, and are no drift', async () => {
    const add = jest.spyOn(NftRunner.prototype, 'add');
    try {
      await benched(async ({ backend, nft }) => {
        const events: string[] = [];
        backend.onDrift(({ kind }) => void events.push(kind));
        const { refused } = await backend.open(plan(['sshd'], { bridge: true }), wanted);
        expect(refused).toEqual([]);
        expect(await inForce(backend)).toHaveLength(wanted.length);
        // Permanent ones first, table by table: 40,004 in pieces of 10,000.
        expect(add.mock.results.map(({ value }) => value)).toEqual(Array(5).fill(true));
        expect(nft('list', 'set', 'bridge', 'banjour', 'net6.64.sshd')).toContain('2001:db8:1::');
        expect(nft('list', 'set', 'bridge', 'banjour', 'ban6.sshd')).toContain('2001:db8::1');
        await stays('nothing rings', () => events.length === 0, 150);
      });
    } finally {
      add.mockRestore();
    }
  });

  kernelTest('are all there where the ruleset was flushed between two pieces of them', async () => {
    const { add } = NftRunner.prototype;
    let flush: (() => void) | undefined;
    const between = jest.spyOn(NftRunner.prototype, 'add').mockImplementation(function (
      this: NftRunner,
      ...args
    ) {
      if (between.mock.calls.length === 2) flush?.();
      return add.apply(this, args);
    });
    try {
      await benched(async ({ backend, nft }) => {
        flush = () => nft('flush', 'ruleset');
        backend.provideWanted(
          () => wanted,
          () => wanted.slice(0, NFT_RETURNING_BANS_MAX),
        );
        await backend.open(plan(['sshd']), wanted);
        await until(async () => (await inForce(backend)).length === wanted.length);
        expect(between.mock.results[1]?.value).toBe(false);
      });
    } finally {
      between.mockRestore();
    }
  });
});
