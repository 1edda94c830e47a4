/**
 * The documents of the project: every link leads somewhere, and every document can be reached from
 * the README.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from '@jest/globals';

const documents = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** The files and folders that a document links to; pictures too, addresses of the web not. */
function linksOf(document: string): string[] {
  const text = readFileSync(document, 'utf8').replace(/```.*?```|`[^`\n]*`/gs, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^(?:[a-z]+:|#)/.test(target))
    .map((target) => normalize(join(dirname(document), target.replace(/#.*$/, ''))));
}

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
  const shown = new Set(documents.flatMap(linksOf));
  const pictures = readdirSync('docs/pictures').map((name) => join('docs/pictures', name));
  expect(pictures.filter((name) => !shown.has(name))).toEqual([]);
});
