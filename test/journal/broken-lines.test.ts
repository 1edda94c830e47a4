import { describe, expect, test } from '@jest/globals';
import { READ } from '../../native/entry-data.js';
import type { JournalHandle } from '../../native/journal.js';
import { OperatingError } from '../../src/core/errors.js';
import { BROKEN_OUTPUTS_MAX, RUNTIME_LOOK_BACK_MAX } from '../../src/core/limits.js';
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
  const entry = { cursor: cursor('c'), fields: new Map([['_STREAM_ID', 'a']]), messages: [] };
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

const DATE = '2026-11-30T10:00:00.123456789Z';

describe("a runtime's log in an export", () => {
  /** Which of the messages are rests, each of the process that stands in front of it. */
  const rests = (...messages: (readonly [pid: string, message: string])[]) => {
    const stream = new BrokenStream();
    return messages.map(([pid, head]) => {
      const fields = new Map([['_PID', pid]]);
      return stream.take((name) => fields.get(name), { head });
    });
  };

  test('behind a part comes the rest of its stream, whatever stands between them', () => {
    expect(
      rests(
        ['1', `${DATE} stdout P mx dovecot: aaa`],
        ['1', `${DATE} stderr F mx dovecot: whole`],
        ['2', `${DATE} stdout F mx dovecot: another process`],
        ['1', 'no line of a runtime'],
        ['1', `${DATE} stdout P mx dovecot: in the middle`],
        ['1', `${DATE} stdout F mx dovecot: its end`],
        ['1', `${DATE} stdout F mx dovecot: the next line`],
      ),
    ).toEqual([false, false, false, false, true, true, false]);
  });

  test('an object that was broken before its end may go on in any stream, once', () => {
    const broken = `{"log":"${'a'.repeat(20_000)}`;
    const object = '{"log":"mx dovecot: words\\n","stream":"stderr","time":"2026-11-30T10:00:00Z"}';
    expect(rests(['1', broken], ['1', object], ['1', object])).toEqual([false, true, false]);
  });

  test('so many processes are remembered, and the oldest is forgotten', () => {
    const remembered = (processes: number) => {
      const pids = Array.from({ length: processes }, (_, n) => String(n + 1));
      const begun = pids.map((pid) => [pid, `${DATE} stdout P a`] as const);
      const [first] = rests(...begun, ['1', `${DATE} stdout F b`]).slice(-1);
      return first;
    };
    expect(remembered(BROKEN_OUTPUTS_MAX)).toBe(true);
    expect(remembered(BROKEN_OUTPUTS_MAX + 1)).toBe(false);
  });
});

test("in a journal so many entries are looked back for the part before a runtime's line", () => {
  const lookBack = (others: number) => {
    const before = [
      ...Array.from({ length: others }, () => `${DATE} stderr F another stream`),
      `${DATE} stdout P mx dovecot: aaa`,
    ];
    let at = -1;
    const text = () => before[at] ?? '';
    const handle = {
      process() {},
      setMatches() {},
      seekTail() {},
      seekCursor: () => true,
      next: () => true,
      testCursor: () => true,
      previous: () => ++at < before.length,
      readData: () => READ.found,
      data: { head: text, tail: () => undefined },
    } as unknown as JournalHandle;
    return new BrokenLines(() => handle).isRest({
      cursor: cursor('c'),
      fields: new Map([['_PID', '7']]),
      messages: [{ head: `${DATE} stdout F mx dovecot: words` }],
    });
  };
  expect(lookBack(0)).toBe(true);
  expect(lookBack(RUNTIME_LOOK_BACK_MAX - 1)).toBe(true);
  expect(lookBack(RUNTIME_LOOK_BACK_MAX)).toBe(false);
});
