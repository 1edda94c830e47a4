import { describe, expect, test } from '@jest/globals';
import { isAtOrBefore, notBehind } from '../../src/agent/source-clocks.js';
import { cursor } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { PositionList, parseTextCursor, textCursor } from '../../src/journal/position.js';

const file = 'tag.1.18446744073709551615';
const text = (offset: number, generation = 0, name = file, time = offset) => ({
  cursor: textCursor({ file: name, generation, offset, proof: 'abc' }),
  time: epochMicros(time),
});
const host = (numbering: string, number: number, time: number) => ({
  cursor: cursor(
    `s=${numbering.repeat(32)};i=${number.toString(16)};b=${'b'.repeat(32)};m=1;t=${time};x=1`,
  ),
  time: epochMicros(time),
});
const many = (
  ...positions: readonly {
    cursor: ReturnType<typeof cursor>;
    time: ReturnType<typeof epochMicros>;
  }[]
) => {
  const places = new PositionList();
  for (const position of positions) places.set(position);
  const position = places.position();
  if (position === undefined) throw new Error('no places');
  return position;
};

describe('places in text files', () => {
  test('are ordered by offset, and after a truncation by generation', () => {
    expect(isAtOrBefore(text(10), text(10))).toBe(true);
    expect(isAtOrBefore(text(11, 0, file, 1), text(10))).toBe(false);
    expect(isAtOrBefore(text(5, 1), text(10, 0))).toBe(false);
    expect(isAtOrBefore(text(50, 0), text(5, 1))).toBe(true);
  });

  test('survive as text, with inodes of 64 bits', () => {
    expect(parseTextCursor(text(7, 3).cursor)).toEqual({
      file,
      generation: 3,
      offset: 7,
      proof: 'abc',
    });
    expect(parseTextCursor(cursor('text:1:2:3'))).toBeUndefined();
  });
});

describe('the position of several streams', () => {
  const mark = many(host('a', 10, 500), host('b', 3, 900), text(100));

  test('knows each stream by itself, whatever the times say', () => {
    expect(mark.time).toBe(900);
    expect(isAtOrBefore(host('a', 10, 999), mark)).toBe(true);
    expect(isAtOrBefore(host('a', 11, 1), mark)).toBe(false);
    expect(isAtOrBefore(host('b', 3, 1), mark)).toBe(true);
    expect(isAtOrBefore(text(101, 0, file, 1), mark)).toBe(false);
  });

  test('does not know a stream that was not there', () => {
    expect(isAtOrBefore(host('c', 1, 1), mark)).toBe(false);
    expect(isAtOrBefore(text(1, 0, 'tag.1.2', 1), mark)).toBe(false);
  });

  test('lies before another when each of its streams does', () => {
    expect(isAtOrBefore(many(host('a', 9, 1), host('b', 3, 1)), mark)).toBe(true);
    expect(isAtOrBefore(many(host('a', 9, 1), host('b', 4, 1)), mark)).toBe(false);
  });

  test('goes back in no stream when some are still behind the mark', () => {
    const joined = notBehind(many(host('a', 9, 400), host('b', 4, 950)), mark);
    expect(joined).toEqual(many(host('a', 10, 500), host('b', 4, 950)));
  });

  test('is the plain cursor where there is one stream', () => {
    expect(notBehind(host('a', 1, 1), host('a', 2, 2))).toEqual(host('a', 1, 1));
  });
});
