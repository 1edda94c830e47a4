/** Tables that come back past nft, on the real kernel. */
import { describe, expect } from '@jest/globals';
import type { NewElements } from '../../native/netlink-elements.js';
import type { FirewallPlan } from '../../src/core/specs.js';
import { NftRunner } from '../../src/firewall/runner.js';
import { ban, hosts, inForce, plan, prefix, rule } from '../firewall/support.js';
import { type Bench, kernelTest, makeBench, testCommand } from './kernel.js';

/** Every kind of rule, set and chain that a plan leads to. */
const PLANS: readonly [string, FirewallPlan][] = [
  ['one jail', plan(['sshd'])],
  [
    'many ports, ranges, both protocols, verdicts and hooks',
    plan(
      [
        rule('mail', {
          ports: [
            { first: 25, last: 25 },
            { first: 465, last: 465 },
            { first: 587, last: 600 },
          ],
          protocols: ['tcp', 'udp'],
          verdict: 'reject',
        }),
        rule('all', { ports: 'all', protocols: 'all' }),
        rule('udp', { ports: 'all', protocols: ['udp'], hook: 'prerouting' }),
        rule('web', { ports: [{ first: 80, last: 443 }], verdict: 'reject', hook: 'both' }),
      ],
      { hook: 'both' },
    ),
  ],
  [
    'bridges, and hosts and networks that are never banned',
    plan(['sshd', 'mail'], {
      bridge: true,
      allow: ['10.0.0.0/8', '11.0.0.0/8', '192.0.2.5/32', '0.0.0.0/8', '255.255.255.0/24']
        .concat(['2001:db8::/32', '2001:db9::1/128', '::1/128', 'ffff::/16'])
        .map(prefix),
    }),
  ],
];

const WANTED = [
  ban('sshd', '192.0.2.1'),
  ban('sshd', '198.51.100.0/24'),
  ban('sshd', '2001:db8:1::/64'),
];

async function benched(run: (bench: Bench, runner: NftRunner) => Promise<void>): Promise<void> {
  // Nobody watches: what comes back is what the runner brings.
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

/** The ruleset in nft's words, without elements of bans and what was counted. */
function rulesOf({ nft }: Bench): string {
  return nft('-s', 'list', 'ruleset').replace(/\n\t\telements = \{[^}]*timeout[^}]*\}/gs, '');
}

describe('tables that are made anew past nft', () => {
  for (const [what, of] of PLANS)
    kernelTest(`are what nft made: ${what}`, async () => {
      await benched(async (bench, runner) => {
        const { backend, nft } = bench;
        const wanted = WANTED.filter(({ jail }) => of.rules.some((one) => one.jail === jail));
        await backend.open(of, wanted);
        // The watch of this backend would be quicker.
        await backend.close();
        const before = rulesOf(bench);
        runner.memorize(of.bridge ? ['inet', 'bridge'] : ['inet']);
        expect(runner.makeAnew(() => [])).toBe(false);
        nft('flush', 'ruleset');
        expect(runner.makeAnew(() => [])).toBe(true);
        expect(rulesOf(bench)).toBe(before);
        // And they can be torn down and made anew again.
        nft('flush', 'ruleset');
        expect(runner.makeAnew(() => [])).toBe(true);
        expect(rulesOf(bench)).toBe(before);
      });
    });

  kernelTest('have their bans in the same transaction, of either family', async () => {
    await benched(async ({ backend, nft, namespace }, runner) => {
      await backend.open(plan(['sshd'], { bridge: true }), []);
      await backend.close();
      runner.memorize(['inet', 'bridge']);
      nft('flush', 'ruleset');
      const elements = hosts(2_500).map((key) => ({ key, timeout: 600 }));
      const sets = (['inet', 'bridge'] as const).map(
        (family): NewElements => ({ family, set: 'ban4.sshd', version: 4, elements }),
      );
      expect(runner.makeAnew(() => sets)).toBe(true);
      for (const family of ['inet', 'bridge']) {
        const text = namespace.run(['nft', 'list', 'set', family, 'banjour', 'ban4.sshd']);
        expect(text.match(/expires/g)).toHaveLength(2_500);
      }
      nft('delete', 'table', 'bridge', 'banjour');
      // One that stands is left as it is.
      expect(runner.makeAnew(() => sets)).toBe(true);
      expect(nft('list', 'set', 'bridge', 'banjour', 'ban4.sshd')).toContain('expires');
    });
  });

  kernelTest('are not made where they are not ours to make, or nothing is known', async () => {
    await benched(async ({ backend, nft }, runner) => {
      nft('add', 'table', 'inet', 'other');
      runner.memorize(['inet']);
      expect(runner.makeAnew(() => [])).toBe(false);
      await backend.open(plan(['sshd']), []);
      await backend.close();
      // A set that is none of ours makes it another's table.
      nft('add', 'map', 'inet', 'banjour', 'm', '{ type ipv4_addr : verdict; }');
      runner.memorize(['inet']);
      nft('delete', 'table', 'inet', 'banjour');
      expect(runner.makeAnew(() => [])).toBe(false);
      expect(nft('list', 'ruleset')).not.toContain('banjour');
    });
  });

  for (const unknown of ['inet', 'bridge'])
    kernelTest(`are left to nft, all of them, where ${unknown} is not known`, async () => {
      await benched(async ({ backend, nft }, runner) => {
        await backend.open(plan(['sshd'], { bridge: true }), []);
        await backend.close();
        nft('add', 'map', unknown, 'banjour', 'm', '{ type ipv4_addr : verdict; }');
        runner.memorize(['inet', 'bridge']);
        nft('flush', 'ruleset');
        expect(runner.makeAnew(() => [])).toBe(false);
        expect(nft('list', 'ruleset')).not.toContain('banjour');
      });
    });

  kernelTest('are there before the repair is, and the repair finds nothing to mend', async () => {
    await benched(async (bench) => {
      const { backend, nft } = bench;
      const wanted = hosts(300).map((host) => ban('sshd', host));
      backend.provideWanted(
        () => wanted,
        () => wanted,
      );
      await backend.open(plan(['sshd']), wanted);
      const before = rulesOf(bench);
      nft('flush', 'ruleset');
      expect(backend.makeAnew()).toBe(true);
      expect(rulesOf(bench)).toBe(before);
      expect(await inForce(backend)).toHaveLength(300);
      expect(backend.makeAnew()).toBe(false);
    });
  });
});
