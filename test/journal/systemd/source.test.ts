import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, jest } from '@jest/globals';
import { batchReader } from '../../../native/batch-library.js';
import { JournalHandle } from '../../../native/journal.js';
import type { RawBatch, RawEntry } from '../../../native/raw-entries.js';
import { OperatorError } from '../../../src/core/errors.js';
import { GLOB_VALUES_MAX } from '../../../src/core/limits.js';
import { WHOLE_JOURNAL } from '../../../src/core/match.js';
import { cursor, sourceId } from '../../../src/core/names.js';
import { READ_AGAIN_ENTRIES_MAX } from '../../../src/core/service-limits.js';
import { epochMicros } from '../../../src/core/time.js';
import type { LibsystemdSpec } from '../../../src/journal/systemd/open.js';
import { plainReader } from '../../../src/journal/systemd/readers.js';
import { LibsystemdSource } from '../../../src/journal/systemd/source.js';
import {
  canWrite,
  type FakeEntry,
  numbered,
  Scratch,
  T0,
  writeJournal,
} from '../../support/journal-files.js';
import { needs } from '../../support/require.js';
import { ALL, drain, HEAD, messages, type SourceKind, sourceContract } from '../contract.js';

const id = sourceId('test');
const canBatch = [
  canWrite[0] && batchReader().functions !== undefined,
  canWrite[0] ? `no batch reader: ${batchReader().why}` : canWrite[1],
] as const;

function store(scratch: Scratch, entries: readonly FakeEntry[]): string {
  const file = scratch.file('system.journal');
  if (!existsSync(file)) writeJournal(file, entries);
  return file;
}
const files = (scratch: Scratch, entries: readonly FakeEntry[]): LibsystemdSpec => ({
  kind: 'files',
  paths: [store(scratch, entries)],
});
const directory = (scratch: Scratch, entries: readonly FakeEntry[]): LibsystemdSpec => {
  store(scratch, entries);
  return { kind: 'directory', path: scratch.path };
};

const kinds: readonly SourceKind[] = [
  {
    name: 'files, read in C',
    can: canBatch,
    make: (scratch, entries) => new LibsystemdSource(id, files(scratch, entries)),
  },
  {
    name: 'files, read call by call',
    can: canWrite,
    make: (scratch, entries) => new LibsystemdSource(id, files(scratch, entries), plainReader),
  },
  {
    name: 'a directory',
    can: canWrite,
    make: (scratch, entries) => new LibsystemdSource(id, directory(scratch, entries)),
  },
];
for (const kind of kinds) sourceContract(kind);

needs(...canWrite)(
  'says that entries may be missing when too much was read to go back to where they are',
  () => {
    using scratch = new Scratch();
    writeJournal(scratch.file('old.journal'), numbered(1));
    writeJournal(scratch.file('system.journal'), numbered(2, 1));
    const entry = (i: number): RawEntry => ({
      ...{ cursor: cursor(`entry ${i}`), realtime: epochMicros(T0), messages: [] },
      fields: new Map(),
    });
    const read = (handle: JournalHandle, count: number): RawBatch => {
      handle.next();
      const none = { longOthers: 0, unreadable: 0, aborted: 0 };
      return {
        ...none,
        entries: Array.from({ length: count }, (_, i) => entry(i)),
        read: count,
        more: false,
      };
    };
    const counts = [1, 1, READ_AGAIN_ENTRIES_MAX];
    const source = new LibsystemdSource(id, { kind: 'directory', path: scratch.path }, () => ({
      read: (handle) => read(handle, counts.shift() ?? 0),
      close: () => undefined,
    }));
    let time = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => time);
    source.open(WHOLE_JOURNAL, ALL, HEAD);
    // A file that cannot be opened, when it is looked at for the first time.
    writeFileSync(scratch.file('other.journal'), Buffer.alloc(64 * 1024));
    time = 1_001;
    source.poll();
    expect([1, 2, 3].flatMap(() => source.next(1).notices)).toEqual([]);
    rmSync(scratch.file('old.journal'));
    source.poll();
    expect(source.next(1).notices).toEqual([expect.stringContaining('LimitNOFILE=')]);
    clock.mockRestore();
    source.close();
  },
);

/** Reads all there is of the spec. */
function readAll(spec: LibsystemdSpec, make?: typeof plainReader) {
  const source =
    make === undefined ? new LibsystemdSource(id, spec) : new LibsystemdSource(id, spec, make);
  try {
    source.open(WHOLE_JOURNAL, ALL, HEAD);
    const { entries, batches } = drain(source);
    return {
      entries,
      notices: batches.flatMap((batch) => [...batch.notices]),
      ended: batches.at(-1)?.ended,
    };
  } finally {
    source.close();
  }
}

/**
 * A journal in which the second of three entries has a compressed MESSAGE whose compressed bytes
 * were overwritten.
 */
function withDamagedEntry(scratch: Scratch): string {
  const path = scratch.file('system.journal');
  const marker = 'damage me ';
  writeJournal(path, [
    { at: 0, message: 'before' },
    { at: 1000, message: marker.repeat(2000) },
    { at: 2000, message: 'after' },
  ]);
  const bytes = readFileSync(path);
  // The beginning of a zstd frame (RFC 8878), which libsystemd writes for texts over 512 bytes.
  const frame = bytes.indexOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]));
  if (frame < 0) throw new Error('no compressed data in the journal');
  bytes.fill(0xff, frame, frame + 16);
  writeFileSync(path, bytes);
  return path;
}

describe('damaged journals', () => {
  const damagedEntry = (make?: typeof plainReader) => () => {
    using scratch = new Scratch();
    const { entries } = readAll({ kind: 'files', paths: [withDamagedEntry(scratch)] }, make);
    // libsystemd leaves out the damaged field without a word (sd_journal_get_data(3): ENOENT).
    expect(messages(entries)).toEqual(['before', '', 'after']);
  };
  needs(...canBatch)('a damaged MESSAGE does not end the reading in C', damagedEntry());
  needs(...canWrite)(
    'a damaged MESSAGE does not end the reading call by call',
    damagedEntry(plainReader),
  );

  needs(...canWrite)('a directory is read past its damaged files, and they are named', () => {
    using scratch = new Scratch();
    writeJournal(scratch.file('system.journal'), numbered(3));
    writeFileSync(scratch.file('empty.journal'), '');
    writeFileSync(scratch.file('foreign.journal'), 'no journal\n'.repeat(50));
    const { entries, notices, ended } = readAll({ kind: 'directory', path: scratch.path });
    expect(entries).toHaveLength(3);
    expect(notices.sort()).toEqual([
      `${scratch.file('empty.journal')} is not a journal file or is damaged`,
      `${scratch.file('foreign.journal')} is not a journal file or is damaged`,
    ]);
    expect(ended).toBe(false);
  });

  needs(...canWrite)('files are refused when one of them cannot be read, by its name', () => {
    using scratch = new Scratch();
    const good = scratch.file('good.journal');
    const bad = scratch.file('bad.journal');
    writeJournal(good, numbered(1));
    copyFileSync(good, bad);
    writeFileSync(bad, readFileSync(good).subarray(0, 5000));
    const source = new LibsystemdSource(id, { kind: 'files', paths: [good, bad] });
    expect(() => source.open(WHOLE_JOURNAL, ALL, HEAD)).toThrow(OperatorError);
    source.close();
    expect(readAll({ kind: 'files', paths: [good] }).ended).toBe(true);
  });
});

describe('several files', () => {
  needs(...canWrite)(
    'are merged by time, and an entry that stands in two of them comes once',
    () => {
      using scratch = new Scratch();
      const all = numbered(9);
      const paths = [0, 1, 2].map((part) => scratch.file(`${part}.journal`));
      paths.forEach((path, part) => {
        writeJournal(
          path,
          all.filter((_, i) => i % 3 === part || i === 8),
        );
      });
      expect(messages(readAll({ kind: 'files', paths }).entries)).toEqual(
        all.map((entry) => entry.message),
      );
    },
  );
});

describe('what is much', () => {
  needs(...canWrite)('a glob asks for so many values of the journal and no more', () => {
    using scratch = new Scratch();
    const path = scratch.file('system.journal');
    const unit = (i: number) => ({ _SYSTEMD_UNIT: `u${i}.service` });
    writeJournal(
      path,
      Array.from({ length: 3 }, (_, i) => ({ at: i, message: 'x', fields: unit(i) })),
    );
    const asked = jest.spyOn(JournalHandle.prototype, 'uniqueValues');
    const source = new LibsystemdSource(id, { kind: 'files', paths: [path] });
    try {
      const { groups } = source.expanded({
        groups: [new Map([['_SYSTEMD_UNIT', ['u*.service']]])],
      });
      expect(groups[0]?.get('_SYSTEMD_UNIT')).toHaveLength(3);
      expect(asked.mock.calls).toContainEqual(['_SYSTEMD_UNIT', GLOB_VALUES_MAX]);
    } finally {
      asked.mockRestore();
      source.close();
    }
    const handle = JournalHandle.openFiles([path]);
    expect([2, 3, 4].map((max) => handle.uniqueValues('_SYSTEMD_UNIT', max).length)).toEqual([
      2, 3, 3,
    ]);
    handle.close();
  });
});
