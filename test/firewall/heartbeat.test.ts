import { describe, expect, jest, test } from '@jest/globals';
import { NFT_STUCK_MS } from '../../src/core/timeouts.js';
import { Heartbeat } from '../../src/firewall/watch.js';
import { fakeTimers } from '../support/timeouts.js';

const never = () => new Promise<void>(() => undefined);

describe('the heartbeat of the firewall', () => {
  test('is there while calls are answered', async () => {
    expect(await new Heartbeat(async () => undefined).alive(1_000)).toBe(true);
  });

  test('is there while a large batch is under way, and gone when it is under way for longer than any may be', async () => {
    using _ = fakeTimers();
    const heartbeat = new Heartbeat(never);
    const alive = async (milliseconds: number) => {
      const answer = heartbeat.alive(milliseconds);
      await jest.advanceTimersByTimeAsync(milliseconds);
      return answer;
    };
    expect(await alive(NFT_STUCK_MS - 1)).toBe(true);
    expect(await alive(1)).toBe(false);
  });

  test('asks once and not again while the answer is awaited', async () => {
    let asked = 0;
    const heartbeat = new Heartbeat(() => {
      asked++;
      return never();
    }, 10_000);
    await heartbeat.alive(5);
    await heartbeat.alive(5);
    expect(asked).toBe(1);
  });

  test('is gone when the call fails', async () => {
    expect(await new Heartbeat(() => Promise.reject(new Error('no'))).alive(1_000)).toBe(false);
  });
});
