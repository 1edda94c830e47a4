import { describe, expect, test } from '@jest/globals';
import { Cached, CachedAsync } from '../../src/agent/cached.js';

describe('a value that is expensive', () => {
  test('serves four times as long as it took, whoever asks how often', () => {
    let now = 0;
    let made = 0;
    const cached = new Cached(
      () => {
        now += 10;
        return ++made;
      },
      () => now,
    );
    expect(cached.get()).toBe(1);
    now += 39;
    expect(cached.get()).toBe(1);
    now += 1;
    expect(cached.get()).toBe(2);
    cached.drop();
    expect(cached.get()).toBe(3);
  });

  test('may serve longer while nothing has changed', () => {
    let now = 0;
    let made = 0;
    const cached = new Cached(
      () => ++made,
      () => now,
    );
    expect(cached.get(1000)).toBe(1);
    now += 999;
    expect(cached.get(1000)).toBe(1);
    cached.touch();
    expect(cached.get(1000)).toBe(2);
    now += 1000;
    expect(cached.get(1000)).toBe(3);
  });

  test('is made once for all who ask meanwhile', async () => {
    let now = 0;
    let made = 0;
    const cached = new CachedAsync(
      async () => {
        await Promise.resolve();
        now += 10;
        return ++made;
      },
      () => now,
    );
    expect(await Promise.all([cached.get(), cached.get(), cached.get()])).toEqual([1, 1, 1]);
    expect(await cached.get()).toBe(1);
    now += 40;
    expect(await cached.get()).toBe(2);
  });

  test('that could not be made is tried again', async () => {
    let tries = 0;
    const cached = new CachedAsync(async () => {
      if (++tries === 1) throw new Error('not now');
      return tries;
    });
    await expect(cached.get()).rejects.toThrow('not now');
    expect(await cached.get()).toBe(2);
  });
});
