/**
 * What is asked of the C library: memory that does not move, the end of the process, a thread's
 * clock, eventfd, and memory given back.
 */

import { closeSync, readFileSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { OperatingError } from '../src/core/errors.js';

/**
 * A block of memory outside of V8's heap with one address for life. Out-parameters of the hot path
 * live here: a call that writes to a fixed address needs no conversion and no allocation. It is all
 * zero at first (koffi asks calloc(3)), and what is never written to takes no memory.
 */
export class StableMemory {
  /** Where C finds the block. */
  readonly address: bigint;
  #bytes: Buffer;

  constructor(size: number) {
    this.address = koffi.alloc('uint8_t', size) as bigint;
    this.#bytes = Buffer.from(koffi.view(this.address, size));
  }

  /** The block's content; empty after `free`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** The block as 64-bit words. The caller drops them when it frees the block. */
  words(): BigUint64Array<ArrayBufferLike> {
    return new BigUint64Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length >> 3);
  }

  /** Gives the memory back; the second call does nothing. */
  free(): void {
    if (this.#bytes.length === 0) return;
    this.#bytes = Buffer.alloc(0);
    koffi.free(this.address);
  }
}

/**
 * A constant NUL-terminated text for C, never freed: for the few field names that are asked for
 * again and again.
 */
export function stableText(text: string): bigint {
  const bytes = Buffer.from(`${text}\0`, 'utf8');
  const address = koffi.alloc('uint8_t', bytes.length) as bigint;
  Buffer.from(koffi.view(address, bytes.length)).set(bytes);
  return address;
}

/**
 * Ends the process and all its threads at once (_exit(2)): no handler of Node or V8 runs, and none
 * can wait for another.
 */
export function endProcess(code: number): never {
  koffi.load('libc.so.6').func('void _exit(int status)')(code);
  throw new Error('bug: _exit(2) returned');
}

const CLOCK_THREAD_CPUTIME_ID = 3;

/**
 * A clock of the processor's time that the calling thread has had, ms (clock_gettime(2)): it stands
 * still while others have the processor. To be asked by the thread that made it.
 */
export function threadClock(): () => number {
  const gettime = koffi.load('libc.so.6').func('int clock_gettime(int clock, size_t time)');
  const time = new StableMemory(16);
  const words = time.words();
  return () => {
    gettime(CLOCK_THREAD_CPUTIME_ID, time.address);
    return Number(words[0]) * 1_000 + Number(words[1]) / 1_000_000;
  };
}

// A number in the kernel that one thread raises and another polls (eventfd(2)): it reaches a thread
// that is in a call of C, where no message of JavaScript does.

const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

/** What is added to the number: 1, in the byte order of the machine. */
const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

let make: ((value: number, flags: number) => number) | undefined;

export class EventDescriptor {
  #fd: number;

  /** Throws OperatingError `ERR_EVENTFD` when there are no descriptors left. */
  constructor() {
    make ??= koffi.load('libc.so.6').func('int eventfd(uint value, int flags)');
    this.#fd = make(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (this.#fd < 0)
      throw new OperatingError('ERR_EVENTFD', `eventfd failed with errno ${koffi.errno()}`);
  }

  /** The descriptor, for whoever polls it; -1 when it is closed. */
  get number(): number {
    return this.#fd;
  }

  /**
   * Makes it readable, until somebody reads it. Never blocks and never throws; nothing once it is
   * closed.
   */
  signal(): void {
    if (this.#fd < 0) return;
    try {
      writeSync(this.#fd, ONE);
    } catch {
      // EAGAIN: nobody has read for 2^64 times, so it is readable.
    }
  }

  /** To be called when nobody polls it any more: the number may then become another file's. */
  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

// What this process holds of the machine's memory without needing it. Two kinds: blocks that were
// freed and that the C library keeps, and pages of journal files that libsystemd has mapped and
// read long ago. Neither is lost by giving it back: the one is asked for anew, the other is read
// again, mostly from the page cache.

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

/**
 * Pages are released after so many entries, and so long after the last, ms: libsystemd keeps up to
 * 512 MiB mapped, and each page that was read counts as ours.
 */
const RELEASE_ENTRIES = 50_000;
const RELEASE_QUIET_MS = 1_000;

/** Releases the pages of journal files in time. */
export class JournalPages {
  #entries = 0;
  #readAt = 0;

  /** To be told of every read, also when there was nothing. */
  read(entries: number): void {
    const now = performance.now();
    this.#entries += entries;
    if (entries > 0) this.#readAt = now;
    if (
      this.#entries < RELEASE_ENTRIES &&
      (this.#entries === 0 || now - this.#readAt < RELEASE_QUIET_MS)
    )
      return;
    this.#entries = 0;
    releaseJournalPages();
  }
}

/**
 * A mapping of a journal file that is only read: `7f1c-7f1d r--s 0001000 fd:00 77
 * /var/log/journal/x/system.journal`.
 */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) r--s .*\.journal~?$/gm;

/**
 * Takes the pages of mapped journal files out of this process (madvise(2), MADV_DONTNEED: a shared
 * mapping of a file is filled from the file at the next access). Costs about a millisecond. Does
 * nothing where the mappings cannot be read.
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
