import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { wallClock } from '../../src/core/time.js';
import { dumpTables } from '../../src/firewall/kernel-tables.js';
import { NftRunner } from '../../src/firewall/runner.js';
import { ban, plan, prefix, rule } from '../firewall/support.js';
import { makeNetworkNamespace, type NetworkNamespace } from '../support/netns.js';
import { kernelTest, makeBench, nftWords, testCommand } from './kernel.js';

const RULES = [
  rule('sshd', { ports: [{ first: 22, last: 22 }] }),
  rule('mail@host', {
    ports: [
      { first: 993, last: 995 },
      { first: 25, last: 25 },
      { first: 994, last: 1000 },
    ],
    protocols: ['tcp', 'udp'],
    verdict: 'reject',
  }),
  rule('all', { ports: 'all', protocols: 'all' }),
  rule('quic', { ports: 'all', protocols: ['udp', 'sctp'] }),
];
const PLAN = plan(RULES, {
  hook: 'both',
  bridge: true,
  allow: [prefix('10.0.0.0/8'), prefix('10.2.0.0/16'), prefix('::1')],
});

/** Written by hand, from the manual. */
const BY_HAND = `
table inet banjour {
  counter jail.sshd { }
  counter jail.mail/ahost { }
  counter jail.all { }
  counter jail.quic { }
  set allow4 { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }
  set allow6 { type ipv6_addr; flags interval; elements = { ::1 }; }
  set ban4.sshd { type ipv4_addr; flags timeout; elements = { 192.0.2.1 }; }
  set ban6.sshd { type ipv6_addr; flags timeout; }
  set net6.64.sshd { type ipv6_addr; flags timeout; elements = { 2001:db8:1:2:: }; }
  set ban4.mail/ahost { type ipv4_addr; flags timeout; }
  set ban6.mail/ahost { type ipv6_addr; flags timeout; }
  set net4.24.mail/ahost { type ipv4_addr; flags timeout; elements = { 198.51.100.0 }; }
  set ban4.all { type ipv4_addr; flags timeout; }
  set ban6.all { type ipv6_addr; flags timeout; elements = { 2001:db8::7 }; }
  set ban4.quic { type ipv4_addr; flags timeout; }
  set ban6.quic { type ipv6_addr; flags timeout; }
  chain rejects {
    meta l4proto tcp limit rate 100/second burst 200 packets reject with tcp reset
    meta l4proto != tcp limit rate 100/second burst 200 packets reject with icmpx type admin-prohibited
    drop
  }
  chain bans4 {
    ip saddr @allow4 return
    tcp dport 22 ip saddr @ban4.sshd counter name "jail.sshd" drop
    meta l4proto { tcp, udp } th dport { 25, 993-1000 } ip saddr @ban4.mail/ahost counter name "jail.mail/ahost" goto rejects
    meta l4proto { tcp, udp } th dport { 25, 993-1000 } ip saddr & 255.255.255.0 == @net4.24.mail/ahost counter name "jail.mail/ahost" goto rejects
    ip saddr @ban4.all counter name "jail.all" drop
    meta l4proto { udp, sctp } ip saddr @ban4.quic counter name "jail.quic" drop
  }
  chain bans6 {
    ip6 saddr @allow6 return
    tcp dport 22 ip6 saddr @ban6.sshd counter name "jail.sshd" drop
    tcp dport 22 ip6 saddr & ffff:ffff:ffff:ffff:: == @net6.64.sshd counter name "jail.sshd" drop
    meta l4proto { tcp, udp } th dport { 25, 993-1000 } ip6 saddr @ban6.mail/ahost counter name "jail.mail/ahost" goto rejects
    ip6 saddr @ban6.all counter name "jail.all" drop
    meta l4proto { udp, sctp } ip6 saddr @ban6.quic counter name "jail.quic" drop
  }
  chain input { type filter hook input priority filter - 10; policy accept;
    meta nfproto ipv4 jump bans4
    meta nfproto ipv6 jump bans6
  }
  chain forward { type filter hook forward priority filter - 10; policy accept;
    meta nfproto ipv4 jump bans4
    meta nfproto ipv6 jump bans6
  }
}
`;
const WANTED = [
  ban('sshd', '192.0.2.1', null),
  ban('sshd', '2001:db8:1:2::/64', null),
  ban('mail@host', '198.51.100.0/24', null),
  ban('all', '2001:db8::7', null),
];

/** Loads a file; by standard input, since nft may see another file system. */
function load(namespace: NetworkNamespace, file: string): void {
  namespace.run(['sh', '-c', `${nftWords().join(' ')} -f - < ${file}`]);
}

/** A listing as data, without handles and in the order of names. */
function comparable(json: string): unknown[] {
  const strip = JSON.parse(json, (key, value: unknown) =>
    key === 'handle' ? undefined : value,
  ) as {
    nftables: object[];
  };
  const items = strip.nftables.filter((item) => !('metainfo' in item));
  // The order of rules matters, that of sets, chains and counters does not.
  const rules = items.filter((item) => 'rule' in item);
  const others = items.filter((item) => !('rule' in item)).map((item) => JSON.stringify(item));
  const chainOf = (item: object) => (item as { rule: { chain: string } }).rule.chain;
  return [others.sort(), rules.sort((a, b) => chainOf(a).localeCompare(chainOf(b)))];
}

describe('what nft lists of our tables', () => {
  kernelTest('equals a ruleset written by hand', async () => {
    const bench = makeBench();
    const other = makeNetworkNamespace();
    const folder = mkdtempSync(join(tmpdir(), 'banjour-test-'));
    try {
      await bench.backend.open(PLAN, WANTED);
      writeFileSync(join(folder, 'hand.nft'), BY_HAND);
      load(other, join(folder, 'hand.nft'));
      const list = ['-j', 'list', 'table', 'inet', 'banjour'];
      expect(comparable(bench.nft(...list))).toEqual(
        comparable(other.run([...nftWords(), ...list])),
      );
    } finally {
      rmSync(folder, { recursive: true });
      other.remove();
      await bench.dispose();
    }
  });

  kernelTest('equals what our own description loads', async () => {
    const bench = makeBench();
    const other = makeNetworkNamespace();
    const folder = mkdtempSync(join(tmpdir(), 'banjour-test-'));
    try {
      await bench.backend.open(PLAN, []);
      writeFileSync(join(folder, 'described.nft'), bench.backend.describe(PLAN));
      load(other, join(folder, 'described.nft'));
      for (const family of ['inet', 'bridge']) {
        const list = ['-j', 'list', 'table', family, 'banjour'];
        expect(comparable(bench.nft(...list))).toEqual(
          comparable(other.run([...nftWords(), ...list])),
        );
      }
    } finally {
      rmSync(folder, { recursive: true });
      other.remove();
      await bench.dispose();
    }
  });

  kernelTest('equals what a netlink dump says', async () => {
    const bench = makeBench();
    try {
      await bench.backend.open(PLAN, [
        ...WANTED,
        ban('sshd', '203.0.113.5', 3600),
        ban('sshd', '::7', 60),
        ban('sshd', '1:0:0:2::3', 60),
        ban('sshd', '1:0:2:0:3:0:4:0', 60),
        ban('sshd', '2001:db8::1.2.3.4', 60),
        ban('sshd', '::1.2.3.4', 60),
      ]);
      const netns = `/run/netns/${bench.namespace.name}`;
      const byNft = await new NftRunner({ ...testCommand(), netns, resident: false }).listByNft();
      const byDump = await dumpTables(wallClock, { netns });
      for (const family of ['inet', 'bridge'] as const) {
        const [one, other] = [byNft.get(family), byDump.get(family)];
        expect(other?.chains).toEqual(one?.chains);
        expect(other?.counters).toEqual(one?.counters);
        expect([...(other?.sets.keys() ?? [])].sort()).toEqual(
          [...(one?.sets.keys() ?? [])].sort(),
        );
        for (const [name, set] of one?.sets ?? []) {
          // Interval sets hold the ends of intervals, which nft prints as prefixes: nobody asks for
          // their elements.
          if (name.startsWith('allow')) continue;
          const dumped = other?.sets.get(name);
          expect(dumped).toMatchObject({ type: set.type, flags: set.flags, counter: set.counter });
          expect([...(dumped?.elements.keys() ?? [])].sort()).toEqual(
            [...set.elements.keys()].sort(),
          );
          for (const [key, end] of set.elements) {
            const there = dumped?.elements.get(key);
            if (end === null) expect(there).toBeNull();
            else expect(Math.abs((there ?? 0) - end)).toBeLessThan(1e7);
          }
        }
      }
    } finally {
      await bench.dispose();
    }
  });
});
