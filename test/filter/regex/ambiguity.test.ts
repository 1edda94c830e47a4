import { expect, test } from '@jest/globals';
import { REGEX_LOOP_STATES_MAX } from '../../../src/core/limits.js';
import { judgeLoop } from '../../../src/filter/regex/lint.js';
import type { Node, RepeatNode } from '../../../src/filter/regex/tree.js';

/** A loop around so many characters in a row. */
function loop(chars: number): RepeatNode {
  const set: Node = { kind: 'set', set: [0x61, 0x61] };
  const body: Node = { kind: 'seq', parts: Array.from({ length: chars }, () => set) };
  return { kind: 'repeat', min: 0, max: Number.POSITIVE_INFINITY, mode: 'greedy', at: 0, body };
}

test('a loop is judged up to so many characters in its body', () => {
  expect(judgeLoop(loop(REGEX_LOOP_STATES_MAX))).toBe('unambiguous');
  expect(judgeLoop(loop(REGEX_LOOP_STATES_MAX + 1))).toBe('unknown');
});
