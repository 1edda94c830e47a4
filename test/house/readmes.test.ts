/** Every folder of src and native says in one line what each of its files is for. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

/** Folders that hold files of ours, and all above them but `src` itself. */
function folders(folder: string): string[] {
  const inside = readdirSync(folder, { withFileTypes: true })
    .filter((one) => one.isDirectory())
    .flatMap((one) => folders(join(folder, one.name)));
  return folder === 'src' ? inside : [folder, ...inside];
}

describe.each([...folders('src'), ...folders('native')])('%s/README.md', (folder) => {
  const path = join(folder, 'README.md');

  test('is there', () => expect(existsSync(path)).toBe(true));

  test('has a line for each file and folder, and for nothing else', () => {
    const said = [...readFileSync(path, 'utf8').matchAll(/^- \[`([^`]+)`\]\(([^)]+)\) \S/gm)];
    for (const [, name, link] of said) expect(link).toBe(name);
    const here = readdirSync(folder, { withFileTypes: true })
      .map((one) => (one.isDirectory() ? `${one.name}/` : one.name))
      .filter((name) => name !== 'README.md');
    expect(said.map(([, name]) => name).sort()).toEqual(here.sort());
  });
});

test('files that comments name are there', () => {
  const names = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  const sources = [...names('src'), ...names('native'), ...names('test')].filter((name) =>
    name.endsWith('.ts'),
  );
  const missing = sources.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^\s*(?:\*|\/\*\*|\/\/).*?`([\w./-]+\.ts)`/gm)]
      .map(([, name = '']) => name)
      .filter((name) => !sources.some((one) => one === name || one.endsWith(`/${name}`)))
      .map((name) => `${path}: ${name}`),
  );
  expect(missing).toEqual([]);
});
