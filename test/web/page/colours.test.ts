import { describe, expect, test } from '@jest/globals';
import type { LiveMinute } from '../../../src/web/api.js';
import { coloursOf } from '../../../src/web/page/colours.js';

const minute = (counts: Readonly<Record<string, readonly [number, number]>>): LiveMinute => ({
  time: '2026-01-01T12:00:00.000Z',
  jails: Object.fromEntries(
    Object.entries(counts).map(([jail, [attempts, bans]]) => [jail, { attempts, bans }]),
  ),
});

describe('the colours of jails', () => {
  test('follow one order for attempts and bans: the busiest first, then by name', () => {
    const minutes = [minute({ few: [1, 9], many: [20, 0], b: [1, 0], a: [1, 0], none: [0, 0] })];
    expect(coloursOf(minutes)).toEqual({
      named: ['many', 'few', 'a', 'b'],
      series: ['many', 'few', 'a', 'b'],
    });
  });

  test('stay with their jails whoever becomes the busiest', () => {
    const { named } = coloursOf([minute({ first: [9, 0], second: [1, 0] })]);
    const later = coloursOf([minute({ first: [9, 0], second: [99, 0], third: [50, 0] })], named);
    expect(later.named).toEqual(['first', 'second', 'third']);
  });

  test('of five at most; the sixth is one of the others, and takes the place of who went silent', () => {
    const five = { a: [6, 0], b: [5, 0], c: [4, 0], d: [3, 0], e: [2, 0] } as const;
    expect(coloursOf([minute(five)]).series).toEqual(['a', 'b', 'c', 'd', 'e']);
    const { named, series } = coloursOf([minute({ ...five, f: [1, 0] })]);
    expect([named.length, series]).toEqual([5, ['a', 'b', 'c', 'd', 'e', 'others']]);
    const { c: _, ...four } = five;
    expect(coloursOf([minute({ ...four, f: [1, 0] })], named).series).toEqual([
      'a',
      'b',
      'f',
      'd',
      'e',
    ]);
  });

  test('nothing has none', () => {
    expect(coloursOf([])).toEqual({ named: [], series: [] });
  });
});
