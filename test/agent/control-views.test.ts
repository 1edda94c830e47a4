import { expect, test } from '@jest/globals';
import { neverPrefixed } from '../../src/agent/control-views.js';
import { PREFIX_MISSES_MIN } from '../../src/core/limits.js';
import { type JailName, jailName } from '../../src/core/names.js';
import { newCounters } from '../../src/filter/counters.js';

test('a jail none of whose entries passes its prefix is told, once there are enough of them', () => {
  const counters = newCounters(jailName('dovecot') as JailName);
  counters.unprefixed.count = PREFIX_MISSES_MIN - 1;
  expect(neverPrefixed(counters)).toEqual([]);
  counters.unprefixed.count = PREFIX_MISSES_MIN;
  expect(neverPrefixed(counters)).toEqual([
    expect.stringContaining(
      `dovecot: ${PREFIX_MISSES_MIN} entries selected that hold words of its filter, none passes`,
    ),
  ]);
  counters.prefixed.count = 1;
  expect(neverPrefixed(counters)).toEqual([]);
});
