/** A journal that is written while it is read. */
import { mkdirSync, renameSync } from 'node:fs';
import { expect } from '@jest/globals';
import type { Batch, Entry, EntrySource, Gate, Position } from '../../src/core/entry.js';
import { type MatchExpression, WHOLE_JOURNAL } from '../../src/core/match.js';
import { sourceId } from '../../src/core/names.js';
import { createSource } from '../../src/journal/source.js';
import {
  type FakeEntry,
  LiveJournal,
  numbered,
  Scratch,
  writeJournal,
} from '../support/journal-files.js';
import { stays, until } from '../support/until.js';
import { ALL, drain, HEAD, messages } from './contract.js';

const id = sourceId('test');

export const texts = (count: number, from = 0) =>
  numbered(count, from).map((entry) => entry.message as string);

/** A directory that is written to, and a reader of it that keeps what it reads. */
export class Follow implements AsyncDisposable {
  readonly scratch = new Scratch();
  readonly #writers: LiveJournal[] = [];
  #source: EntrySource | undefined;
  readonly seen: Entry[] = [];
  readonly notices: string[] = [];
  /** Times of the positions that were told. */
  readonly positions: number[] = [];

  write(name: string): LiveJournal {
    const live = new LiveJournal(this.scratch.file(name));
    this.#writers.push(live);
    return live;
  }

  /** Writes a file that comes, whole, when it is called for. */
  prepare(name: string, entries: readonly FakeEntry[]): () => void {
    const folder = this.scratch.file('aside');
    mkdirSync(folder, { recursive: true });
    const path = `${folder}/${name}`;
    writeJournal(path, entries);
    return () => renameSync(path, this.scratch.file(name));
  }

  open(
    position: Position = HEAD,
    selection: MatchExpression = WHOLE_JOURNAL,
    gate: Gate = ALL,
  ): { gap: boolean } {
    this.#source?.close();
    this.#source = createSource({ kind: 'directory', path: this.scratch.path }, id);
    return this.#source.open(selection, gate, position);
  }

  /** One idle turn: what is new. */
  turn(max = 500): readonly Entry[] {
    this.poll();
    return this.next(max).entries;
  }

  /** A look at files. */
  poll(): void {
    this.#opened().poll();
  }

  /** What is new; the reader looks at files by itself only some time after its last look. */
  next(max = 500): Batch {
    const batch = this.#opened().next(max);
    this.seen.push(...batch.entries);
    this.notices.push(...batch.notices);
    if (batch.position !== undefined) this.positions.push(batch.position.time);
    expect(batch.ended).toBe(false);
    return batch;
  }

  #opened(): EntrySource {
    if (this.#source === undefined) throw new Error('not open');
    return this.#source;
  }

  /** Turns until so many entries were seen, and a few more for what must not come. */
  async see(count: number): Promise<string[]> {
    await until(`${count} entries, seen: ${this.seen.length}`, () => {
      this.turn();
      return this.seen.length >= count;
    });
    await stays(
      'the reader goes on',
      () => {
        this.turn();
        return true;
      },
      50,
    );
    return messages(this.seen);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#source?.close();
    for (const writer of this.#writers) await writer.close();
    this.scratch[Symbol.dispose]();
  }
}

/** Waits until the file holds so many entries. */
export async function stored(follow: Follow, count: number): Promise<void> {
  await until(`${count} entries on disk`, () => {
    try {
      const source = createSource({ kind: 'directory', path: follow.scratch.path }, id);
      source.open(WHOLE_JOURNAL, ALL, HEAD);
      const { entries } = drain(source);
      source.close();
      return entries.length >= count;
    } catch {
      return false;
    }
  });
}
