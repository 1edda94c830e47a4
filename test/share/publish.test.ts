/** What the engine is still to be told, and the bounds of it. */
import { describe, expect, test } from '@jest/globals';
import type { BanView, StreamEvent } from '../../src/control/protocol.js';
import {
  SHARE_ASKS_MAX,
  SHARE_HELD_MAX,
  SHARE_PUBLISH_MAX,
  SHARE_QUEUE_MAX,
} from '../../src/core/service-limits.js';
import { Held } from '../../src/share/inbox.js';
import { PublishQueue } from '../../src/share/publish.js';
import { turns } from '../support/turns.js';
import { until } from '../support/until.js';

const UNTIL = Date.now() + 3_600_000;
const address = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
const ban = (id: number): BanView => ({
  ...{ id, jail: 'sshd', target: address(id), time: '', failures: 1, origin: 'journal' },
  ...{ until: new Date(UNTIL).toISOString(), state: 'in-force', evidence: [] },
});

/** A queue, listed, with what its agent has in force. */
function make() {
  const inForce: BanView[] = [];
  const asked: (string | undefined)[] = [];
  let rooms = 0;
  const queue = new PublishQueue({
    seen: 0,
    rules: { jails: ['sshd'], operator: true },
    bans: async ({ address: target }) => {
      asked.push(target);
      return inForce.filter((one) => target === undefined || one.target === target);
    },
    filled: () => undefined,
    room: () => rooms++,
    failed: (error) => {
      throw error;
    },
    now: Date.now,
  });
  const listed = async () => {
    queue.listed(new Map());
    await until('it compared', () => asked.length > 0);
    asked.length = 0;
    rooms = 0;
  };
  return { queue, inForce, asked, listed, rooms: () => rooms };
}

describe('the queue', () => {
  test('takes so many bans, no more until there is room, and hands out so many at once', async () => {
    const { queue, listed, rooms } = make();
    queue.offer(ban(1));
    expect([queue.seen, queue.hasRoom]).toEqual([0, false]);
    await listed();
    for (let id = 1; id <= SHARE_QUEUE_MAX + 1; id++) queue.offer(ban(id));
    expect([queue.waiting, queue.seen, queue.hasRoom]).toEqual([
      ...[SHARE_QUEUE_MAX, SHARE_QUEUE_MAX, false],
    ]);
    queue.pass(SHARE_QUEUE_MAX + 5);
    expect(queue.seen).toBe(SHARE_QUEUE_MAX);
    const changes = queue.next();
    expect(changes.length).toBe(SHARE_PUBLISH_MAX);
    expect(rooms()).toBe(0);
    queue.taken(changes);
    expect([queue.hasRoom, rooms(), queue.done]).toEqual([true, 1, 0]);
    while (queue.waiting > 0) queue.taken(queue.next());
    expect(queue.done).toBe(SHARE_QUEUE_MAX);
  });

  test('a comparison that finds more goes on when there is room', async () => {
    const { queue, inForce } = make();
    for (let id = 1; id <= SHARE_QUEUE_MAX + 1; id++) inForce.push(ban(id));
    queue.listed(new Map());
    await until('it is full', () => queue.waiting === SHARE_QUEUE_MAX);
    const told = new Set<string>();
    await until('all are told', () => {
      const changes = queue.next();
      for (const { target } of changes) told.add(target);
      queue.taken(changes);
      return told.size === SHARE_QUEUE_MAX + 1;
    });
  });

  test.each([0, 1])('of lifts has room for as many: %i more follow', async (more) => {
    const { queue } = make();
    const count = SHARE_QUEUE_MAX + more;
    // Somebody told them in this host's name.
    queue.listed(new Map(Array.from({ length: count }, (_, n) => [`sshd ${address(n)}`, UNTIL])));
    await until('it is full', () => queue.waiting === SHARE_QUEUE_MAX);
    const lifted = new Set<string>();
    await until('all are lifted', () => {
      const changes = queue.next();
      for (const { kind, target } of changes) if (kind === 'lift') lifted.add(target);
      queue.taken(changes);
      return lifted.size === count;
    });
    expect(queue.published).toBe(0);
  });

  test('the last word about a ban is all that is told', async () => {
    const { queue, inForce, listed } = make();
    await listed();
    queue.offer(ban(1));
    queue.unbanned({ id: 9, event: 'unban', time: '', jail: 'sshd', address: address(1) });
    await until('it was asked', () => queue.next()[0]?.kind === 'lift');
    expect(queue.next()).toEqual([{ kind: 'lift', jail: 'sshd', target: address(1) }]);
    // A page that was read before the unban comes after it: the agent is asked what holds.
    queue.offer(ban(2));
    queue.unbanned({ id: 9, event: 'unban', time: '', jail: 'sshd', address: address(2) });
    queue.offer({ ...ban(3), target: address(2) });
    await until('it is lifted', () => queue.next().every(({ kind }) => kind === 'lift'));
    inForce.push({ ...ban(4), target: address(2) });
    queue.offer({ ...ban(4), target: address(2) });
    await until('it is banned again', () => queue.next().at(-1)?.kind === 'ban');
  });

  test('so many unbans are asked for one by one, more in one go', async () => {
    for (const [more, isOne] of [
      [0, false],
      [1, true],
    ] as const) {
      const { queue, asked, listed } = make();
      await listed();
      const count = SHARE_ASKS_MAX + 1 + more;
      for (let id = 1; id <= count; id++) {
        queue.offer(ban(id));
        queue.unbanned({ id, event: 'unban', time: '', jail: 'sshd', address: address(id) });
      }
      await until('all are lifted', () => {
        const changes = queue.next();
        queue.taken(changes.filter(({ kind }) => kind === 'lift'));
        return queue.waiting === 0;
      });
      expect(asked.includes(undefined)).toBe(isOne);
    }
  });
});

describe('what the engine holds', () => {
  const decision = (n: number, key = String(n), end = n) =>
    ({ key, target: address(n), until: end, origin: 'banjour' }) as const;

  test('has a bound; what is known already is taken beyond it', () => {
    const held = new Held();
    for (let n = 0; n < SHARE_HELD_MAX; n++) held.put(decision(n));
    expect([held.size, held.put(decision(SHARE_HELD_MAX))]).toEqual([SHARE_HELD_MAX, false]);
    expect(held.put(decision(7, '7', 1e15))).toBe(true);
    expect(held.longest(address(7))?.until).toBe(1e15);
    held.remove(decision(8));
    expect(held.put(decision(SHARE_HELD_MAX))).toBe(true);
  });

  test('of a target is the longest', () => {
    const held = new Held();
    held.put(decision(1, 'a', 10));
    held.put(decision(1, 'b', 30));
    held.put(decision(1, 'c', 20));
    expect(held.longest(address(1))?.key).toBe('b');
    held.remove(decision(1, 'b'));
    expect([held.longest(address(1))?.key, held.size]).toEqual(['c', 2]);
    expect(held.remove(decision(1, 'b'))).toBe(false);
    held.put(decision(1, 'c', 5));
    expect(held.longest(address(1))?.key).toBe('a');
  });
});

test.each(turns)('a question %d turns after an answer is asked', async (wait) => {
  const { queue, asked, listed } = make();
  await listed();
  queue.unbanned({ jail: 'sshd', address: address(1), reason: 'operator' } as StreamEvent);
  for (let left = wait; left > 0; left--) await Promise.resolve();
  queue.unbanned({ jail: 'sshd', address: address(2), reason: 'operator' } as StreamEvent);
  await until('both are asked', () => asked.length === 2);
  expect(asked).toEqual([address(1), address(2)]);
});
