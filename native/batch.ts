/** The C batch reader (`native/batch/`): what `PlainReader` does, in one call for many entries. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import { messageOf, OperatingError } from '../src/core/errors.js';
import { BATCH_ENTRIES_MAX } from '../src/core/limits.js';
import { type AheadFunctions, AheadReader } from './ahead.js';
import { type Place, wishesOf } from './batch-bytes.js';
import { callFailed } from './errors.js';
import type { JournalHandle } from './journal.js';
import { StableMemory } from './memory.js';
import type { Ahead, Awaited, RawBatch, Reader, Wanted } from './reader.js';
import { batchOf, COUNTS_BYTES } from './records.js';

/** `BANJOUR_BATCH_VERSION` of batch.h. */
const VERSION = 6;
/** Bytes for records beyond the room that the largest needs; a batch of ordinary entries takes a tenth of it. */
const BUFFER_BYTES = 512 * 1024;

/** No descriptor, for poll(2). */
const NONE = -1;

/** What `banjour_wait` returns. */
const AWAITED = ['nothing', 'entry', 'invalidate'] as const;

interface Functions {
  readonly make: (wishes: Buffer, length: number) => bigint | null;
  readonly free: (reader: bigint) => undefined;
  readonly recordMax: (reader: bigint) => number | bigint;
  readonly read: (
    reader: bigint,
    journal: bigint,
    max: number,
    fromCurrent: number,
    buffer: bigint,
    size: number,
    counts: bigint,
  ) => number;
  readonly wait: (journal: bigint, orders: number, interval: number, most: number) => number;
  /** A call of libsystemd under the guard against its abort at a damaged file (native/batch/guard.c). */
  readonly guarded: (name: string, result: string, args: string[]) => unknown;
  readonly ahead: AheadFunctions;
}

/** Where `native/build.mjs` puts it, from the built JavaScript or from the sources. */
function libraryPath(): string | undefined {
  const here = dirname(fileURLToPath(import.meta.url));
  return [join(here, '..', '..', 'build'), join(here, '..', 'build')]
    .map((folder) => join(folder, 'banjour-batch.so'))
    .find((path) => existsSync(path));
}

let loaded: { readonly functions?: Functions; readonly why: string } | undefined;

/** Whether the batch reader serves, and if not, why. */
export function batchReader(): { readonly functions?: Functions; readonly why: string } {
  loaded ??= load(libraryPath());
  return loaded;
}

/** Loads the library; only tests name another than the installed one. */
export function load(path: string | undefined): { readonly functions?: Functions; readonly why: string } {
  if (path === undefined) return { why: 'it was not compiled' };
  try {
    const library = koffi.load(path);
    const version = library.func('banjour_batch_version', 'int', [])() as number;
    if (version !== VERSION) return { why: `${path} is of version ${version}, not ${VERSION}` };
    const P = 'void *';
    return {
      why: path,
      functions: {
        make: library.func('banjour_reader_new', P, [P, 'size_t']),
        free: library.func('banjour_reader_free', 'void', [P]),
        recordMax: library.func('banjour_record_max', 'size_t', [P]),
        read: library.func('banjour_read', 'int', [P, P, 'uint32_t', 'uint32_t', P, 'size_t', P]),
        wait: library.func('banjour_wait', 'int', [P, 'int', 'uint32_t', 'uint32_t']),
        guarded: (name, result, args) => library.func(`banjour_${name.slice('sd_journal_'.length)}`, result, args),
        ahead: {
          make: library.func('banjour_ahead_new', P, [P, 'size_t', P, 'size_t', 'uint32_t', P, 'size_t']),
          take: library.func('banjour_ahead_take', 'int', [P, P]),
          free: library.func('banjour_ahead_free', 'void', [P]),
        },
      },
    };
  } catch (error) {
    return { why: messageOf(error) };
  }
}

export class BatchReader implements Reader {
  readonly #functions: Functions;
  readonly #wanted: Wanted;
  readonly #names: readonly string[];
  #reader: bigint | undefined;
  readonly #buffer: StableMemory;
  readonly #counts = new StableMemory(COUNTS_BYTES);

  constructor(functions: Functions, wanted: Wanted) {
    this.#functions = functions;
    this.#wanted = wanted;
    this.#names = [...wanted.fields];
    const wishes = wishesOf(wanted);
    const reader = functions.make(wishes, wishes.length);
    if (reader === null) throw new Error('bug: the batch reader refuses what is wanted');
    this.#reader = reader;
    this.#buffer = new StableMemory(Number(functions.recordMax(reader)) + BUFFER_BYTES);
  }

  read(handle: JournalHandle, max: number, fromCurrent: boolean): RawBatch {
    if (this.#reader === undefined) throw new OperatingError('ERR_JOURNAL_CLOSED', 'the reader is closed');
    const { address, bytes } = this.#buffer;
    const result = this.#functions.read(
      this.#reader,
      handle.pointer,
      max,
      fromCurrent ? 1 : 0,
      address,
      bytes.length,
      this.#counts.address,
    );
    if (result < 0) throw callFailed('banjour_read', result);
    return batchOf(this.#counts.bytes, bytes, 0, this.#names);
  }

  ahead(place: Place): Ahead {
    return new AheadReader(this.#functions.ahead, this.#wanted, place, BATCH_ENTRIES_MAX, this.#buffer.bytes.length);
  }

  wait(handle: JournalHandle, interval: number, most: number, orders = NONE): Awaited {
    const result = this.#functions.wait(handle.pointer, orders, interval * 1_000, most * 1_000);
    if (result < 0) throw callFailed('banjour_wait', result);
    return AWAITED[result] ?? 'nothing';
  }

  close(): void {
    if (this.#reader === undefined) return;
    this.#functions.free(this.#reader);
    this.#reader = undefined;
    this.#buffer.free();
    this.#counts.free();
  }
}
