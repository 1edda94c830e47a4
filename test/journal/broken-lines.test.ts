import { describe, expect, test } from '@jest/globals';
import type { JournalHandle } from '../../native/journal.js';
import { OperatingError } from '../../src/core/errors.js';
import { BROKEN_OUTPUTS_MAX } from '../../src/core/limits.js';
import { cursor } from '../../src/core/names.js';
import { BrokenLines, BrokenStream } from '../../src/journal/broken-lines.js';

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

describe('a journal that cannot be looked at', () => {
  const entry = { cursor: cursor('c'), fields: new Map([['_STREAM_ID', 'a']]) };
  const fails = () => {
    throw new OperatingError('ERR_JOURNAL_READ', 'damaged');
  };
  /** Breaks where the test says. */
  const handle = (broken: Partial<Record<'previous' | 'next', () => never>>) =>
    ({
      process() {},
      setMatches() {},
      seekTail() {},
      seekCursor: () => true,
      close() {},
      ...{ previous: () => true },
      ...broken,
    }) as unknown as JournalHandle;

  test('stops nothing: a line counts as whole where none is known to be broken, and as a rest where some are', () => {
    expect(new BrokenLines(() => handle({ previous: fails })).isRest(entry)).toBe(false);
    expect(new BrokenLines(() => handle({ next: fails })).isRest(entry)).toBe(true);
    expect(new BrokenLines(fails).isRest(entry)).toBe(false);
  });
});
