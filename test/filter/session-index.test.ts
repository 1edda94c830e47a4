import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Indexed, SessionIndex } from '../../src/filter/bounded-index.js';

interface Item extends Indexed<Item> {
  readonly n: number;
}

const item = (key: string, boot: string, n: number): Item => ({
  key,
  boot,
  n,
  hash: 0,
  chain: undefined,
});

describe('the index of connections', () => {
  test('agrees with a map, whatever comes and goes', () => {
    const name = fc.constantFrom(...Array.from({ length: 40 }, (_, n) => `mx1 sshd[${n}]`));
    const step = fc.record({ key: name, boot: fc.constantFrom('a', 'b'), add: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const index = new SessionIndex<Item>();
        const reference = new Map<string, Item>();
        steps.forEach(({ key, boot, add }, n) => {
          const known = reference.get(`${boot} ${key}`);
          expect(index.find(key, boot)).toBe(known);
          if (add && known === undefined) {
            const fresh = item(key, boot, n);
            index.add(fresh);
            reference.set(`${boot} ${key}`, fresh);
          } else if (!add && known !== undefined) {
            index.remove(known);
            reference.delete(`${boot} ${key}`);
          }
          expect(index.size).toBe(reference.size);
        });
      }),
    );
  });

  test('finds every one of many, and holds on to none that was taken out', () => {
    const index = new SessionIndex<Item>();
    const all = Array.from({ length: 5_000 }, (_, n) => item(`host service[${n}]`, 'boot', n));
    for (const one of all) index.add(one);
    for (const one of all) expect(index.find(one.key, 'boot')).toBe(one);
    for (const one of all) index.remove(one);
    expect(index.size).toBe(0);
    expect(all.every(({ chain }) => chain === undefined)).toBe(true);
  });
});
