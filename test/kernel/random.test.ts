import { describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { formatPrefix } from '../../src/core/address.js';
import type { Element, ElementChange } from '../../src/core/firewall.js';
import { elementId } from '../../src/firewall/names.js';
import { ban, inForce, plan, put, remove, told } from '../firewall/support.js';
import { kernelTest, makeBench, until } from './kernel.js';

const JAILS = ['sshd', 'mail'];
const TARGETS = [
  ...Array.from({ length: 6 }, (_, i) => `192.0.2.${i}`),
  ...Array.from({ length: 4 }, (_, i) => `2001:db8::${i}`),
  '198.51.100.0/24',
  '198.51.0.0/16',
  '2001:db8::/64',
  '2001:db8::/48',
];

type Step =
  | { readonly kind: 'apply'; readonly changes: readonly ElementChange[] }
  | { readonly kind: 'foreign'; readonly commands: readonly (readonly string[])[] }
  | { readonly kind: 'replan'; readonly bridge: boolean }
  | { readonly kind: 'kill' | 'restart' | 'settle' };

const jail = fc.constantFrom(...JAILS);
const target = fc.constantFrom(...TARGETS);
const length = fc.constantFrom(600, 1200, 3600, null);
const change = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(jail, target, length).map(([j, t, s]) => put(j, t, s)) },
  { weight: 2, arbitrary: fc.tuple(jail, target).map(([j, t]) => remove(j, t)) },
  { weight: 1, arbitrary: target.map((t) => put('unknown', t)) },
);
const foreign = fc.constantFrom<readonly (readonly string[])[]>(
  [['flush', 'ruleset']],
  [['delete', 'table', 'inet', 'banjour']],
  [['flush', 'chain', 'inet', 'banjour', 'bans4']],
  [['flush', 'set', 'inet', 'banjour', 'ban4.sshd']],
  [['add', 'element', 'inet', 'banjour', 'ban4.mail', '{ 203.0.113.7 }']],
  [
    ['flush', 'chain', 'inet', 'banjour', 'bans6'],
    ['delete', 'set', 'inet', 'banjour', 'ban6.sshd'],
  ],
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .array(change, { maxLength: 12 })
      .map((changes): Step => ({ kind: 'apply', changes })),
  },
  { weight: 2, arbitrary: foreign.map((commands): Step => ({ kind: 'foreign', commands })) },
  { weight: 1, arbitrary: fc.boolean().map((bridge): Step => ({ kind: 'replan', bridge })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Step>({ kind: 'kill' }, { kind: 'restart' }, { kind: 'settle' }),
  },
);

describe('whatever happens', () => {
  kernelTest(
    'random batches, refusals, foreign changes, a killed nft and restarts end with the kernel equal to the ledger',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
          const ledger = new Map<string, Element>();
          const bench = makeBench();
          const { backend } = bench;
          let bridge = false;
          backend.provideWanted(() => ledger.values());
          try {
            await backend.open(plan(JAILS), []);
            for (const one of steps) {
              if (one.kind === 'apply') {
                for (const item of one.changes) {
                  if (item.kind === 'remove') ledger.delete(elementId(item));
                  else if (JAILS.includes(item.jail)) {
                    const { jail: j, target: t, until: u } = item;
                    ledger.set(elementId(item), { jail: j, target: t, until: u });
                  }
                }
                const { refused } = await backend.apply(one.changes);
                expect(refused.every((each) => String(each.change.jail) === 'unknown')).toBe(true);
              } else if (one.kind === 'foreign') {
                for (const command of one.commands) {
                  try {
                    bench.nft(...command);
                  } catch {
                    // Not there just now: a foreign change that failed is none.
                  }
                }
              } else if (one.kind === 'replan') {
                bridge = one.bridge;
                await backend.replan(plan(JAILS, { bridge }), ledger.values());
              } else if (one.kind === 'restart') {
                await backend.open(plan(JAILS, { bridge }), ledger.values());
              } else if (one.kind === 'kill' && backend.residentPid !== undefined) {
                process.kill(backend.residentPid, 'SIGKILL');
              } else await new Promise((resolve) => setTimeout(resolve, 30));
            }
            const wanted = [...ledger.values()].map(told).sort();
            // Nothing in force is no proof that the tables are there.
            const equal = async () =>
              (await backend.read()).present &&
              JSON.stringify(await inForce(backend)) === JSON.stringify(wanted);
            await until(equal).catch(async () => expect(await inForce(backend)).toEqual(wanted));
            await until(() => {
              const rules = bench.nft('list', 'table', 'inet', 'banjour');
              return ['ban4.sshd', 'ban6.sshd', 'ban4.mail', 'ban6.mail'].every((set) =>
                rules.includes(`@${set} `),
              );
            });
            if (bridge) {
              const there = bench.nft('list', 'table', 'bridge', 'banjour');
              for (const element of ledger.values())
                expect(there).toContain(formatPrefix(element.target).split('/')[0]);
            }
          } finally {
            await bench.dispose();
          }
        }),
        { numRuns: Number(process.env['BANJOUR_RANDOM_RUNS'] ?? 15) },
      );
    },
    120_000,
  );

  kernelTest(
    'a ban of the past and one far beyond what the kernel counts are dealt with',
    async () => {
      const bench = makeBench();
      try {
        await bench.backend.open(plan(JAILS), [ban('sshd', '192.0.2.1', 100 * 365 * 86_400)]);
        expect(bench.nft('list', 'set', 'inet', 'banjour', 'ban4.sshd')).toMatch(
          /192\.0\.2\.1 timeout 23148d/,
        );
      } finally {
        await bench.dispose();
      }
    },
  );
});
