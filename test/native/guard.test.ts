import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { batchReader } from '../../native/batch-library.js';
import { canWrite, Scratch, writeJournal } from '../support/journal-files.js';
import { hasCommand, needs } from '../support/require.js';

const CHILD = join(process.cwd(), 'dist/test/native/guard.child.js');
const ENTRIES = 60;

const compiled = needs(
  hasCommand('cc') && existsSync('/usr/include/systemd/sd-journal.h'),
  'needs cc, libsystemd-dev',
);
const reads = needs(
  canWrite[0] && batchReader().functions !== undefined,
  'needs systemd-journal-remote and the batch reader',
);

compiled(
  'what aborts or faults within a guarded call comes back, as often as the bound says, and nothing else does',
  () => {
    using scratch = new Scratch();
    const program = scratch.file('check');
    const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Wconversion', '-Werror', '-pthread'];
    const sources = ['test/native/guard-check.c', 'native/batch/guard.c'];
    expect(
      spawnSync('cc', [...flags, '-o', program, ...sources, '-lsystemd'], { encoding: 'utf8' })
        .stderr,
    ).toBe('');
    expect(spawnSync(program, { encoding: 'utf8' }).stdout).toBe('well\n');
  },
);

describe('a call that would end the process while it looks into files', () => {
  const scratch = new Scratch();
  const preload = scratch.file('preload.so');
  const path = scratch.file('a.journal');

  beforeAll(() => {
    if (!canWrite[0] || batchReader().functions === undefined) return;
    const flags = [
      '-std=gnu11',
      '-O2',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-shared',
      '-fPIC',
      '-Wl,--no-as-needed',
    ];
    const { stderr } = spawnSync(
      'cc',
      [...flags, '-o', preload, 'test/native/guard-preload.c', '-lsystemd'],
      {
        encoding: 'utf8',
      },
    );
    expect(stderr).toBe('');
    writeJournal(path, [{ at: 0, message: 'one' }]);
  });
  afterAll(() => scratch[Symbol.dispose]());

  reads.each([
    ['sd_journal_open', 'the journal is not a journal file or is damaged'],
    ['sd_journal_open_namespace', 'the journal namespace mail is not a journal file or is damaged'],
    ['sd_journal_open_directory', 'is not a journal file or is damaged'],
    ['sd_journal_open_files', 'is not a journal file or is damaged'],
    ['sd_journal_open_files_fd', 'is not a journal file or is damaged'],
    ['sd_journal_seek_head', 'sd_journal_seek_head failed: EBADMSG'],
    ['sd_journal_seek_tail', 'sd_journal_seek_tail failed: EBADMSG'],
    ['sd_journal_seek_realtime_usec', 'sd_journal_seek_realtime_usec failed: EBADMSG'],
    ['sd_journal_seek_cursor', 'sd_journal_seek_cursor failed: EBADMSG'],
    ['sd_journal_get_cutoff_realtime_usec', 'sd_journal_get_cutoff_realtime_usec failed: EBADMSG'],
    ['sd_journal_get_fd', 'the journal for watching is not a journal file or is damaged'],
    ['sd_journal_process', 'sd_journal_process failed: EBADMSG'],
    ['sd_journal_get_usage', 'sd_journal_get_usage failed: EBADMSG'],
  ])('%s says that the journal is damaged', (call, message) => {
    const child = join(process.cwd(), 'dist/test/native/guard-calls.child.js');
    const env = { ...process.env, LD_PRELOAD: preload, ABORT_IN: call };
    const { stdout, signal } = spawnSync(process.execPath, [child, call, path], {
      encoding: 'utf8',
      env,
    });
    expect(signal).toBeNull();
    expect(stdout).toContain(message);
  });
});

/**
 * A journal whose messages are compressed, and the places of their data objects (systemd.io,
 * "Journal File Format").
 */
function compressedJournal(path: string): {
  readonly bytes: Buffer;
  readonly objects: readonly number[];
} {
  writeJournal(
    path,
    Array.from({ length: ENTRIES }, (_, i) => ({
      at: i,
      message: `entry ${i} ${`abc${i} `.repeat(300)}`,
    })),
  );
  const bytes = readFileSync(path);
  const objects: number[] = [];
  const tail = Number(bytes.readBigUInt64LE(136));
  for (let at = Number(bytes.readBigUInt64LE(88)); at <= tail; ) {
    const size = Number(bytes.readBigUInt64LE(at + 8));
    if (bytes[at] === 1 && bytes[at + 1] !== 0) objects.push(at);
    at += Math.max(16, (size + 7) & ~7);
  }
  return { bytes, objects };
}

function readBy(
  how: string,
  path: string,
): {
  readonly entries: number;
  readonly unreadable: number;
  readonly notices: string[];
  readonly failure?: string;
} {
  const { stdout, signal } = spawnSync(process.execPath, [CHILD, how, path], { encoding: 'utf8' });
  expect(signal).toBeNull();
  return JSON.parse(stdout);
}

reads.each(['batch', 'plain'])(
  'an entry at which libsystemd aborts is passed over and told: %s',
  (how) => {
    using scratch = new Scratch();
    const path = scratch.file('a.journal');
    const { bytes, objects } = compressedJournal(path);
    expect(objects.length).toBe(ENTRIES);
    // Cut short by one byte: systemd 252 asserts that what it unpacks has the length that it says.
    for (const at of [objects[20], objects[40]] as number[])
      bytes.writeBigUInt64LE(bytes.readBigUInt64LE(at + 8) - 30n, at + 8);
    writeFileSync(path, bytes);
    const { entries, unreadable, notices } = readBy(how, path);
    expect([entries, unreadable]).toEqual([ENTRIES - 2, 2]);
    if (how === 'batch' && notices.length > 0)
      expect(notices.join('\n')).toMatch(/passed over.*damaged in a way/);
    // Another reader of the same process meets them, and knows them already.
    const again = readBy(`${how} again`, path);
    expect([again.entries, again.unreadable]).toEqual([2 * entries, 2 * unreadable]);
    expect(again.notices).toEqual(notices);
  },
);

reads.each(['batch', 'plain'])(
  'a file that is cut short while it is read ends nobody: %s',
  (how) => {
    using scratch = new Scratch();
    const path = scratch.file('a.journal');
    compressedJournal(path);
    const { entries, failure } = readBy(`${how} truncate`, path);
    expect(entries).toBeGreaterThan(0);
    expect(entries).toBeLessThan(ENTRIES);
    expect(failure ?? '').toMatch(/errno|EBADMSG|^$/);
  },
);
