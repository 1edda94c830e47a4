import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import koffi from 'koffi';
import { check } from '../../native/check.js';
import { fieldKey, READ } from '../../native/entry-data.js';
import { JournalHandle } from '../../native/journal.js';
import { requireReadable } from '../../native/journal-files.js';
import {
  libsystemd,
  libsystemdVersion,
  load,
  SYSTEMD_VERSION_MIN,
} from '../../native/libsystemd.js';
import { EXIT, OperatorError } from '../../src/core/errors.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { cursor } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { BOOT, canWrite, numbered, Scratch, T0, writeJournal } from '../support/journal-files.js';
import { isRoot, needs } from '../support/require.js';

const write = needs(...canWrite);

/**
 * Becomes the user and group for a while. Through libc: Node refuses it where io_uring may be on.
 */
function become(user: number): void {
  const libc = koffi.load('libc.so.6');
  const names = user === 0 ? ['seteuid', 'setegid'] : ['setegid', 'seteuid'];
  for (const name of names) expect(libc.func(name, 'int', ['uint32_t'])(user)).toBe(0);
}

/** The operator's error that a call ends in. */
function refusal(call: () => unknown): OperatorError {
  try {
    call();
  } catch (error) {
    if (error instanceof OperatorError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('libsystemd', () => {
  test('is there, and old enough to be known by its functions', () => {
    expect(libsystemd()).toBe(libsystemd());
    expect(libsystemdVersion().atLeast).toBeGreaterThanOrEqual(SYSTEMD_VERSION_MIN);
  });

  test('that is missing or too old is refused with the command that mends it', () => {
    const missing = refusal(() => load('libsystemd.so.does-not-exist'));
    expect(missing.message).toContain('cannot be loaded');
    expect(missing.hint).toContain('apt install libsystemd0');
    expect(missing.exitCode).toBe(EXIT.unavailable);
    const old = refusal(() => load('libc.so.6'));
    expect(old.message).toContain('too old');
    expect(old.hint).toContain('apt install libsystemd0');
  });
});

describe('an open journal', () => {
  write('is walked both ways, sought and asked', () => {
    using scratch = new Scratch();
    const path = scratch.file('a.journal');
    writeJournal(
      path,
      numbered(5).map((entry, i) => ({
        ...entry,
        fields: { _SYSTEMD_UNIT: i < 2 ? 'a' : 'b', _UID: '0' },
      })),
    );
    const handle = JournalHandle.openFiles([path]);
    const here = () => {
      expect(handle.readData(fieldKey('MESSAGE'))).toBe(READ.found);
      return handle.data.head(8);
    };
    expect(handle.next()).toBe(true);
    expect(here()).toBe('entry 0');
    expect(handle.readData(fieldKey('ABSENT'))).toBe(READ.absent);
    expect(handle.realtime()).toBe(T0);
    expect(handle.monotonic()).toEqual({ micros: 0, bootId: BOOT });
    handle.seekTail();
    expect(handle.previous()).toBe(true);
    expect(here()).toBe('entry 4');
    const last = handle.cursor();
    if (last === undefined) throw new Error('no cursor');
    expect(handle.testCursor(last)).toBe(true);
    expect(handle.previous()).toBe(true);
    expect(handle.testCursor(last)).toBe(false);
    expect(handle.seekCursor(last)).toBe(true);
    expect(handle.next()).toBe(true);
    expect(here()).toBe('entry 4');
    expect(handle.next()).toBe(false);
    expect(handle.seekCursor(cursor('nonsense'))).toBe(false);
    handle.seekRealtime(epochMicros(T0 + 2500));
    expect(handle.next()).toBe(true);
    expect(here()).toBe('entry 3');
    expect(handle.cutoff()).toEqual({ from: T0, to: T0 + 4000 });
    expect(handle.uniqueValues('_SYSTEMD_UNIT', 10).sort()).toEqual(['a', 'b']);
    expect(handle.uniqueValues('_SYSTEMD_UNIT', 1)).toHaveLength(1);
    expect(handle.usage()).toBeGreaterThan(0);
    expect([handle.hasRuntimeFiles(), handle.hasPersistentFiles()]).toEqual([false, false]);
    handle.close();
  });

  write('selects by terms, conjunctions and disjunctions', () => {
    using scratch = new Scratch();
    const path = scratch.file('a.journal');
    writeJournal(
      path,
      numbered(8).map((entry, i) => ({
        ...entry,
        fields: { A: String(i & 1), B: String((i >> 1) & 1), C: String(i >> 2) },
      })),
    );
    const handle = JournalHandle.openFiles([path]);
    const count = () => {
      handle.seekHead();
      let entries = 0;
      while (handle.next()) entries++;
      return entries;
    };
    handle.addMatch('A', '1');
    handle.addMatch('B', '1');
    expect(count()).toBe(2);
    handle.addDisjunction();
    handle.addMatch('C', '0');
    expect(count()).toBe(5);
    handle.setMatches(WHOLE_JOURNAL);
    handle.addMatch('A', '1');
    handle.addDisjunction();
    handle.addMatch('B', '1');
    handle.addConjunction();
    handle.addMatch('C', '0');
    expect(count()).toBe(3);
    handle.close();
  });

  write('throws ERR_JOURNAL_CLOSED on every call after close, and may be closed twice', () => {
    using scratch = new Scratch();
    const path = scratch.file('a.journal');
    writeJournal(path, numbered(1));
    const handle = JournalHandle.openFiles([path]);
    handle.close();
    handle.close();
    expect(handle.closed).toBe(true);
    expect(handle.data.bytes).toHaveLength(0);
    const name = cursor('s=1');
    const calls: (() => unknown)[] = [
      () => handle.setDataThreshold(0),
      () => handle.setMatches(WHOLE_JOURNAL),
      () => handle.addMatch('A', 'b'),
      () => handle.addDisjunction(),
      () => handle.addConjunction(),
      () => handle.seekHead(),
      () => handle.seekTail(),
      () => handle.seekRealtime(epochMicros(0)),
      () => handle.seekCursor(name),
      () => handle.testCursor(name),
      () => handle.next(),
      () => handle.previous(),
      () => handle.readData(fieldKey('MESSAGE')),
      () => handle.restartData(),
      () => handle.enumerateData(),
      () => handle.cursor(),
      () => handle.realtime(),
      () => handle.monotonic(),
      () => handle.cutoff(),
      () => handle.watch(),
      () => handle.process(),
      () => handle.wait(0),
      () => handle.uniqueValues('A', 1),
      () => handle.usage(),
      () => handle.hasRuntimeFiles(),
      () => handle.hasPersistentFiles(),
    ];
    for (const call of calls)
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_JOURNAL_CLOSED' }));
  });
});

/** A directory with one file that each kind of damage was done to. */
function damaged(scratch: Scratch): Record<'empty' | 'foreign' | 'truncated' | 'newer', string> {
  const good = scratch.file('good.dat');
  writeJournal(`${good}.journal`, numbered(3));
  const bytes = readFileSync(`${good}.journal`);
  const newer = Buffer.from(bytes);
  // incompatible_flags of the file header (systemd.io, "Journal File Format"): a bit that no
  // systemd knows.
  newer.writeUInt32LE(newer.readUInt32LE(12) | 0x8000, 12);
  const put = (name: string, content: Uint8Array) => {
    mkdirSync(scratch.file(name));
    const path = scratch.file(`${name}/system.journal`);
    writeFileSync(path, content);
    return path;
  };
  return {
    empty: put('empty', Buffer.alloc(0)),
    foreign: put('foreign', Buffer.from('no journal\n'.repeat(100))),
    truncated: put('truncated', bytes.subarray(0, bytes.length >> 1)),
    newer: put('newer', newer),
  };
}

describe('a journal that cannot be read', () => {
  write('is refused with its name and the command that mends it', () => {
    using scratch = new Scratch();
    const paths = damaged(scratch);
    for (const kind of ['empty', 'foreign', 'truncated'] as const) {
      const error = refusal(() => JournalHandle.openFiles([paths[kind]]));
      expect(error.message).toBe(`${paths[kind]} is not a journal file or is damaged`);
      expect(error.hint).toContain('journalctl --verify');
      expect(error.exitCode).toBe(EXIT.dataError);
    }
    const newer = refusal(() => JournalHandle.openFiles([paths.newer]));
    expect(newer.message).toContain('written by a newer systemd');
    expect(newer.hint).toContain('libsystemd0');
    expect(refusal(() => JournalHandle.openFiles([scratch.file('absent')])).exitCode).toBe(
      EXIT.noInput,
    );
    expect(refusal(() => JournalHandle.openFiles([scratch.path])).message).toContain(
      'is a directory',
    );
    expect(refusal(() => JournalHandle.openDirectory(scratch.file('absent'))).message).toContain(
      'does not exist',
    );
  });

  write(
    'is refused as a directory when no file of it can be read, and told of when others can',
    () => {
      using scratch = new Scratch();
      const paths = damaged(scratch);
      for (const kind of Object.keys(paths) as (keyof typeof paths)[]) {
        const folder = scratch.file(kind);
        expect(refusal(() => requireReadable(folder, [folder])).message).toContain(
          `${folder}/system.journal`,
        );
        writeJournal(`${folder}/other.journal`, numbered(1));
        expect(requireReadable(folder, [folder])).toEqual([
          expect.stringContaining(`${folder}/system.journal`),
        ]);
      }
    },
  );

  test('is refused when there are no files at all', () => {
    using scratch = new Scratch();
    const error = refusal(() => requireReadable('this host', [scratch.path]));
    expect(error.message).toBe(`this host has no journal files in ${scratch.path}`);
    expect(error.hint).toContain('systemd-journald');
    expect(refusal(() => requireReadable('this host', [])).message).toContain('no journal files');
  });

  needs(isRoot && canWrite[0], 'needs root to become another user, and systemd-journal-remote')(
    'without permission is refused with the group that gives it, also when only the system file is closed',
    () => {
      using scratch = new Scratch();
      chmodSync(scratch.path, 0o755);
      const path = scratch.file('system.journal');
      writeJournal(path, numbered(1));
      chmodSync(path, 0o640);
      const user = scratch.file('user-65534.journal');
      writeJournal(user, numbered(1));
      chownSync(user, 65534, 65534);
      become(65534);
      try {
        for (const call of [
          () => JournalHandle.openFiles([path]),
          () => requireReadable('it', [scratch.path]),
        ]) {
          const error = refusal(call);
          expect(error.message).toBe(`no permission to read ${path}`);
          expect(error.hint).toContain('usermod -aG systemd-journal');
          expect(error.exitCode).toBe(EXIT.noPermission);
        }
      } finally {
        become(0);
      }
    },
  );
});

describe('the findings for doctor', () => {
  test('name libsystemd and the journal, each with what mends it unless it is well', () => {
    const findings = check();
    expect(findings.map((finding) => finding.id)).toEqual(
      expect.arrayContaining(['journal.libsystemd', 'journal.readable', 'journal.batch']),
    );
    for (const finding of findings)
      if (finding.level === 'error' || finding.level === 'warning')
        expect(finding.fix).toBeTruthy();
    expect(check('no-such-namespace')).toContainEqual(
      expect.objectContaining({ level: 'error', id: 'journal.readable' }),
    );
  });
});
