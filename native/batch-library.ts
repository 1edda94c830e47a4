/** The compiled part of the journal reader (`native/batch/`), loaded when it is there. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import { messageOf } from '../src/core/errors.js';

/** `BANJOUR_BATCH_VERSION` of batch.h. */
const VERSION = 8;

export interface Functions {
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
  /**
   * A call of libsystemd under the guard against its abort at a damaged file
   * (native/batch/guard.c).
   */
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

/** How to have it. */
export const BATCH_READER_FIX = 'apt install gcc libsystemd-dev && node native/build.mjs';

/** What goes without the batch reader, and why it is not there; undefined when it is. */
export function withoutBatchReader(): string | undefined {
  const { functions, why } = batchReader();
  return functions === undefined
    ? `a damaged journal file can end the agent, and the journal is read at two thirds of the speed: no batch reader, ${why}`
    : undefined;
}

/** Loads the library; only tests name another than the installed one. */
export function load(path: string | undefined): {
  readonly functions?: Functions;
  readonly why: string;
} {
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
        guarded: (name, result, args) =>
          library.func(`banjour_${name.slice('sd_journal_'.length)}`, result, args),
        ahead: {
          make: library.func('banjour_ahead_new', P, [
            P,
            'size_t',
            P,
            'size_t',
            'uint32_t',
            P,
            'size_t',
          ]),
          take: library.func('banjour_ahead_take', 'int', [P, P]),
          free: library.func('banjour_ahead_free', 'void', [P]),
        },
      },
    };
  } catch (error) {
    return { why: messageOf(error) };
  }
}

/** The functions of ahead.c. */
export interface AheadFunctions {
  readonly make: (
    wishes: Buffer,
    length: number,
    place: Buffer,
    placeLength: number,
    max: number,
    memory: bigint,
    size: number,
  ) => bigint | null;
  readonly take: (ahead: bigint, chunk: bigint) => number;
  readonly free: (ahead: bigint) => undefined;
}
