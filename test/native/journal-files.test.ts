import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { journalStamp, storedFiles } from '../../native/journal-files.js';

describe('the stamp of journal files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'banjour-files-'));
    writeFileSync(join(folder, 'a.journal'), 'x');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('is another one when a file was touched, came or went, also in the folder of a machine', () => {
    const seen = [journalStamp([folder])];
    const note = () => seen.push(journalStamp([folder]));
    utimesSync(join(folder, 'a.journal'), new Date(), new Date(Date.now() + 5_000));
    note();
    writeFileSync(join(folder, 'b.journal~'), 'y');
    note();
    const machine = join(folder, '2'.repeat(32));
    mkdirSync(machine);
    writeFileSync(join(machine, 'system.journal'), 'z');
    note();
    rmSync(join(folder, 'a.journal'));
    note();
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('stays as it is while nothing happens, or something to other files', () => {
    const before = journalStamp([folder]);
    writeFileSync(join(folder, 'notes.txt'), 'x');
    expect(journalStamp([folder, '/nonexistent'])).toBe(before);
  });
});

test('what journal files take on the disk is summed, with those of machines, and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-files-'));
  const machine = join(folder, '2'.repeat(32));
  mkdirSync(machine);
  const paths = [join(folder, 'a.journal'), join(machine, 'system@1.journal~')];
  for (const path of [...paths, join(folder, 'notes.txt')]) writeFileSync(path, 'x'.repeat(9_000));
  const bytes = paths.reduce((sum, path) => sum + 512 * statSync(path).blocks, 0);
  // Whoever may write in a container's directory may leave anything there.
  symlinkSync('x.journal', join(folder, 'x.journal'));
  expect(storedFiles([folder, '/nonexistent'])).toEqual({
    bytes,
    directories: [folder, machine, '/nonexistent'],
  });
  rmSync(folder, { recursive: true });
});
