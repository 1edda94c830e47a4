import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ElementChange } from '../../src/core/firewall.js';
import { NFT_BISECT_BATCHES_MAX } from '../../src/core/limits.js';
import { bisect } from '../../src/firewall/changes.js';
import { hosts, put } from './support.js';

/** A kernel that refuses every batch with a bad change in it, and remembers what it took. */
function kernel(bad: ReadonlySet<ElementChange>) {
  const taken: ElementChange[] = [];
  let sent = 0;
  const send = async (changes: readonly ElementChange[]) => {
    sent++;
    if (changes.some((change) => bad.has(change))) return 'refused';
    taken.push(...changes);
    return undefined;
  };
  return { send, taken, sent: () => sent };
}

describe('finding the bad changes of a refused batch', () => {
  test('exactly those are reported, everything else is applied once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), async (marks) => {
        fc.pre(marks.includes(true));
        const changes = hosts(marks.length).map((host) => put('sshd', host));
        const bad = new Set(changes.filter((_, i) => marks[i]));
        const { send, taken } = kernel(bad);
        const refused = await bisect(changes, 'refused', send);
        expect(new Set(refused.map(({ change }) => change))).toEqual(bad);
        expect(taken).toEqual(changes.filter((change) => !bad.has(change)));
      }),
    );
  });

  test('one bad change among 1,000 takes some 20 transactions', async () => {
    const changes = hosts(1000).map((host) => put('sshd', host));
    const { send, sent } = kernel(new Set(changes.slice(617, 618)));
    await bisect(changes, 'refused', send);
    expect(sent()).toBeLessThanOrEqual(20);
  });

  test.each([
    [6, 0],
    [5, 1],
  ])('with room for %i transactions, %i changes are refused untried', async (room, untried) => {
    const changes = hosts(4).map((host) => put('sshd', host));
    const { send, sent } = kernel(new Set(changes));
    const refused = await bisect(changes, 'refused', send, room);
    expect(refused).toHaveLength(4);
    expect(refused.filter(({ reason }) => reason.includes('not tried alone'))).toHaveLength(
      untried,
    );
    expect(sent()).toBe(room);
  });

  test('the bound lets a batch of 1,000 bad changes be tried one by one', () => {
    expect(NFT_BISECT_BATCHES_MAX).toBeGreaterThan(2 * 1000);
  });
});
