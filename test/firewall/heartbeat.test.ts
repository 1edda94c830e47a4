import { describe, expect, test } from '@jest/globals';
import { Heartbeat } from '../../src/firewall/heartbeat.js';

const never = () => new Promise<void>(() => undefined);

describe('the heartbeat of the firewall', () => {
  test('is there while calls are answered', async () => {
    expect(await new Heartbeat(async () => undefined).alive(1_000)).toBe(true);
  });

  test('is there while a large batch is under way, and gone when it is under way for longer than any may be', async () => {
    expect(await new Heartbeat(never, 10_000).alive(5)).toBe(true);
    const stuck = new Heartbeat(never, 20);
    await stuck.alive(5);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await stuck.alive(5)).toBe(false);
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
