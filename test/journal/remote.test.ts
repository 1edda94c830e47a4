/** Directories that systemd-journal-remote fills, with real journal files of several hosts. */
import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { isAtOrBefore } from '../../src/agent/source-clocks.js';
import type { Entry, EntrySource, Position, ReadPosition } from '../../src/core/entry.js';
import { OperatorError } from '../../src/core/errors.js';
import { HOST_CHARS_MAX, REMOTE_HOSTS_MAX } from '../../src/core/limits.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { sourceId } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { createSource } from '../../src/journal/source.js';
import { findEntry } from '../../src/journal/systemd/find.js';
import {
  canWrite,
  type FakeEntry,
  LiveJournal,
  Scratch,
  T0,
  writeJournal,
} from '../support/journal-files.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';
import { HEAD, match } from './contract.js';

const test = needs(...canWrite);
const ALL = { literals: undefined, fields: ['_HOSTNAME', '_MACHINE_ID'] };

/** Entry of a host, so many seconds after the beginning. */
const said = (host: string, second: number): FakeEntry => ({
  at: second * 1_000_000,
  message: `${host} ${second}`,
  fields: { _HOSTNAME: host },
});

let scratch: Scratch;
let source: EntrySource;
let seen: Entry[];
let position: ReadPosition | undefined;
let notices: string[];
let writers: Map<string, LiveJournal>;

beforeEach(() => {
  scratch = new Scratch();
  seen = [];
  notices = [];
  position = undefined;
  writers = new Map();
});
afterEach(async () => {
  source?.close();
  for (const writer of writers.values()) await writer.close();
  scratch[Symbol.dispose]();
});

const make = () => createSource({ kind: 'remote', path: scratch.path }, sourceId('remote'));
function open(at: Position = HEAD, selection = WHOLE_JOURNAL): void {
  source?.close();
  source = make();
  source.open(selection, ALL, at);
}
function write(host: string, ...seconds: number[]): void {
  let writer = writers.get(host);
  if (writer === undefined) {
    writer = new LiveJournal(scratch.file(`remote-${host}.journal`));
    writers.set(host, writer);
  }
  writer.append(seconds.map((second) => said(host, second)));
}
/** Waits until everything is in the files. */
async function written(): Promise<void> {
  for (const writer of writers.values()) await writer.settled();
}
/** Reads until so many new entries are there, and a little on for what must not come. */
async function read(count: number): Promise<string[]> {
  const before = seen.length;
  const turn = () => {
    const batch = source.next(500);
    seen.push(...batch.entries);
    notices.push(...batch.notices);
    position = batch.position ?? position;
    return batch.read;
  };
  await until(`${count} entries`, () => {
    turn();
    return seen.length >= before + count;
  });
  while (turn() > 0);
  return seen.slice(before).map(({ message }) => message);
}

describe('journals of other hosts in one directory', () => {
  test('an entry that arrives late is delivered, though other hosts have delivered younger ones', async () => {
    write('a', 10, 20);
    open();
    await read(2);
    write('b', 5, 15);
    expect(await read(2)).toEqual(['b 5', 'b 15']);
    write('a', 30);
    await read(1);
    write('b', 16);
    expect(await read(1)).toEqual(['b 16']);
  });

  test('after a stop entries of all hosts come in the order of their times', async () => {
    for (const [host, seconds] of [
      ['a', [1, 4, 7]],
      ['b', [2, 5, 8]],
      ['c', [3, 6, 9]],
    ] as const)
      writeJournal(
        scratch.file(`remote-${host}.journal`),
        seconds.map((second) => said(host, second)),
      );
    open();
    expect(await read(9)).toEqual(['a 1', 'b 2', 'c 3', 'a 4', 'b 5', 'c 6', 'a 7', 'b 8', 'c 9']);
  });

  test('goes on where each host was: nothing lost, nothing twice, hosts that are late included', async () => {
    write('a', 100, 200);
    write('b', 50);
    open();
    await read(3);
    const mark = position as ReadPosition;
    source.close();
    write('b', 60);
    write('a', 300);
    write('c', 10);
    // All of it was there before the start: what comes later is news.
    await written();
    open({ at: 'time', time: epochMicros(T0 + 150_000_000), mark });
    seen = [];
    await read(4);
    const fresh = seen.filter(
      ({ cursor, realtime }) => !isAtOrBefore({ cursor, time: realtime }, mark),
    );
    // What "c" said long before everything that counts is of no use to anybody; "b" was known, so
    // it is not passed over.
    expect(fresh.map(({ message }) => message).sort()).toEqual(['a 300', 'b 60']);
    expect(seen.map(({ message }) => message)).toContain('a 200');
    open({ at: 'cursor', ...(position as ReadPosition) });
    seen = [];
    write('b', 61);
    expect(await read(1)).toEqual(['b 61']);
  });

  test('rotation and vacuum change nothing', async () => {
    write('a', 1, 2);
    open();
    await read(2);
    write('a', 3);
    await written();
    renameSync(
      scratch.file('remote-a.journal'),
      scratch.file(`remote-a@${'1'.repeat(32)}-${'2'.repeat(16)}-${'3'.repeat(16)}.journal`),
    );
    const old = writers.get('a');
    writers.delete('a');
    write('a', 4);
    expect(await read(2)).toEqual(['a 3', 'a 4']);
    await old?.close();
    rmSync(scratch.file(`remote-a@${'1'.repeat(32)}-${'2'.repeat(16)}-${'3'.repeat(16)}.journal`));
    write('a', 5);
    expect(await read(1)).toEqual(['a 5']);
  });

  test('each entry names its host, also where systemd-journal-remote knows it by another name', async () => {
    writeJournal(scratch.file('remote-mail.journal'), [said('mail', 1)]);
    writeJournal(scratch.file('remote-198.18.0.1.journal'), [said('mail', 2)]);
    writeJournal(scratch.file('remote.journal'), [said('web', 3)]);
    open();
    await read(3);
    expect(seen.map(({ host }) => host)).toEqual(['mail', 'mail (198.18.0.1)', 'web']);
    expect(
      source
        .streams?.()
        .map(({ name, host, machineId, entriesRead }) => [name, host, machineId, entriesRead]),
    ).toContainEqual(['198.18.0.1', 'mail', '2'.repeat(32), 1]);
  });

  test('selects by host', async () => {
    writeJournal(scratch.file('remote-a.journal'), [said('a', 1)]);
    writeJournal(scratch.file('remote-b.journal'), [said('b', 2)]);
    open(HEAD, match('_HOSTNAME=b'));
    expect(await read(1)).toEqual(['b 2']);
  });

  test('a file that is no journal is spoken of and keeps nobody from the others', async () => {
    writeFileSync(scratch.file('remote-broken.journal'), 'x'.repeat(1000));
    write('a', 1);
    open();
    await read(1);
    await until('the broken file is spoken of', () => {
      notices.push(...source.next(1).notices);
      return notices.length > 0;
    });
    expect(notices.join()).toContain('remote-broken.journal');
  });

  test.each([
    [REMOTE_HOSTS_MAX, false],
    [REMOTE_HOSTS_MAX + 1, true],
  ])(
    'of %i hosts all are read up to the bound, and one more is told: %s',
    async (count, isTold) => {
      const first = scratch.file('first.journal');
      writeJournal(first, [said('a', 1)]);
      for (let i = 0; i < count; i++) copyFileSync(first, scratch.file(`remote-h${i}.journal`));
      rmSync(first);
      open();
      expect(await read(REMOTE_HOSTS_MAX)).toHaveLength(REMOTE_HOSTS_MAX);
      expect(notices.join().includes(`more than ${REMOTE_HOSTS_MAX} files of hosts`)).toBe(isTold);
    },
  );

  test.each([HOST_CHARS_MAX, HOST_CHARS_MAX + 1])(
    'of a host name of %i characters so many are kept',
    async (length) => {
      writeJournal(scratch.file('remote-a.journal'), [
        { ...said('a', 1), fields: { _HOSTNAME: 'h'.repeat(length) } },
      ]);
      open();
      await read(1);
      expect(seen[0]?.host).toBe('h'.repeat(HOST_CHARS_MAX));
      expect(source.streams?.()[0]?.host).toBe('h'.repeat(HOST_CHARS_MAX));
    },
  );

  test('the entry of a cursor is found again', async () => {
    write('a', 1, 2);
    write('b', 1, 2);
    open();
    await read(4);
    for (const entry of seen)
      expect(findEntry(make, entry.cursor, [])?.message).toBe(entry.message);
  });

  test('a directory that is not there yet is waited for; what is no directory is an error', async () => {
    source = createSource({ kind: 'remote', path: scratch.file('later') }, sourceId('remote'));
    source.open(WHOLE_JOURNAL, ALL, HEAD);
    expect(source.next(1).notices.join()).toContain('does not exist');
    mkdirSync(scratch.file('later'));
    writeJournal(scratch.file('later/remote-a.journal'), [said('a', 1)]);
    expect(await read(1)).toEqual(['a 1']);
    source.close();
    writeFileSync(scratch.file('file'), '');
    source = createSource({ kind: 'remote', path: scratch.file('file') }, sourceId('remote'));
    expect(() => source.open(WHOLE_JOURNAL, ALL, HEAD)).toThrow(OperatorError);
  });
});
