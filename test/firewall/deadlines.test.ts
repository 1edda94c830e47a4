/** How long an nft that hangs may hang. Time is the test's own. */
import { describe, expect, jest, test } from '@jest/globals';
import { NFT_FRESH_DEADLINE_MS, NFT_RESIDENT_DEADLINE_MS } from '../../src/core/timeouts.js';
import { NftSession } from '../../src/firewall/nft-session.js';
import { NftRunner } from '../../src/firewall/runner.js';
import type { Command } from '../../src/firewall/spawn.js';
import { fakeTimers } from '../support/timeouts.js';
import { until } from '../support/until.js';

const HANGS: Command = ['/bin/sh', '-c', 'exec sleep 60', 'nft'];

describe('an nft that hangs', () => {
  test.each([
    [
      'a fresh one',
      NFT_FRESH_DEADLINE_MS,
      (onStart: () => void) =>
        new NftRunner({ command: HANGS, resident: false, onStart }).send([], 1),
    ],
    [
      'the resident one',
      NFT_RESIDENT_DEADLINE_MS,
      (onStart: () => void) => new NftSession({ command: HANGS, onStart }).send('{}'),
    ],
  ])('%s is given up after %i ms', async (_, deadlineMs, call) => {
    using __ = fakeTimers();
    let started = false;
    const settled = jest.fn();
    const answer = call(() => {
      started = true;
    }).finally(settled);
    const given = answer.catch((error: unknown) => error);
    await until('it runs', () => started);
    await jest.advanceTimersByTimeAsync(deadlineMs - 1);
    expect(settled).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    // Its end is waited for, in turns of the loop.
    await until('it is given up', () => settled.mock.calls.length > 0);
    expect(String(await given)).toContain(`${deadlineMs} ms`);
  });
});
