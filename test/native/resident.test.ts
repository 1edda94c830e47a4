import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { JournalHandle } from '../../native/journal.js';
import { releaseJournalPages, trimHeap } from '../../native/libc.js';
import { canWrite, numbered, Scratch, writeJournal } from '../support/journal-files.js';
import { needs } from '../support/require.js';

const test = needs(...canWrite);

/** Resident pages of this process that belong to the file, KiB (proc_pid_smaps(5)). */
function resident(path: string): number {
  const areas = readFileSync('/proc/self/smaps', 'utf8').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
  return areas
    .filter((area) => area.split('\n')[0]?.endsWith(path))
    .reduce((sum, area) => sum + Number(/^Rss:\s+(\d+)/m.exec(area)?.[1] ?? 0), 0);
}

test('pages of journal files that were read are given back, and the entries can still be read', () => {
  using scratch = new Scratch();
  const path = scratch.file('system.journal');
  writeJournal(path, numbered(2_000));
  const handle = JournalHandle.openDirectory(scratch.path);
  try {
    const count = () => {
      handle.seekHead();
      let entries = 0;
      while (handle.next()) entries++;
      return entries;
    };
    expect(count()).toBe(2_000);
    const before = resident(path);
    releaseJournalPages();
    trimHeap();
    expect(before).toBeGreaterThan(100);
    expect(resident(path)).toBeLessThan(before / 2);
    expect(count()).toBe(2_000);
  } finally {
    handle.close();
  }
});
