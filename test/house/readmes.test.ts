/**
 * Every folder of src and native says in one line what each of its files is for, and every file
 * says it again in the comment that it begins with.
 */
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

describe('every file', () => {
  const sources = [...folders('src'), 'src', ...folders('native')].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => join(folder, name)),
  );

  test('begins with a comment that says what it is for', () => {
    const begins = /^(?:#!.*\n)?\/\*\*(?:\n \*)? [^\s*@]/;
    expect(sources.filter((path) => !begins.test(readFileSync(path, 'utf8')))).toEqual([]);
  });

  test('speaks of all of itself there: no other comment stands between its parts as a head', () => {
    const heads = sources.filter((path) => /^\/\*(?!\*)/m.test(readFileSync(path, 'utf8')));
    expect(heads).toEqual([]);
  });
});

test('files that comments name are there', () => {
  const names = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  const sources = [...names('src'), ...names('native'), ...names('test')].filter((name) =>
    /\.tsx?$/.test(name),
  );
  const missing = sources.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^\s*(?:\*|\/\*\*|\/\/).*?`([\w./-]+\.ts)`/gm)]
      .map(([, name = '']) => name)
      .filter((name) => !sources.some((one) => one === name || one.endsWith(`/${name}`)))
      .map((name) => `${path}: ${name}`),
  );
  expect(missing).toEqual([]);
});
