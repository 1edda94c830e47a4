import { describe, expect } from '@jest/globals';
import type { Element, ElementChange } from '../../src/core/firewall.js';
import { DRIFT_REPAIRS_BURST_MAX } from '../../src/core/limits.js';
import { ban, hosts, inForce, plan, put } from '../firewall/support.js';
import { stays } from '../support/until.js';
import { type Bench, kernelTest, makeBench, until } from './kernel.js';

interface Watched extends Bench {
  readonly events: string[];
  readonly wanted: Element[];
  /** Until the kernel has been made equal `times` times. */
  readonly healed: (times?: number) => Promise<void>;
}

async function watched(
  run: (bench: Watched) => Promise<void>,
  wanted: Element[],
  bridge = false,
): Promise<void> {
  // However slow this machine is, a burst is a burst.
  const bench = makeBench({ burstMs: 600_000 });
  const events: string[] = [];
  bench.backend.onDrift(({ kind, reason }) => void events.push(`${kind}: ${reason}`));
  bench.backend.provideWanted(() => wanted);
  const healed = (times = 1) =>
    until(() => events.filter((event) => event.startsWith('healed')).length >= times);
  try {
    await bench.backend.open(plan(['sshd', 'mail'], { bridge }), wanted);
    await run({ ...bench, events, wanted, healed });
  } finally {
    await bench.dispose();
  }
}

const BANS = () => [
  ban('sshd', '192.0.2.1'),
  ban('sshd', '2001:db8::/64', null),
  ban('mail', '192.0.2.2', 1200),
];
const TOLD = [
  'mail 192.0.2.2/32 20 min',
  'sshd 192.0.2.1/32 10 min',
  'sshd 2001:db8::/64 for good',
];

describe('when somebody else changes the tables', () => {
  const cases: [string, string[][], string][] = [
    ['flushes the ruleset', [['flush', 'ruleset']], ''],
    ['deletes the table', [['delete', 'table', 'inet', 'banjour']], ''],
    [
      'deletes a rule chain',
      [
        ['flush', 'chain', 'inet', 'banjour', 'input'],
        ['delete', 'chain', 'inet', 'banjour', 'input'],
      ],
      '',
    ],
    ['flushes a chain', [['flush', 'chain', 'inet', 'banjour', 'bans4']], 'rule deleted'],
    [
      'puts an accept before our rules',
      [['insert', 'rule', 'inet', 'banjour', 'bans4', 'accept']],
      'rule added',
    ],
    [
      'deletes a ban',
      [['delete', 'element', 'inet', 'banjour', 'ban4.sshd', '{ 192.0.2.1 }']],
      'element deleted',
    ],
    [
      'adds a ban',
      [['add', 'element', 'inet', 'banjour', 'ban4.sshd', '{ 203.0.113.9 }']],
      'element added',
    ],
    ['empties a set', [['flush', 'set', 'inet', 'banjour', 'net6.64.sshd']], 'element deleted'],
    [
      'makes the chain drop everything',
      [['add', 'chain', 'inet', 'banjour', 'input', '{ policy drop; }']],
      'chain changed',
    ],
    [
      'deletes a set that no rule uses any more',
      [
        ['flush', 'chain', 'inet', 'banjour', 'bans4'],
        ['delete', 'set', 'inet', 'banjour', 'ban4.sshd'],
      ],
      '',
    ],
    [
      'gives a chain another name',
      [['rename', 'chain', 'inet', 'banjour', 'input', 'other']],
      'chain changed',
    ],
    [
      'puts the table to sleep',
      [['add', 'table', 'inet', 'banjour', '{ flags dormant; }']],
      'table changed',
    ],
    [
      'makes the chain anew as one that sees first packets alone',
      [
        ['delete', 'chain', 'inet', 'banjour', 'input'],
        [
          ...['add', 'chain', 'inet', 'banjour', 'input'],
          '{ type nat hook input priority -10; policy accept; }',
        ],
      ],
      '',
    ],
    ...[
      'set inet banjour ban4.sshd { type ipv4_addr; flags timeout; timeout 1s; }',
      'set inet banjour ban4.sshd { type mark; flags timeout; }',
      'set inet banjour ban4.sshd { type ipv4_addr; flags interval, timeout; }',
      'set inet banjour ban4.sshd { type ipv4_addr; flags dynamic, timeout; }',
      'set inet banjour ban4.sshd { type inet_service; elements = { 25 } }',
      'set inet banjour net6.64.sshd { type ipv6_addr; flags interval; elements = { 2001:db8:9::/48 } }',
      'map inet banjour ban4.sshd { type ipv4_addr : verdict; flags timeout; }',
      'set inet banjour allow4 { type ipv4_addr; flags timeout; }',
    ].map((made): [string, string[][], string] => [
      `removes the table and makes another with the ${made}`,
      [
        ['flush', 'ruleset'],
        ['add', 'table', 'inet', 'banjour'],
        ['add', ...made.split(' ')],
      ],
      '',
    ]),
    ['adds a chain of its own', [['add', 'chain', 'inet', 'banjour', 'mine']], 'chain changed'],
  ];
  for (const [title, commands, reason] of cases) {
    kernelTest(`and ${title}, everything is as it was within moments, and it is told`, async () => {
      await watched(async ({ nft, healed, events, backend }) => {
        const before = withoutCounts(nft('-s', 'list', 'table', 'inet', 'banjour'));
        nft(commands.map((command) => command.join(' ')).join('; '));
        await healed();
        await until(() => withoutCounts(nft('-s', 'list', 'table', 'inet', 'banjour')) === before);
        expect(await inForce(backend)).toEqual(TOLD);
        expect(events[0]).toContain(`drift: ${reason}`);
        const of = (kind: string) => events.filter((event) => event.startsWith(kind)).length;
        expect(of('healed')).toBe(of('drift'));
      }, BANS());
    });
  }

  kernelTest('the bridge table comes back too', async () => {
    await watched(
      async ({ nft, healed }) => {
        nft('delete', 'table', 'bridge', 'banjour');
        await healed();
        expect(nft('list', 'table', 'bridge', 'banjour')).toContain('192.0.2.1');
      },
      BANS(),
      true,
    );
  });

  kernelTest(
    'the bans come back as they are wanted now, not as they were at the start',
    async () => {
      await watched(async ({ nft, healed, wanted, backend }) => {
        wanted.pop();
        wanted.push(ban('mail', '198.51.100.0/24'));
        await backend.apply([
          { kind: 'remove', ...ban('mail', '192.0.2.2') },
          put('mail', '198.51.100.0/24'),
        ]);
        nft('flush', 'ruleset');
        await healed();
        expect(await inForce(backend)).toEqual([
          'mail 198.51.100.0/24 10 min',
          'sshd 192.0.2.1/32 10 min',
          'sshd 2001:db8::/64 for good',
        ]);
      }, BANS());
    },
  );

  kernelTest('changes of other tables and our own batches are no drift', async () => {
    await watched(async ({ nft, events, backend }) => {
      nft('add', 'table', 'inet', 'other');
      nft('add', 'set', 'inet', 'other', 's', '{ type ipv4_addr; }');
      nft('add', 'element', 'inet', 'other', 's', '{ 192.0.2.1 }');
      await backend.apply([put('sshd', '192.0.2.77')]);
      await backend.apply(hosts(500).map((host): ElementChange => put('mail', host)));
      nft('delete', 'table', 'inet', 'other');
      await stays('no drift is seen', () => events.length === 0, 200);
    }, BANS());
  });

  kernelTest('a ban that times out is no drift', async () => {
    await watched(
      async ({ events, backend, wanted }) => {
        wanted.length = 0;
        await until(async () => (await backend.read()).elements.length === 0);
        await stays('no drift is seen', () => events.length === 0, 100);
      },
      [ban('sshd', '192.0.2.1', 1)],
    );
  });

  kernelTest('a batch that meets missing tables heals them and is carried out', async () => {
    await watched(async ({ nft, backend, events, wanted }) => {
      const added = ban('sshd', '192.0.2.50');
      nft('flush', 'ruleset');
      // In the same turn: the batch or the doorbell finds it first, and brings the tables back.
      const { refused } = await backend.apply([{ kind: 'put', ...added }]);
      wanted.push(added);
      expect(refused).toEqual([]);
      await until(() => events.length > 0);
      expect(events[0]).toMatch(/^drift: /);
      expect(await inForce(backend)).toEqual([...TOLD, 'sshd 192.0.2.50/32 10 min'].sort());
    }, BANS());
  });

  kernelTest('after flush, nothing comes back by itself', async () => {
    await watched(async ({ nft, backend, events }) => {
      await backend.flush();
      nft('add', 'table', 'inet', 'banjour');
      nft('delete', 'table', 'inet', 'banjour');
      await stays('no drift is seen', () => events.length === 0, 150);
      expect((await backend.read()).present).toBe(false);
    }, BANS());
  });

  kernelTest('against somebody who keeps flushing, repairs slow down but do not stop', async () => {
    await watched(async ({ nft, healed, events, backend }) => {
      for (let times = 1; times <= DRIFT_REPAIRS_BURST_MAX + 1; times++) {
        nft('flush', 'ruleset');
        await healed(times);
      }
      const before = performance.now();
      nft('flush', 'ruleset');
      await healed(DRIFT_REPAIRS_BURST_MAX + 2);
      expect(performance.now() - before).toBeGreaterThan(500);
      expect(await inForce(backend)).toEqual(TOLD);
      expect(events.filter((event) => event.startsWith('drift')).length).toBeGreaterThan(
        DRIFT_REPAIRS_BURST_MAX + 1,
      );
    }, BANS());
  });
});

/** Elements with their ends, which run down, are compared elsewhere. */
function withoutCounts(text: string): string {
  const bare = text.replace(/ timeout \S+ expires \S+/g, '').replace(/elements = \{[^}]*\}/gs, '');
  // A set that was made anew stands last.
  return bare.split('\n\n').sort().join('\n\n');
}
