import { describe, expect } from '@jest/globals';
import { batchReader } from '../../native/batch-library.js';
import { BatchReader } from '../../native/batch-reader.js';
import { JournalHandle } from '../../native/journal.js';
import type { Ahead, AheadBatch, ReadRange, Wanted } from '../../native/raw-entries.js';
import { BATCH_ENTRIES_MAX } from '../../src/core/limits.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { cursor } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { canWrite, numbered, Scratch, T0, writeJournal } from '../support/journal-files.js';
import { needs } from '../support/require.js';

const { functions } = batchReader();
const test = needs(
  canWrite[0] && functions !== undefined,
  functions === undefined ? 'no batch reader' : canWrite[1],
);
const EVERYTHING: Wanted = {
  literals: undefined,
  routes: [],
  passes: () => true,
  fits: () => true,
  fields: new Set(),
};
const COUNT = 3 * BATCH_ENTRIES_MAX;

/**
 * What a thread reads ahead of a file of `COUNT` entries, a millisecond apart, from the first on.
 */
function readAhead(changes: (place: ReadRange) => ReadRange, use: (ahead: Ahead) => void): void {
  if (functions === undefined) throw new Error('no batch reader');
  using scratch = new Scratch();
  const path = scratch.file('a.journal');
  writeJournal(path, numbered(COUNT));
  const handle = JournalHandle.openFiles([path]);
  handle.seekHead();
  handle.next();
  const after = handle.cursor() ?? cursor('');
  const usage = handle.usage();
  handle.close();
  const opening = JournalHandle.opening(false);
  const until = epochMicros(T0 + COUNT * 1_000);
  const reader = new BatchReader(functions, EVERYTHING);
  const ahead = reader.ahead(
    changes({
      ...opening,
      kind: 'files',
      paths: [path],
      match: WHOLE_JOURNAL,
      after,
      until,
      usage,
    }),
  );
  use(ahead);
  ahead.close();
  ahead.close();
  reader.close();
}

function all(ahead: Ahead): AheadBatch[] {
  const batches: AheadBatch[] = [];
  for (let batch = ahead.take(); batch !== undefined; batch = ahead.take()) batches.push(batch);
  return batches;
}

describe('reading ahead in C', () => {
  test('gives every entry behind the cursor once, in batches, each with the last of them', () => {
    readAhead(
      (place) => place,
      (ahead) => {
        const batches = all(ahead);
        expect(batches.map(({ batch }) => batch.read)).toEqual([2_000, 2_000, 1_999]);
        expect(
          batches.flatMap(({ batch }) => batch.entries.map(({ messages }) => messages[0]?.head)),
        ).toEqual(numbered(COUNT - 1, 1).map(({ message }) => message));
        for (const { batch, last } of batches) {
          const { cursor: name, realtime } = batch.entries.at(-1) ?? {};
          expect(last).toEqual({ cursor: name, time: realtime });
        }
      },
    );
  });

  test('ends before the batch that reaches beyond its time', () => {
    readAhead(
      (place) => ({ ...place, until: epochMicros(T0 + 2 * BATCH_ENTRIES_MAX * 1_000) }),
      (ahead) =>
        expect(all(ahead).map(({ last }) => last.time - T0)).toEqual([2_000_000, 4_000_000]),
    );
  });

  for (const [what, changes] of [
    [
      'an entry that is gone',
      { after: cursor(`s=${'9'.repeat(32)};i=1;b=${'9'.repeat(32)};m=1;t=1;x=1`) },
    ],
    ['files that could not be opened all', { usage: 2 ** 50 }],
    ['no cursor', { after: cursor('nonsense') }],
    ['a journal that is gone', { paths: ['/nonexistent/a.journal'] }],
  ] as const)
    test(`gives nothing after ${what}`, () =>
      readAhead(
        (place) => ({ ...place, ...changes }),
        (ahead) => expect(all(ahead)).toEqual([]),
      ));

  test('can be given up at any moment', () => {
    for (const taken of [0, 1, 2])
      readAhead(
        (place) => place,
        (ahead) => {
          for (let i = 0; i < taken; i++) expect(ahead.take()).toBeDefined();
        },
      );
  });
});
