import { expect, test } from '@jest/globals';
import { lookBackOf } from '../../../src/agent/intake/supervisor.js';
import { WARMUP_SECONDS_MIN } from '../../../src/core/timeouts.js';
import { policy } from '../../jail/support.js';

test('a start reads back the longest findtime and so many seconds more', () => {
  const jails = [600, 7_200].map((findtime) => ({
    policy: policy({ findtime: findtime as never }),
  }));
  expect(lookBackOf(jails)).toBe(7_200 + WARMUP_SECONDS_MIN);
});
