import { expect, test } from '@jest/globals';
import { cut, formatTable, padded } from '../../src/tools/columns.js';

test('tables give up what they can spare first', () => {
  const columns = [
    { title: 'A' },
    { title: 'B', shrink: true },
    { title: 'C', optional: true },
    { title: 'D', optional: true },
  ];
  const rows = [['a'.repeat(10), 'b'.repeat(20), 'c'.repeat(10), 'd'.repeat(10)]];
  const widths = (width: number) =>
    (formatTable(columns, rows, width).split('\n')[1] ?? '').split('  ').map((cell) => cell.length);
  expect(widths(56)).toEqual([10, 20, 10, 10]);
  expect(widths(55)).toEqual([10, 19, 10, 10]);
  expect(widths(44)).toEqual([10, 8, 10, 10]);
  expect(widths(43)).toEqual([10, 19, 10]);
  expect(widths(31)).toEqual([10, 19]);
  expect(widths(20)).toEqual([10, 8]);
  expect(widths(18)).toEqual([8, 8]);
});

test('without an end of the width nothing is cut or left out', () => {
  const columns = [
    { title: 'A', widest: 3 },
    { title: 'B', shrink: true, optional: true },
  ];
  const row = ['a'.repeat(500), 'b'.repeat(500)];
  const table = formatTable(columns, [row], Number.POSITIVE_INFINITY);
  expect(table.split('\n')[1]).toBe(row.join('  '));
  expect(formatTable(columns, [row], 2000).split('\n')[1]).toBe(`aa…  ${'b'.repeat(500)}`);
});

test.each([
  ['wide characters', '日本語'],
  ['a mark that combines', 'e\u0301e\u0301'],
  ['an emoji of several', '👩‍👩‍👧'],
  ['half of a wide one', '漢'],
])('%s: the next column begins where the terminal has it', (_, text) => {
  const [, first = '', second = ''] = formatTable(
    [{ title: 'Name' }, { title: 'N' }],
    [
      [text, '1'],
      ['abcdefg', '2'],
    ],
    80,
  ).split('\n');
  const width = { 日本語: 6, 'e\u0301e\u0301': 2, '👩‍👩‍👧': 2, 漢: 2 }[text] ?? 0;
  expect(first).toBe(`${text}${' '.repeat(7 - width)}  1`);
  expect(second).toBe('abcdefg  2');
});

test('what is cut keeps whole characters and fits', () => {
  expect(cut('日本語', 6)).toBe('日本語');
  expect(cut('日本語', 5)).toBe('日本…');
  expect(cut('日本語', 4)).toBe('日…');
  expect(cut('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301…');
  expect(padded('日', 4, 'right')).toBe('  日');
});

test('a table takes as many rows as there are', () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => [String(index)]);
  expect(formatTable([{ title: 'A' }], rows, 80).split('\n')).toHaveLength(200_002);
});
