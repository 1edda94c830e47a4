import { describe, expect, test } from '@jest/globals';
import { NFT_WAITING_CALLS_MAX } from '../../src/core/limits.js';
import { Queue } from '../../src/firewall/queue.js';

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe('the order of calls', () => {
  test('calls that wait behind one under way are carried out together, up to the bound of items', async () => {
    const seen: number[][][] = [];
    const queue = new Queue<number, number>(100, 4, async (calls) => {
      seen.push(calls.map((items) => [...items]));
      return calls.map((items) => items.length);
    });
    const gate = deferred();
    const blocker = queue.alone(() => gate.promise);
    const results = [
      queue.join([1]),
      queue.join([2, 3]),
      queue.join([4]),
      queue.join([5, 6, 7, 8, 9]),
      queue.join([]),
    ];
    gate.resolve();
    await blocker;
    expect(await Promise.all(results)).toEqual([1, 2, 1, 5, 0]);
    expect(seen).toEqual([[[1], [2, 3], [4]], [[5, 6, 7, 8, 9]], [[]]]);
  });

  test('what must be alone keeps its place between them', async () => {
    const order: string[] = [];
    const queue = new Queue<string, true>(100, 100, async (calls) => {
      order.push(calls.flat().join(''));
      return calls.map(() => true as const);
    });
    await Promise.all([
      queue.join(['a']),
      queue.join(['b']),
      queue.alone(async () => void order.push('|')),
      queue.join(['c']),
    ]);
    expect(order.join('')).toBe('ab|c');
  });

  test('a failure reaches the callers it concerns and nobody else', async () => {
    let fail = true;
    const queue = new Queue<number, number>(100, 100, async (calls) => {
      if (fail) throw new Error('broken');
      return calls.map((items) => items.length);
    });
    await expect(queue.join([1])).rejects.toThrow('broken');
    await expect(queue.alone(async () => Promise.reject(new Error('alone')))).rejects.toThrow(
      'alone',
    );
    fail = false;
    expect(await queue.join([1, 2])).toBe(2);
  });

  test('is bounded: one call more than may wait is refused at once', async () => {
    const queue = new Queue<number, number>(2, 100, async (calls) => calls.map(() => 0));
    const gate = deferred();
    const running = queue.alone(() => gate.promise);
    const waiting = [queue.join([1]), queue.join([2])];
    await expect(queue.join([3])).rejects.toMatchObject({ code: 'ERR_FIREWALL_BUSY' });
    gate.resolve();
    await running;
    await Promise.all(waiting);
    expect(NFT_WAITING_CALLS_MAX).toBe(100_000);
  });

  test('after close every call is refused', async () => {
    const queue = new Queue<number, number>(2, 100, async (calls) => calls.map(() => 0));
    queue.close();
    await expect(queue.join([])).rejects.toMatchObject({ code: 'ERR_FIREWALL_CLOSED' });
  });
});
