import { describe, expect } from '@jest/globals';
import { mustJailName } from '../../src/core/names.js';
import type { FirewallPlan, JailRule } from '../../src/core/specs.js';
import { killSockets } from '../../src/firewall/nft.js';
import { ban, plan, prefix, put, remove, rule } from '../firewall/support.js';
import { kernelTest } from './kernel.js';
import {
  BANNED,
  BYSTANDER,
  makeTopology,
  PATIENCE_MS,
  type Shape,
  type Topology,
} from './topology.js';

const PORTS = [{ first: 2525, last: 2525 }];

async function on(shape: Shape, run: (topology: Topology) => Promise<void>): Promise<void> {
  const topology = await makeTopology(shape);
  try {
    await run(topology);
  } finally {
    await topology.dispose();
  }
}

function mail(more: Partial<JailRule>, plans: Partial<FirewallPlan>): FirewallPlan {
  return plan([rule('mail', { ports: PORTS, protocols: ['tcp', 'udp'], ...more })], plans);
}

const ways: { shape: Shape; title: string; plans: Partial<FirewallPlan> }[] = [
  { shape: 'host', title: 'on the host itself (input)', plans: { hook: 'input' } },
  { shape: 'host', title: 'on the host itself (both)', plans: { hook: 'both' } },
  { shape: 'host', title: 'on the host itself (prerouting)', plans: { hook: 'prerouting' } },
  { shape: 'routed', title: 'through a router (forward)', plans: { hook: 'forward' } },
  { shape: 'routed', title: 'through a router (prerouting)', plans: { hook: 'prerouting' } },
  {
    shape: 'bridged',
    title: 'over a bridge, in the bridge table',
    plans: { hook: 'input', bridge: true },
  },
];

/** Both families at once: the same namespaces serve them. */
async function bothFamilies(run: (family: 4 | 6) => Promise<void>): Promise<void> {
  await Promise.all([run(4), run(6)]);
}

for (const { shape, title, plans } of ways) {
  describe(`a banned host ${title}`, () => {
    kernelTest(
      'is shut out over IPv4 and IPv6, its established connection too, and others are not',
      async () => {
        await on(shape, async ({ backend, probe, hold }) => {
          await backend.open(mail({}, plans), []);
          await bothFamilies(async (family) => {
            const [banned, bystander] = [BANNED[family], BYSTANDER[family]];
            expect(await probe(banned, PATIENCE_MS)).toBe('ok');
            const [attacker, friend] = [await hold(banned), await hold(bystander)];
            expect(await attacker(PATIENCE_MS)).toBe('echo');
            await backend.apply([put('mail', banned)]);
            expect(await attacker()).toBe('silence');
            expect(await friend(PATIENCE_MS)).toBe('echo');
            expect(await probe(banned)).toBe('timeout');
            expect(await probe(bystander, PATIENCE_MS)).toBe('ok');
            const counter = (await backend.read()).counters.get(mustJailName('mail'));
            expect(counter?.packets).toBeGreaterThan(1);
            await backend.apply([remove('mail', banned)]);
            expect(await probe(banned, PATIENCE_MS)).toBe('ok');
          });
        });
      },
    );

    kernelTest('is shut out by its prefix, unless the address is allowed', async () => {
      await on(shape, async ({ backend, probe }) => {
        const allow = [prefix(BYSTANDER[4]), prefix(BYSTANDER[6])];
        // The prefixes hold both clients and not the server, whose answers cross the bridge as
        // well.
        await backend.open(mail({ ports: 'all', protocols: 'all' }, { ...plans, allow }), [
          ban('mail', '10.9.1.2/31'),
          ban('mail', 'fd09:1::2/127'),
        ]);
        await bothFamilies(async (family) => {
          expect(await probe(BYSTANDER[family], PATIENCE_MS)).toBe('ok');
          expect(await probe(BANNED[family])).toBe('timeout');
        });
      });
    });
  });
}

describe('a jail that rejects', () => {
  for (const [shape, hook] of [
    ['host', 'input'],
    ['host', 'prerouting'],
    ['routed', 'forward'],
  ] as const) {
    kernelTest(
      `answers at the ${hook} hook: a reset for TCP, prohibited for the rest`,
      async () => {
        await on(shape, async ({ backend, probe, udp, hold }) => {
          await backend.open(mail({ verdict: 'reject' }, { hook }), []);
          await bothFamilies(async (family) => {
            const attacker = await hold(BANNED[family]);
            await backend.apply([put('mail', BANNED[family])]);
            expect(await attacker(PATIENCE_MS)).toBe('closed');
            expect(await probe(BANNED[family], PATIENCE_MS)).toBe('ECONNREFUSED');
            expect(await udp(BANNED[family])).toBe(family === 4 ? 'EHOSTUNREACH' : 'EACCES');
            expect(await probe(BYSTANDER[family], PATIENCE_MS)).toBe('ok');
          });
        });
      },
    );
  }

  kernelTest('only drops in the bridge table', async () => {
    await on('bridged', async ({ backend, probe }) => {
      await backend.open(mail({ verdict: 'reject' }, { bridge: true }), [ban('mail', BANNED[4])]);
      expect(await probe(BANNED[4])).toBe('timeout');
    });
  });
});

describe('bridged packets and the inet table', () => {
  for (const on_ of [true, false]) {
    kernelTest(
      `a ban at the forward hook ${on_ ? 'holds with' : 'does not hold without'} br_netfilter`,
      async () => {
        await on('bridged', async ({ backend, namespace, probe }) => {
          for (const name of ['iptables', 'ip6tables']) {
            namespace.run(['sysctl', '-qw', `net.bridge.bridge-nf-call-${name}=${on_ ? 1 : 0}`]);
          }
          await backend.open(mail({}, { hook: 'forward' }), [
            ban('mail', BANNED[4]),
            ban('mail', BANNED[6]),
          ]);
          expect(await probe(BANNED[4], on_ ? undefined : PATIENCE_MS)).toBe(
            on_ ? 'timeout' : 'ok',
          );
          expect(await probe(BANNED[6], on_ ? undefined : PATIENCE_MS)).toBe(
            on_ ? 'timeout' : 'ok',
          );
        });
      },
    );
  }
});

describe('other tables', () => {
  kernelTest('that accept everything, earlier or later, do not open a ban', async () => {
    await on('host', async ({ backend, nft, probe }) => {
      for (const priority of ['-300', '-10', '0', '100']) {
        const name = `t${priority.replace('-', 'm')}`;
        nft('add', 'table', 'inet', name);
        nft(
          'add',
          'chain',
          'inet',
          name,
          'c',
          `{ type filter hook input priority ${priority}; policy accept; }`,
        );
        nft('add', 'rule', 'inet', name, 'c', 'accept');
      }
      await backend.open(mail({}, {}), [ban('mail', BANNED[4])]);
      expect(await probe(BANNED[4])).toBe('timeout');
      expect(await probe(BYSTANDER[4], PATIENCE_MS)).toBe('ok');
    });
  });
});

describe('closing the sockets of a banned host', () => {
  for (const family of [4, 6] as const) {
    kernelTest(
      `ends its established connections over IPv${family} at once, counted, and nobody else's`,
      async () => {
        await on('host', async ({ namespace, hold }) => {
          const [attacker, second, friend] = [
            await hold(BANNED[family]),
            await hold(BANNED[family]),
            await hold(BYSTANDER[family]),
          ];
          const options = {
            command: [
              '/usr/bin/nsenter',
              `--net=/run/netns/${namespace.name}`,
              '--',
              'ss',
            ] as const,
          };
          expect(await killSockets(prefix(BANNED[family]), options)).toBe(2);
          expect([
            await attacker(PATIENCE_MS),
            await second(PATIENCE_MS),
            await friend(PATIENCE_MS),
          ]).toEqual(['closed', 'closed', 'echo']);
          expect(
            await killSockets(prefix(family === 4 ? '10.9.1.0/24' : 'fd09:1::/64'), options),
          ).toBe(1);
          expect(await killSockets(prefix('192.0.2.1'), options)).toBe(0);
        });
      },
    );
  }
});
