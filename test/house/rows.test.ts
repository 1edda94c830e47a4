/** Which rows of `npm run versions` a command line means. */
import { resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const { rowsOf, rowsMeant } = (await import(resolve('scripts/lib/rows.mjs'))) as {
  rowsOf(pinned: { packaged: string; versions: object }): string[];
  rowsMeant(rows: readonly string[], words: readonly string[]): string[];
};

const ROWS = ['20.19.0-x64', '22.23.5-x64', '24.22.3-x64', '24.22.3-arm64', '26.12.1-x64'];

test('each pinned Node is a row, and the packed one also on arm64', () => {
  const digests = { x64: 'a', arm64: 'b' };
  const names = ['20.19.0', '22.23.5', '24.22.3', '26.12.1'];
  const versions = Object.fromEntries(names.map((name) => [name, digests]));
  expect(rowsOf({ packaged: '24.22.3', versions })).toEqual(ROWS);
});

describe('the rows that are meant', () => {
  test.each([
    [[], ROWS],
    [['20'], ['20.19.0-x64']],
    [
      ['20', '24-arm64'],
      ['20.19.0-x64', '24.22.3-arm64'],
    ],
    [
      ['24-arm64', '20'],
      ['20.19.0-x64', '24.22.3-arm64'],
    ],
    [['24'], ['24.22.3-x64', '24.22.3-arm64']],
    [
      ['24', '24.22-arm64', '24.22.3'],
      ['24.22.3-x64', '24.22.3-arm64'],
    ],
    [['24.22.3-x64'], ['24.22.3-x64']],
    [['arm64'], ['24.22.3-arm64']],
    [['x64', 'arm64'], ROWS],
  ])('%j', (words, rows) => expect(rowsMeant(ROWS, words)).toEqual(rows));

  test.each([
    '2',
    '24.2',
    '20-arm64',
    '18',
    '24-',
    '-arm64',
    'riscv64',
    '24-arm',
    '',
    '24 ',
    'v24',
  ])('"%s" means none, which is said', (word) =>
    expect(() => rowsMeant(ROWS, ['20', word])).toThrow(
      `"${word}" means none of ${ROWS.join(', ')}`,
    ),
  );
});
