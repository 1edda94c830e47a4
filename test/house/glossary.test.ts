/** docs/glossary.md names types that are there, and no word twice. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const rows = [
  ...readFileSync('docs/glossary.md', 'utf8').matchAll(/^\| ([^|]+) \| [^|]+ \| `(\w+)` \|$/gm),
].map(([, word = '', type = '']) => ({ word, type }));

/** The exported types of src and native: name -> files. */
const types = new Map<string, string[]>();
for (const folder of ['src', 'native'])
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.endsWith('.d.ts')) continue;
    const path = join(folder, name);
    for (const [, type = ''] of readFileSync(path, 'utf8').matchAll(
      /^export (?:abstract )?(?:class|interface|type) (\w+)/gm,
    ))
      types.set(type, [...(types.get(type) ?? []), path]);
  }

test('every row names a type that is exported once', () => {
  expect(rows.length).toBeGreaterThan(30);
  const wrong = rows.filter(({ type }) => types.get(type)?.length !== 1);
  expect(wrong).toEqual([]);
});

test('no word stands twice', () => {
  const words = rows.flatMap(({ word }) => word.split(', '));
  expect(words.filter((word, index) => words.indexOf(word) !== index)).toEqual([]);
});
