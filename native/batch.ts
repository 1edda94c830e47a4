/** The C batch reader (`native/batch/`): what `PlainReader` does, in one call for many entries. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';
import { messageOf, OperatingError } from '../src/core/errors.js';
import { ENTRY_FIELDS_MAX, ENTRY_VALUES_MAX, FIELD_CHARS_MAX, MESSAGE_CHARS_MAX } from '../src/core/limits.js';
import { cursor } from '../src/core/names.js';
import type { EpochMicros } from '../src/core/time.js';
import { DATA_HEAD_BYTES, DATA_TAIL_BYTES } from './data.js';
import { callFailed } from './errors.js';
import type { JournalHandle } from './journal.js';
import { StableMemory } from './memory.js';
import { type Awaited, type Piece, type RawBatch, type RawEntry, type Reader, Values, type Wanted } from './reader.js';

/** `BANJOUR_BATCH_VERSION` of batch.h. */
const VERSION = 4;
/** `BANJOUR_PASS_ALL` of batch.h. */
const PASS_ALL = 1;
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
      },
    };
  } catch (error) {
    return { why: messageOf(error) };
  }
}

export class BatchReader implements Reader {
  readonly #functions: Functions;
  readonly #names: readonly string[];
  #reader: bigint | undefined;
  readonly #buffer: StableMemory;
  readonly #counts = new StableMemory(24);

  constructor(functions: Functions, wanted: Wanted) {
    this.#functions = functions;
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
    const counts = this.#counts.bytes;
    const passed = counts.readUInt32LE(4);
    const entries: RawEntry[] = [];
    for (let i = 0, at = 0; i < passed; i++) {
      entries.push(this.#record(bytes, at));
      at += bytes.readUInt32LE(at);
    }
    return {
      entries,
      read: counts.readUInt32LE(0),
      unreadable: counts.readUInt32LE(8),
      longOthers: counts.readUInt32LE(12),
      more: counts.readUInt32LE(16) !== 0,
    };
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

  /** Decodes the record that begins at `start`; its form stands in batch.h. */
  #record(bytes: Buffer, start: number): RawEntry {
    let values = bytes.readUInt32LE(start + 4);
    const realtime = (bytes.readUInt32LE(start + 8) + bytes.readUInt32LE(start + 12) * 2 ** 32) as EpochMicros;
    let at = start + 20 + bytes.readUInt32LE(start + 16);
    const name = cursor(bytes.toString('latin1', start + 20, at));
    const messages: Piece[] = [];
    const kept = new Values();
    for (; values > 0; values--) {
      const field = bytes.readUInt32LE(at);
      const head = at + 12;
      const tail = head + bytes.readUInt32LE(at + 4);
      const tailLength = bytes.readUInt32LE(at + 8);
      at = tail + Math.max(0, tailLength - 1);
      const text = bytes.toString('utf8', head, tail);
      if (field === 0)
        messages.push(tailLength === 0 ? { head: text } : { head: text, tail: bytes.toString('utf8', tail, at) });
      else {
        kept.add(this.#names[field - 1] as string, text.slice(0, FIELD_CHARS_MAX));
      }
    }
    const { fields, more } = kept;
    return more === undefined
      ? { cursor: name, realtime, messages, fields }
      : { cursor: name, realtime, messages, fields, more };
  }
}

/** The wishes in the form that batch.h describes. */
function wishesOf(wanted: Wanted): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const list = (texts: readonly string[]) =>
    Buffer.concat([
      number(texts.length),
      ...texts.flatMap((text) => [number(Buffer.byteLength(text)), Buffer.from(text, 'utf8')]),
    ]);
  const passAll = wanted.literals === undefined || wanted.literals.includes('');
  return Buffer.concat([
    ...[DATA_HEAD_BYTES, DATA_TAIL_BYTES, 4 * FIELD_CHARS_MAX, MESSAGE_CHARS_MAX].map(number),
    ...[ENTRY_FIELDS_MAX, ENTRY_VALUES_MAX, passAll ? PASS_ALL : 0].map(number),
    list(passAll ? [] : (wanted.literals ?? [])),
    list([...wanted.fields]),
  ]);
}
