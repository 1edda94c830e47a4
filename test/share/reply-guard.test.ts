/** What a server says, in every way to cut it into pieces; and what it may not say. */
import { describe, expect, test } from '@jest/globals';
import {
  SHARE_REPLY_BYTES_MAX,
  SHARE_REPLY_DEPTH_MAX,
  SHARE_REPLY_VALUES_MAX,
} from '../../src/core/service-limits.js';
import { ReplyGuard, TooLargeError } from '../../src/share/reply-guard.js';

const lines = (...all: readonly string[]) => Buffer.from(all.map((line) => `${line}\r\n`).join(''));

/** What is passed on of it when it comes in pieces of this size, piece by piece. */
function passed(bytes: Buffer, size = Math.max(1, bytes.length)): string[] {
  const guard = new ReplyGuard();
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const whole = guard.take(bytes.subarray(at, at + size));
    if (whole.length > 0) found.push(whole.toString('latin1'));
  }
  return found;
}

describe('answers', () => {
  const whole = [
    ...[['+OK'], ['-ERR no'], [':-12'], ['$5', 'a\r\nbc'], ['$0', ''], ['$-1'], ['*-1'], ['*0']],
    ...[['*2', '*1', '$6', 'zwölf', '*3', ':3', '-ERR in it', '*0'], ['+last']],
  ].map((answer) => lines(...answer));
  const all = Buffer.concat(whole);

  test('that come byte by byte are passed on one by one, each when it is whole', () => {
    expect(passed(all, 1)).toEqual(whole.map((answer) => answer.toString('latin1')));
  });

  test.each([2, 3, 7, 1_000])('in pieces of %i bytes are passed on as they came', (size) => {
    expect(passed(all, size).join('')).toBe(all.toString('latin1'));
  });

  test('of which half is missing are not passed on', () => {
    for (const end of [1, 3, 8, 20, 33])
      expect(passed(lines('+OK', '*2', '$3', 'abc', '$20', 'x').subarray(0, end))).toEqual(
        end < 5 ? [] : ['+OK\r\n'],
      );
  });

  test('that are none end the connection at their first byte, or when the line is there', () => {
    const wrong = ['%1', 'HTTP/1.1 400 Bad Request', ':x', '$-2', '*-5', '$1e3', '', '+a\rb', '*'];
    for (const line of wrong) expect(() => passed(lines(line))).toThrow('no RESP');
    for (const text of ['$2\r\nabcd', '+OK\n', 'H', '$3\n'])
      expect(() => passed(Buffer.from(text))).toThrow('no RESP');
    expect(() => passed(Buffer.from([0x15, 3, 1]))).toThrow('TLS');
  });

  test('behind a lone CR are no header for the decoder', () => {
    expect(() => passed(Buffer.from('+a\rX*33554431\r\n'))).toThrow('no RESP');
  });
});

describe('as large as it may be an answer is passed on, and no larger', () => {
  test('in bytes', () => {
    // The first line counts, and the end of the text.
    const text = 'x'.repeat(SHARE_REPLY_BYTES_MAX - '$2097141\r\n\r\n'.length);
    const most = lines(`$${text.length}`, text);
    expect(passed(most, 65_536)).toEqual([most.toString('latin1')]);
    expect(() => passed(lines(`$${text.length + 1}`, `${text}x`), 65_536)).toThrow(TooLargeError);
    expect(() => passed(lines(`+${'x'.repeat(SHARE_REPLY_BYTES_MAX)}`), 65_536)).toThrow(
      TooLargeError,
    );
    const many = Buffer.from('+a\r\n'.repeat(SHARE_REPLY_BYTES_MAX / 2));
    expect(passed(many, 65_536).join('').length).toBe(many.length);
  });

  test('in values, however they are nested', () => {
    const refusals = (count: number) => [`*${count}`, ...Array<string>(count).fill('-')];
    expect(passed(lines(...refusals(SHARE_REPLY_VALUES_MAX)), 65_536).length).toBe(1);
    const half = SHARE_REPLY_VALUES_MAX / 2;
    expect(passed(lines('*2', ...refusals(half - 1), ...refusals(half - 1))).length).toBe(1);
    const more = lines('*2', ...refusals(half - 1), ...refusals(half));
    expect(() => passed(more)).toThrow(TooLargeError);
    // Each answer has a count of its own.
    expect(passed(lines(...refusals(half), ...refusals(half + 1)), 65_536).length).toBe(2);
  });

  test('in depth', () => {
    const nested = (depth: number) => lines(...Array<string>(depth).fill('*1'), ':1');
    expect(passed(nested(SHARE_REPLY_DEPTH_MAX)).length).toBe(1);
    expect(() => passed(nested(SHARE_REPLY_DEPTH_MAX + 1))).toThrow(TooLargeError);
  });

  test('as it announces, before the first byte of that is there', () => {
    for (const header of [`*${2 ** 25}`, `$${2 ** 30}`, `*${'9'.repeat(20)}`, `$${'9'.repeat(20)}`])
      expect(() => passed(lines(header))).toThrow(TooLargeError);
  });
});

test('an answer that comes byte by byte costs no more than its length', () => {
  const slow = lines(`$${SHARE_REPLY_BYTES_MAX - 20}`, 'x'.repeat(SHARE_REPLY_BYTES_MAX - 20));
  const began = performance.now();
  expect(passed(slow, 1).length).toBe(1);
  const line = lines(`+${'x'.repeat(SHARE_REPLY_BYTES_MAX - 20)}`);
  expect(passed(line, 1).length).toBe(1);
  expect(performance.now() - began).toBeLessThan(20_000);
});
