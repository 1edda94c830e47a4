/**
 * The documents that the packages bring: README.md, docs/, examples/ as they stand in the project;
 * and the licences of all that they bring of others.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deadLinks, documentsBelow } from '../support/links.js';

const { copyDocuments } = (await import(resolve('scripts/lib/package/documents.mjs'))) as {
  copyDocuments(target: string, without?: (path: string) => boolean): void;
};

describe('the documents of a package', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'banjour-documents-'));
    copyDocuments(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('are those of the project, each at its place', () => {
    const brought = documentsBelow(folder);
    for (const name of ['README.md', 'docs/README.md', 'docs/config.md'])
      expect([name, brought.includes(name)]).toEqual([name, true]);
    for (const name of brought)
      expect([name, readFileSync(join(folder, name), 'utf8')]).toEqual([
        name,
        readFileSync(name, 'utf8'),
      ]);
  });

  test('link to nothing that the package does not bring', () => {
    expect(deadLinks(folder)).toEqual([]);
  });
});

test('every package brings them by the same list', () => {
  for (const file of ['tree', 'archive', 'tarball'])
    expect(readFileSync(`scripts/lib/package/${file}.mjs`, 'utf8')).toContain('copyDocuments(');
});

test('every work that the packages bring has a licence that asks only to be named', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/licences.mjs'], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout.match(/^.*not known to be permissive$/m)?.[0]).toBeUndefined();
  expect(stdout).toMatch(/^better-sqlite3 +\S+ +MIT$/m);
  expect(status).toBe(0);
});
