/**
 * What this process holds of the machine's memory without needing it. Two kinds: blocks that were freed and that the C
 * library keeps, and pages of journal files that libsystemd has mapped and read long ago. Neither is lost by giving it
 * back: the one is asked for anew, the other is read again, mostly from the page cache.
 */
import { readFileSync } from 'node:fs';
import koffi from 'koffi';

const MADV_DONTNEED = 4;

type Libc = ReturnType<typeof load>;
let libc: Libc | undefined;

function load() {
  const library = koffi.load('libc.so.6');
  return {
    malloc_trim: library.func('int malloc_trim(size_t pad)'),
    madvise: library.func('int madvise(size_t address, size_t length, int advice)'),
  };
}

/** Returns freed memory to the system (malloc_trim(3)). */
export function trimHeap(): void {
  libc ??= load();
  libc.malloc_trim(0);
}

/** A mapping of a journal file that is only read: `7f1c-7f1d r--s 0001000 fd:00 77 /var/log/journal/x/system.journal`. */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) r--s .*\.journal~?$/gm;

/**
 * Takes the pages of mapped journal files out of this process (madvise(2), MADV_DONTNEED: a shared mapping of a file is
 * filled from the file at the next access). Costs about a millisecond. Does nothing where the mappings cannot be read.
 */
export function releaseJournalPages(): void {
  libc ??= load();
  let maps: string;
  try {
    maps = readFileSync('/proc/self/maps', 'latin1');
  } catch {
    return;
  }
  for (const [, from = '', to = ''] of maps.matchAll(MAPPING)) {
    const start = Number.parseInt(from, 16);
    libc.madvise(start, Number.parseInt(to, 16) - start, MADV_DONTNEED);
  }
}
