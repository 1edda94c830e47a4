import { describe, expect, test } from '@jest/globals';
import { ANY_SLOT, SLOT_MARKS, SlotList } from '../../src/filter/search.js';
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

describe('the regexes of a filter by the literals of the message', () => {
  const filter = compiled({
    failregex: ['^Failed password from <HOST>', '(?:Failed|refused) by <HOST>'],
    successregex: ['^Accepted from <HOST>'],
  });
  const [first, second, third] = filter.slots.map(({ mark }) => mark) as [number, number, number];

  test('those are marked of which a literal stands in it', () => {
    expect(filter.marksIn?.('Failed password from 192.0.2.1')).toBe(first);
    expect(filter.marksIn?.('was refused by 192.0.2.1')).toBe(second);
    expect(filter.marksIn?.('Accepted from 192.0.2.1, Failed by x')).toBe(second | third);
    expect(filter.marksIn?.('nothing of all that')).toBe(0);
  });

  test('the regexes beyond the bits of a mark share the last', () => {
    const many = compiled({
      failregex: Array.from({ length: SLOT_MARKS + 2 }, (_, i) => `^number ${i + 100} of <HOST>`),
    });
    const marks = many.slots.map(({ mark }) => mark);
    expect(new Set(marks).size).toBe(SLOT_MARKS);
    expect(marks.slice(-3)).toEqual([1 << 30, 1 << 30, 1 << 30]);
    expect(marks.reduce((all, mark) => all | mark)).toBe(ANY_SLOT);
    const text = `number ${100 + SLOT_MARKS + 1} of 192.0.2.1`;
    const match = many.match({ text }, { running: undefined }, many.marksIn?.(text) ?? 0);
    expect([match.result, match.slot?.index]).toEqual(['failure', SLOT_MARKS + 1]);
  });

  test('a regex without a literal is tried on every message', () => {
    const open = compiled({ failregex: ['^Failed password from <HOST>', '^<HOST>$'] });
    expect(open.marksIn).toBeUndefined();
  });
});
