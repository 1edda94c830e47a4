import { rmSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { batchReader } from '../../../native/batch-library.js';
import type {
  AheadBatch,
  EntryReader,
  RawBatch,
  ReadRange,
  Wanted,
} from '../../../native/raw-entries.js';
import { WHOLE_JOURNAL } from '../../../src/core/match.js';
import { cursor, sourceId } from '../../../src/core/names.js';
import { epochMicros } from '../../../src/core/time.js';
import { bestReader, plainReader, ReadAhead } from '../../../src/journal/systemd/readers.js';
import { LibsystemdSource } from '../../../src/journal/systemd/source.js';
import {
  canWrite,
  LiveJournal,
  numbered,
  Scratch,
  writeJournal,
} from '../../support/journal-files.js';
import { needs } from '../../support/require.js';
import { ALL, drain, HEAD, match, messages } from '../contract.js';

const batch = (read: number, more = true): RawBatch => ({
  entries: [],
  read,
  longOthers: 0,
  unreadable: 0,
  aborted: 0,
  more,
});
const place: ReadRange = {
  kind: 'directory',
  flags: 0,
  threshold: 0,
  paths: ['/nonexistent'],
  match: WHOLE_JOURNAL,
  after: cursor('s=1'),
  until: epochMicros(1),
  usage: 0,
};

/** A reader whose reading ahead comes to so many batches each time; how often it was begun. */
function fake(...batches: number[]) {
  const begun: ReadRange[] = [];
  const ahead = (from: ReadRange) => {
    begun.push(from);
    let left = batches.shift() ?? 0;
    const last = { cursor: cursor('s=2'), time: epochMicros(1) };
    return {
      take: (): AheadBatch | undefined => (left-- > 0 ? { batch: batch(10), last } : undefined),
      close: () => undefined,
    };
  };
  const reader: EntryReader = { read: () => batch(10), ahead, close: () => undefined };
  return { reader, begun };
}

function takeAll(ahead: ReadAhead): number {
  for (let count = 0; ; count++) if (ahead.take() === undefined) return count;
}

describe('reading ahead', () => {
  test('begins after three full batches in a row, not in a journal that is read as it grows', () => {
    const { reader, begun } = fake(10);
    const ahead = new ReadAhead(reader);
    for (const [read, more] of [
      [10, true],
      [10, true],
      [9, true],
      [10, true],
      [10, true],
      [10, false],
    ] as const)
      ahead.note(batch(read, more), 10, () => place);
    expect([begun.length, ahead.active]).toEqual([0, false]);
    for (let i = 0; i < 3; i++) ahead.note(batch(10), 10, () => place);
    expect([begun, ahead.active]).toEqual([[place], true]);
    expect([takeAll(ahead), ahead.active]).toEqual([10, false]);
  });

  test('does not begin where its place cannot be told, or the reader has no such thing', () => {
    const { reader, begun } = fake(10);
    const [ahead, without] = [
      new ReadAhead(reader),
      new ReadAhead({ read: reader.read, close: reader.close }),
    ];
    for (let i = 0; i < 5; i++) {
      ahead.note(batch(10), 10, () => undefined);
      without.note(batch(10), 10, () => place);
    }
    expect([begun.length, ahead.active, without.active]).toEqual([0, false, false]);
  });

  test('is begun again after it was worth it, and not after it was not', () => {
    const { reader, begun } = fake(10, 9, 10);
    const ahead = new ReadAhead(reader);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 3; i++) ahead.note(batch(10), 10, () => place);
      takeAll(ahead);
    }
    expect(begun).toHaveLength(2);
  });
});

const { functions } = batchReader();
const inC = needs(
  canWrite[0] && functions !== undefined,
  functions === undefined ? 'no batch reader' : canWrite[1],
);
const mail = match('_SYSTEMD_UNIT=postfix.service');
const entriesOf = (count: number, from = 0) =>
  numbered(count, from).map((entry, i) => ({
    ...entry,
    fields: { _SYSTEMD_UNIT: (from + i) % 3 === 0 ? 'nginx.service' : 'postfix.service' },
  }));

/** Reads like `bestReader`, and tells how many batches were read ahead. */
function counting() {
  const counts = { batches: 0 };
  const make = (wanted: Wanted): EntryReader => {
    const reader = bestReader(wanted);
    const { ahead } = reader;
    const counted = (from: ReadRange) => {
      const inner = ahead?.call(reader, from);
      if (inner === undefined) throw new Error('the reader does not read ahead');
      return {
        take: () => {
          const taken = inner.take();
          if (taken !== undefined) counts.batches++;
          return taken;
        },
        close: () => inner.close(),
      };
    };
    return {
      read: (handle, max, fromCurrent) => reader.read(handle, max, fromCurrent),
      ahead: counted,
      close: () => reader.close(),
    };
  };
  return { counts, make };
}

describe('a source that reads ahead', () => {
  for (const [name, wanted] of [
    ['the whole journal', WHOLE_JOURNAL],
    ['one unit', mail],
    ['a wildcard', match("-u 'postfix*'")],
  ] as const)
    inC(`gives of ${name} the same entries, last position and count as one that does not`, () => {
      using scratch = new Scratch();
      for (const [i, name] of ['a', 'b', 'c'].entries())
        writeJournal(scratch.file(`${name}.journal`), entriesOf(7_000, i * 6_000));
      const spec = { kind: 'directory', path: scratch.path } as const;
      const { counts, make } = counting();
      const [one, other] = [make, plainReader].map((reader) => {
        const source = new LibsystemdSource(sourceId('t'), spec, reader);
        source.open(wanted, { ...ALL, fields: ['_SYSTEMD_UNIT'] }, HEAD);
        const { entries, batches } = drain(source, 2_000);
        source.close();
        return {
          // The readers keep fields in different ways.
          entries: entries.map((entry) => ({ ...entry, fields: new Map(entry.fields) })),
          last: batches.at(-1)?.position,
          read: batches.reduce((sum, { read }) => sum + read, 0),
        };
      });
      expect(counts.batches).toBeGreaterThan(2);
      expect(one?.entries.length).toBeGreaterThan(10_000);
      expect(one).toEqual(other);
    });

  inC('goes on with what is written meanwhile, and with files that were not there', async () => {
    using scratch = new Scratch();
    const live = new LiveJournal(scratch.file('system.journal'));
    live.append(entriesOf(9_000));
    await live.settled();
    const { counts, make } = counting();
    const source = new LibsystemdSource(
      sourceId('t'),
      { kind: 'directory', path: scratch.path },
      make,
    );
    source.open(WHOLE_JOURNAL, ALL, HEAD);
    const found = Array.from({ length: 6 }, () => messages(source.next(1_000).entries)).flat();
    expect(counts.batches).toBeGreaterThan(0);
    live.append(entriesOf(2_000, 9_000));
    writeJournal(scratch.file('other.journal'), entriesOf(1_000, 11_000));
    await live.close();
    for (let quiet = 0; quiet < 5; ) {
      const { entries, read } = source.next(1_000);
      found.push(...messages(entries));
      if (read === 0) quiet++;
      source.poll();
    }
    source.close();
    expect(found).toEqual(numbered(12_000).map(({ message }) => message));
  });

  inC('can be closed in the middle, and with its files gone', () => {
    using scratch = new Scratch();
    writeJournal(scratch.file('system.journal'), entriesOf(20_000));
    for (const gone of [false, true]) {
      const { counts, make } = counting();
      const source = new LibsystemdSource(
        sourceId('t'),
        { kind: 'directory', path: scratch.path },
        make,
      );
      source.open(WHOLE_JOURNAL, ALL, HEAD);
      for (let i = 0; i < 5; i++) source.next(2_000);
      expect(counts.batches).toBeGreaterThan(0);
      if (gone) rmSync(scratch.file('system.journal'));
      source.close();
    }
  });
});
