import { describe, expect, test } from '@jest/globals';
import { SlotList } from '../../src/filter/search.js';
import { compiled } from '../support/filters.js';

const FAILREGEX = [
  '^Failed password from <HOST>',
  '^[Ff]ailed login from <HOST>',
  'refused from <HOST>',
  '^ +indented <HOST>',
  '^é <HOST>',
];

describe('the regexes of a filter by first character', () => {
  const list = new SlotList(compiled({ failregex: FAILREGEX }).slots);
  const tried = (text: string) => list.for(text).map(({ index }) => index);

  test('a line is tried against those that can begin with its first character, in their order', () => {
    expect(tried('Failed password from 192.0.2.1')).toEqual([0, 1, 2]);
    expect(tried('failed login from 192.0.2.1')).toEqual([1, 2]);
    expect(tried(' indented 192.0.2.1')).toEqual([2, 3]);
    expect(tried('x')).toEqual([2]);
  });

  test('a line that begins outside ASCII, or is empty, is tried against all', () => {
    expect(tried('é 192.0.2.1')).toEqual([0, 1, 2, 3, 4]);
    expect(tried('')).toEqual([0, 1, 2, 3, 4]);
  });
});
