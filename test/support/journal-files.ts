/** Real journal files for tests, written by systemd-journal-remote from the export format. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { until } from './until.js';

const REMOTE = '/usr/lib/systemd/systemd-journal-remote';
/** Whether journal files can be made here, and why not: for `needs`. */
export const canWrite = [existsSync(REMOTE), 'systemd-journal-remote is not installed'] as const;

export const BOOT = '11111111111111111111111111111111';
const MACHINE = '22222222222222222222222222222222';
/** Time of entry 0: 2026-11-21 00:00:00 UTC, microseconds. */
export const T0 = 1_795_219_200_000_000;

export type Value = string | Uint8Array;

export interface FakeEntry {
  /** Microseconds after `T0`; before it when negative. */
  readonly at: number;
  /** Several values make several MESSAGE fields; none makes an entry without. */
  readonly message?: Value | readonly Value[];
  readonly fields?: Readonly<Record<string, Value>>;
}

/** Entries `entry N`, a millisecond apart. */
export const numbered = (count: number, from = 0): FakeEntry[] =>
  Array.from({ length: count }, (_, i) => ({
    at: (from + i) * 1000,
    message: `entry ${from + i}`,
  }));

/** An entry in the export format. Whatever needs it goes in the binary form. */
export function exportEntry(entry: FakeEntry, index = 0): Buffer {
  const messages =
    entry.message === undefined
      ? []
      : Array.isArray(entry.message)
        ? entry.message
        : [entry.message];
  const time = T0 + entry.at;
  const monotonic = Math.max(0, entry.at);
  const parts: Buffer[] = [
    Buffer.from(
      `__CURSOR=s=${'3'.repeat(32)};i=${(index + 1).toString(16)};b=${BOOT};m=${monotonic.toString(16)};` +
        `t=${time.toString(16)};x=${(index + 1).toString(16)}\n` +
        `__REALTIME_TIMESTAMP=${time}\n__MONOTONIC_TIMESTAMP=${monotonic}\n_BOOT_ID=${BOOT}\n_MACHINE_ID=${MACHINE}\n`,
    ),
  ];
  for (const [name, value] of Object.entries(entry.fields ?? {}))
    parts.push(exportField(name, value));
  for (const value of messages as readonly Value[]) parts.push(exportField('MESSAGE', value));
  parts.push(Buffer.from('\n'));
  return Buffer.concat(parts);
}

export function exportField(name: string, value: Value): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  const isText = bytes.every((byte) => byte >= 32 || byte === 9);
  if (isText) return Buffer.concat([Buffer.from(`${name}=`), bytes, Buffer.from('\n')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}

export function exportStream(entries: readonly FakeEntry[]): Buffer {
  return Buffer.concat(entries.map((entry, index) => exportEntry(entry, index)));
}

/** Writes a journal file. */
export function writeJournal(
  path: string,
  entries: readonly FakeEntry[],
  options: readonly string[] = [],
): void {
  const child = spawnSync(REMOTE, [...options, '-o', path, '-'], {
    input: exportStream(entries),
    encoding: 'utf8',
  });
  if (child.status !== 0) throw new Error(`systemd-journal-remote: ${child.stderr}`);
}

/** A journal file that is kept open and grows, as journald's own. */
export class LiveJournal {
  readonly #child: ChildProcess;
  readonly #path: string;
  #count = 0;

  constructor(path: string) {
    this.#path = path;
    this.#child = spawn(REMOTE, ['-o', path, '-'], { stdio: ['pipe', 'ignore', 'ignore'] });
  }

  append(entries: readonly FakeEntry[]): void {
    for (const entry of entries) this.#child.stdin?.write(exportEntry(entry, this.#count++));
  }

  /**
   * Resolves when everything that was appended is in the file: the writer is a process of its own.
   */
  async settled(): Promise<void> {
    await until(
      () => `${this.#count} entries in ${this.#path}, which has ${entriesIn(this.#path)}`,
      () => entriesIn(this.#path) >= this.#count,
    );
  }

  /** Ends the writer; the file is closed properly. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    await ended;
  }
}

/**
 * Where the header of a journal file has its number of entries (systemd, "Journal File Format":
 * n_entries, le64).
 */
const ENTRIES_AT = 152;

/**
 * Number of entries in a journal file and those that it was rotated into (`NAME@...`), which its
 * writer does at 128 MiB; 0 while there is none.
 */
function entriesIn(path: string): number {
  const archived = `${basename(path, '.journal')}@`;
  return readdirSync(dirname(path))
    .filter((name) => name === basename(path) || name.startsWith(archived))
    .reduce((sum, name) => sum + entriesOf(join(dirname(path), name)), 0);
}

function entriesOf(path: string): number {
  // It may have been renamed since it was listed.
  if (!existsSync(path)) return 0;
  const file = openSync(path, 'r');
  try {
    const number = Buffer.alloc(8);
    readSync(file, number, 0, number.length, ENTRIES_AT);
    return Number(number.readBigUInt64LE());
  } finally {
    closeSync(file);
  }
}

/** A directory for one test. */
export class Scratch {
  readonly path = mkdtempSync(join(tmpdir(), 'banjour-journal-'));
  file(name: string): string {
    return join(this.path, name);
  }
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
