/**
 * The documents of the project: every link leads somewhere, and every document can be reached from
 * the README.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { documentsBelow, linksOf } from '../support/links.js';

const documents = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...['docs', 'examples'].flatMap((folder) =>
    documentsBelow(folder).map((name) => join(folder, name)),
  ),
];

test.each(documents)('%s links to what exists', (document) => {
  expect(linksOf(document).filter((target) => !existsSync(target))).toEqual([]);
});

test('every document of docs/ is in docs/README.md, and every other in the README or one click further', () => {
  const index = new Set(linksOf('docs/README.md'));
  const beside = documents.filter((name) => dirname(name) === 'docs' && name !== 'docs/README.md');
  expect(beside.filter((name) => !index.has(name))).toEqual([]);
  const first = new Set(linksOf('README.md'));
  expect(first.has('docs/README.md')).toBe(true);
  const top = documents.filter((name) => dirname(name) === '.' && name !== 'README.md');
  expect(top.filter((name) => !first.has(name) && !index.has(name))).toEqual([]);
});

test('every picture of docs/pictures is shown somewhere', () => {
  const shown = new Set(documents.flatMap((document) => linksOf(document)));
  const pictures = readdirSync('docs/pictures').map((name) => join('docs/pictures', name));
  expect(pictures.filter((name) => !shown.has(name))).toEqual([]);
});
