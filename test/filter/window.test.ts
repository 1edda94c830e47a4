import { describe, expect, test } from '@jest/globals';
import { pushLine, splitByMatch, textOf } from '../../src/filter/search.js';

function split(lines: string[], regex: RegExp) {
  const text = textOf(lines);
  const match = regex.exec(text);
  if (match === null) throw new Error('no match');
  return splitByMatch(lines, text, {
    index: match.index,
    end: match.index + match[0].length,
    groups: { ...match.groups },
  });
}

describe('the window of a multi-line filter', () => {
  test('keeps the last lines only', () => {
    expect(pushLine(['a', 'b'], 'c', 3)).toEqual(['a', 'b', 'c']);
    expect(pushLine(['a', 'b', 'c'], 'd', 3)).toEqual(['b', 'c', 'd']);
  });

  test('loses the lines that a match touches and keeps the others', () => {
    expect(split(['one', 'two', 'three', 'four'], /two\nthree/)).toEqual({
      matched: ['two', 'three'],
      rest: ['one', 'four'],
    });
  });

  test('a match within one line takes that line whole', () => {
    expect(split(['one', 'two', 'three'], /w/)).toEqual({
      matched: ['two'],
      rest: ['one', 'three'],
    });
  });

  test('lines that <SKIPLINES> skipped stay', () => {
    const regex = /from\n(?<skiplines0>(?:.*\n)*?)denied/;
    expect(split(['a', 'from', 'other 1', 'other 2', 'denied', 'z'], regex)).toEqual({
      matched: ['from', 'denied'],
      rest: ['a', 'other 1', 'other 2', 'z'],
    });
  });

  test('a single line is used up as a whole', () => {
    expect(split(['only'], /n/)).toEqual({ matched: ['only'], rest: [] });
  });
});
