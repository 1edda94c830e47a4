/** What a server says, in every way to cut it into pieces; and what it may not say. */
import { describe, expect, test } from '@jest/globals';
import {
  SHARE_REPLY_BYTES_MAX,
  SHARE_REPLY_DEPTH_MAX,
  SHARE_REPLY_VALUES_MAX,
} from '../../src/core/service-limits.js';
import {
  encodeCommand,
  type Reply,
  ReplyError,
  ReplyReader,
  TooLargeError,
} from '../../src/share/resp.js';

const lines = (...all: readonly string[]) => Buffer.from(all.map((line) => `${line}\r\n`).join(''));

/** The answers that are found when it comes in pieces of this size. */
function read(bytes: Buffer, size = bytes.length): Reply[] {
  const found: Reply[] = [];
  const reader = new ReplyReader((reply) => found.push(reply));
  for (let at = 0; at < bytes.length; at += size) reader.take(bytes.subarray(at, at + size));
  return found;
}

describe('answers', () => {
  const all = lines(
    ...['+OK', '-ERR no', ':-12', '$5', 'a\r\nbc', '$0', '', '$-1', '*-1', '*0'],
    ...['*2', '*1', '$6', 'zwölf', '*2', ':3', '-ERR in it', '+last'],
  );
  const expected = [
    ...['OK', new ReplyError('ERR no'), -12, 'a\r\nbc', '', null, null, []],
    ...[[['zwölf'], [3, new ReplyError('ERR in it')]], 'last'],
  ];

  test.each([1, 2, 3, 7, 1_000])('are read from pieces of %i bytes', (size) => {
    expect(read(all, size)).toEqual(expected);
  });

  test('that are none end the reading', () => {
    for (const wrong of ['%1', 'HTTP/1.1 400 Bad Request', ':x', '$-2', '*-5', '$1e3', ''])
      expect(() => read(lines(wrong))).toThrow('no RESP');
    expect(() => read(Buffer.from('$2\r\nabcd'))).toThrow('no RESP');
    expect(() => read(Buffer.from('+OK\n'))).toThrow('no RESP');
  });

  test('as large as they may be are read, a byte more is not', () => {
    // The first line counts, and the end of the text.
    const text = 'x'.repeat(SHARE_REPLY_BYTES_MAX - '$2097141\r\n\r\n'.length);
    expect(read(lines(`$${text.length}`, text), 65_536)).toEqual([text]);
    expect(() => read(lines(`$${text.length + 1}`, `${text}x`), 65_536)).toThrow(TooLargeError);
    expect(() => read(lines(`+${'x'.repeat(SHARE_REPLY_BYTES_MAX)}`), 65_536)).toThrow(
      TooLargeError,
    );
    const small = lines(...Array.from({ length: 100_000 }, () => '+a'));
    expect(read(Buffer.concat([small, small, small, small, small]), 65_536).length).toBe(500_000);
  });

  test('are refused as soon as they announce too much, and take no room before', () => {
    for (const header of [`*${2 ** 25}`, `$${2 ** 30}`, `*${'9'.repeat(20)}`])
      expect(() => read(lines(header))).toThrow(TooLargeError);
    // What it announces and does not say is not there.
    const before = process.memoryUsage().heapUsed;
    read(lines(`*${SHARE_REPLY_VALUES_MAX}`));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8_000_000);
  });

  test('have as many values as they may, however they are nested, and no more', () => {
    const refusals = (count: number) => [`*${count}`, ...Array<string>(count).fill('-')];
    expect(read(lines(...refusals(SHARE_REPLY_VALUES_MAX))).length).toBe(1);
    const half = SHARE_REPLY_VALUES_MAX / 2;
    expect(read(lines('*2', ...refusals(half - 1), ...refusals(half - 1))).length).toBe(1);
    const more = lines('*2', ...refusals(half - 1), ...refusals(half));
    expect(() => read(more)).toThrow(TooLargeError);
    // Each answer has a count of its own.
    expect(read(lines(...refusals(half), ...refusals(half + 1))).length).toBe(2);
  });

  test('are nested as deep as they may be and no deeper', () => {
    const nested = (depth: number) => lines(...Array<string>(depth).fill('*1'), ':1');
    expect(JSON.stringify(read(nested(SHARE_REPLY_DEPTH_MAX)))).toBe('[[[[[[[[[1]]]]]]]]]');
    expect(() => read(nested(SHARE_REPLY_DEPTH_MAX + 1))).toThrow('deeper than');
  });
});

test('commands are sent with the lengths of their bytes', () => {
  expect(encodeCommand(['XADD', 'ä', ''])).toBe('*3\r\n$4\r\nXADD\r\n$2\r\nä\r\n$0\r\n\r\n');
});
