import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { INI_FILE_BYTES_MAX } from '../../src/core/limits.js';
import { diskTree } from '../../src/ini/tree.js';

const folder = mkdtempSync(join(tmpdir(), 'banjour-ini-'));
afterAll(() => rmSync(folder, { recursive: true }));
const put = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

describe('configuration files on disk', () => {
  test('are read as UTF-8', () => {
    expect(diskTree.read(put('a', 'x = ü'))).toEqual({ text: 'x = ü' });
  });

  test('may be as large as the bound', () => {
    expect(diskTree.read(put('full', Buffer.alloc(INI_FILE_BYTES_MAX, 'a')))).toHaveProperty(
      'text',
    );
    expect(diskTree.read(put('more', Buffer.alloc(INI_FILE_BYTES_MAX + 1, 'a')))).toHaveProperty(
      'problem',
    );
  });

  test('that are no UTF-8, no files or missing are told apart', () => {
    expect(diskTree.read(put('latin', Buffer.from([0xfc])))).toMatchObject({
      problem: 'is not UTF-8',
    });
    mkdirSync(join(folder, 'dir'));
    expect(diskTree.read(join(folder, 'dir'))).toMatchObject({ problem: 'is not a regular file' });
    expect(diskTree.read(join(folder, 'none'))).toBeUndefined();
    expect(diskTree.read(join(folder, 'a', 'none'))).toBeUndefined();
  });

  test('of a folder are listed in order, and of none if there is no such folder', () => {
    expect(diskTree.list(join(folder, 'none'))).toEqual([]);
    expect(diskTree.list(folder)).toContain('a');
  });
});
