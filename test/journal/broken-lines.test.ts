import { expect, test } from '@jest/globals';
import { BROKEN_OUTPUTS_MAX } from '../../src/core/limits.js';
import { BrokenStream } from '../../src/journal/broken-lines.js';

/** Outputs that were broken, and how many of them are remembered. */
function remembered(outputs: number): number {
  const stream = new BrokenStream();
  const entry = (n: number, more = {}) => {
    const fields = new Map(Object.entries({ _STREAM_ID: String(n), _PID: '1', ...more }));
    return stream.take((name) => fields.get(name));
  };
  for (let n = 0; n < outputs; n++) entry(n, { _LINE_BREAK: 'nul' });
  return Array.from({ length: outputs }, (_, n) => entry(n)).filter((isRest) => isRest).length;
}

test('an export stream remembers so many outputs with an unfinished line, and forgets the oldest', () => {
  expect(remembered(BROKEN_OUTPUTS_MAX)).toBe(BROKEN_OUTPUTS_MAX);
  expect(remembered(BROKEN_OUTPUTS_MAX + 1)).toBe(BROKEN_OUTPUTS_MAX);
});
