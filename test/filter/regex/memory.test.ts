import { expect, test } from '@jest/globals';
import { REGEX_MEMORY_WORDS_MAX } from '../../../src/core/limits.js';
import { Bits } from '../../../src/filter/regex/linear-state.js';

test('the linear matcher takes so much memory for one match and no more', () => {
  const bits = new Bits();
  expect(bits.prepare(32 * REGEX_MEMORY_WORDS_MAX + 1)).toBe(false);
  expect(bits.prepare(32 * REGEX_MEMORY_WORDS_MAX)).toBe(true);
});
