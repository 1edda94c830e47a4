import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { describe, expect } from '@jest/globals';
import type { EntrySource, Position } from '../../src/core/entry.js';
import { OperatorError } from '../../src/core/errors.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { cursor, sourceId } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { createSource } from '../../src/journal/source.js';
import {
  canWrite,
  exportStream,
  type FakeEntry,
  numbered,
  Scratch,
  T0,
  writeJournal,
} from '../support/journal-files.js';
import { hasCommand, needs } from '../support/require.js';
import { until } from '../support/until.js';
import { ALL, drain, HEAD, match, messages } from './contract.js';
import { Follow, stored, texts } from './follow.js';

const test = needs(...canWrite);
const id = sourceId('test');

describe('following a directory', () => {
  test('delivers what is appended, once and in order, from the head and from the tail', async () => {
    await using follow = new Follow();
    const live = follow.write('system.journal');
    live.append(numbered(5));
    await stored(follow, 5);
    follow.open({ at: 'tail' });
    expect(follow.turn()).toEqual([]);
    live.append(numbered(5, 5));
    expect(await follow.see(5)).toEqual(texts(5, 5));
    live.append(numbered(300, 10));
    expect(await follow.see(305)).toEqual(texts(305, 5));
  });

  test('sees the first entry of a unit that had none when the reader began', async () => {
    await using follow = new Follow();
    const live = follow.write('system.journal');
    live.append(numbered(3));
    await stored(follow, 3);
    follow.open({ at: 'tail' }, match('_SYSTEMD_UNIT=ssh.service'));
    expect(follow.turn()).toEqual([]);
    live.append([
      { at: 3000, message: 'other' },
      { at: 4000, message: 'login', fields: { _SYSTEMD_UNIT: 'ssh.service' } },
    ]);
    expect(await follow.see(1)).toEqual(['login']);
  });

  test('goes on over a rotation: the file is renamed, a new one takes its name', async () => {
    await using follow = new Follow();
    const first = follow.write('system.journal');
    first.append(numbered(4));
    await stored(follow, 4);
    follow.open();
    expect(await follow.see(4)).toEqual(texts(4));
    first.append(numbered(3, 4));
    await first.close();
    renameSync(follow.scratch.file('system.journal'), follow.scratch.file('system@old.journal'));
    follow.write('system.journal').append(numbered(4, 7));
    expect(await follow.see(11)).toEqual(texts(11));
    expect(follow.notices).toEqual([]);
  });

  test('goes on over many rotations while it lags behind', async () => {
    await using follow = new Follow();
    follow.write('system.journal').append(numbered(10));
    await stored(follow, 10);
    follow.open();
    for (let round = 1; round <= 4; round++) {
      follow.turn(3);
      renameSync(
        follow.scratch.file('system.journal'),
        follow.scratch.file(`system@${round}.journal`),
      );
      follow.write('system.journal').append(numbered(10, 10 * round));
      await stored(follow, 10 * (round + 1));
      follow.turn(3);
    }
    expect(await follow.see(50)).toEqual(texts(50));
    expect(follow.notices).toEqual([]);
  });

  test('takes in the entries of a file that appears', async () => {
    await using follow = new Follow();
    follow.write('system.journal').append(numbered(3));
    await stored(follow, 3);
    follow.open();
    expect(await follow.see(3)).toEqual(texts(3));
    follow.write('user-1000.journal').append(numbered(3, 3));
    expect(await follow.see(6)).toEqual(texts(6));
  });

  test('takes in what a file that appears has of before the last entry that was read', async () => {
    await using follow = new Follow();
    const live = follow.write('system.journal');
    live.append(numbered(3));
    await stored(follow, 3);
    follow.open();
    expect(await follow.see(3)).toEqual(texts(3));
    const comes = follow.prepare('user-1000.journal', numbered(3, 3));
    live.append(numbered(3, 6));
    await live.settled();
    follow.poll();
    comes();
    // What stands behind it is read before the file is noticed.
    expect(messages(follow.next().entries)).toEqual(texts(3, 6));
    // Who is killed now must come to the others again.
    expect(follow.positions.at(-1)).toBe(T0 + 2_000);
    expect((await follow.see(9)).slice(6)).toEqual(texts(3, 3));
    expect(follow.positions.at(-1)).toBe(T0 + 8_000);
    expect(follow.notices).toEqual([]);
  });

  test('goes on after a file that was read is vacuumed away', async () => {
    await using follow = new Follow();
    writeJournal(follow.scratch.file('system@old.journal'), numbered(4));
    const live = follow.write('system.journal');
    live.append(numbered(4, 4));
    await stored(follow, 8);
    follow.open();
    await follow.see(8);
    rmSync(follow.scratch.file('system@old.journal'));
    live.append(numbered(2, 8));
    expect(await follow.see(10)).toEqual(texts(10));
    expect(follow.notices).toEqual([]);
  });

  test('says so when the file it stands in is vacuumed away, and goes on with what is left', async () => {
    await using follow = new Follow();
    writeJournal(follow.scratch.file('system@old.journal'), numbered(6));
    follow.write('system.journal').append(numbered(4, 6));
    await stored(follow, 10);
    follow.open();
    follow.turn(2);
    rmSync(follow.scratch.file('system@old.journal'));
    expect(await follow.see(6)).toEqual([...texts(2), ...texts(4, 6)]);
    expect(follow.notices).toEqual([expect.stringContaining('may be missing')]);
  });

  test('reports a gap when the stored cursor was vacuumed away, none when it is there', async () => {
    await using follow = new Follow();
    writeJournal(follow.scratch.file('system@old.journal'), numbered(6));
    writeJournal(follow.scratch.file('system.journal'), numbered(4, 6));
    follow.open();
    const last = follow.turn(3).at(-1);
    if (last === undefined) throw new Error('nothing read');
    const stored: Position = { at: 'cursor', cursor: last.cursor, time: last.realtime };
    expect(follow.open(stored)).toEqual({ gap: false });
    expect(messages(follow.turn(1))).toEqual(['entry 3']);
    rmSync(follow.scratch.file('system@old.journal'));
    expect(follow.open(stored)).toEqual({ gap: true });
    expect(messages(follow.turn(1))).toEqual(['entry 6']);
  });

  test('loses and repeats nothing in a storm with rotations, vacuuming behind it, and restarts of the reader', async () => {
    await using follow = new Follow();
    const each = 700;
    const rounds = 8;
    let live = follow.write('system.journal');
    live.append(numbered(each));
    await stored(follow, each);
    follow.open();
    const restart = () => {
      const last = follow.seen.at(-1);
      if (last === undefined) throw new Error('nothing read');
      expect(follow.open({ at: 'cursor', cursor: last.cursor, time: last.realtime })).toEqual({
        gap: false,
      });
    };
    for (let round = 1; round < rounds; round++) {
      // As with journald, nothing is written to a file after its successor has begun.
      await live.close();
      renameSync(
        follow.scratch.file('system.journal'),
        follow.scratch.file(`system@${round}.journal`),
      );
      live = follow.write('system.journal');
      live.append(numbered(each, each * round));
      // The reader stays up to one round behind; files further back go.
      await until(`round ${round}`, () => {
        follow.turn(137);
        return follow.seen.length >= each * (round + (round % 2) * 0.5);
      });
      if (round % 3 === 0) restart();
      if (round > 2) rmSync(follow.scratch.file(`system@${round - 2}.journal`));
    }
    expect(await follow.see(each * rounds)).toEqual(texts(each * rounds));
    expect(follow.notices).toEqual([]);
  });

  test('does not repeat entries that are copied to another file, as journalctl --flush does', async () => {
    await using follow = new Follow();
    writeJournal(follow.scratch.file('runtime.journal'), numbered(5));
    follow.open();
    expect(await follow.see(5)).toEqual(texts(5));
    const last = follow.seen.at(-1);
    if (last === undefined) throw new Error('nothing read');
    const live = follow.write('system.journal');
    live.append(numbered(5));
    rmSync(follow.scratch.file('runtime.journal'));
    live.append(numbered(3, 5));
    expect(await follow.see(8)).toEqual(texts(8));
    expect(follow.open({ at: 'cursor', cursor: last.cursor, time: last.realtime })).toEqual({
      gap: false,
    });
    expect(messages(follow.turn())).toEqual(texts(3, 5));
  });
});

describe('following an export stream', () => {
  const writing = needs(hasCommand('mkfifo'), 'needs mkfifo');

  /** A pipe with both ends here, read as an export stream. */
  function piped(
    use: (source: EntrySource, write: (bytes: Buffer) => void, hangUp: () => void) => void,
  ): void {
    using scratch = new Scratch();
    const path = scratch.file('pipe');
    spawnSync('mkfifo', [path]);
    const end = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const source = createSource({ kind: 'export', path }, id);
    try {
      use(
        source,
        (bytes) => writeSync(end, bytes),
        () => closeSync(end),
      );
    } finally {
      source.close();
    }
  }

  writing('never blocks on a pipe, takes entries as they come, and ends with it', () => {
    piped((source, write, hangUp) => {
      source.open(WHOLE_JOURNAL, ALL, HEAD);
      expect(source.next(10)).toMatchObject({ read: 0, ended: false });
      const bytes = exportStream(numbered(4));
      write(bytes.subarray(0, 700));
      const first = source.next(10);
      expect(first.ended).toBe(false);
      write(bytes.subarray(700));
      const second = source.next(10);
      expect(messages([...first.entries, ...second.entries])).toEqual(texts(4));
      hangUp();
      expect(source.next(10)).toMatchObject({ read: 0, ended: true });
    });
  });

  writing(
    'searches a pipe for its cursor as it comes, and gives it up at the first later entry',
    () => {
      const cursorOf = (index: number) => {
        const line = exportStream(numbered(index + 1))
          .toString()
          .match(/(?<=__CURSOR=).*/g)?.[index];
        return {
          at: 'cursor',
          cursor: cursor(line ?? ''),
          time: epochMicros(T0 + index * 1000),
        } as const;
      };
      piped((source, write) => {
        expect(source.open(WHOLE_JOURNAL, ALL, cursorOf(1))).toEqual({ gap: false });
        expect(source.next(10).read).toBe(0);
        write(exportStream(numbered(4)));
        expect(messages(drain(source).entries)).toEqual(texts(2, 2));
      });
      piped((source, write) => {
        const position = { ...cursorOf(1), cursor: cursor('s=0;i=0') };
        write(exportStream(numbered(4)));
        expect(source.open(WHOLE_JOURNAL, ALL, position)).toEqual({ gap: true });
        expect(messages(drain(source).entries)).toEqual(texts(2, 2));
      });
    },
  );

  writing('refuses a stream that is not there, with what to type', () => {
    const source = createSource({ kind: 'export', path: '/nonexistent/stream' }, id);
    expect(() => source.open(WHOLE_JOURNAL, ALL, HEAD)).toThrow(OperatorError);
    source.close();
  });
});

describe('units by wildcard', () => {
  const unit = (name: string, at: number): FakeEntry => ({
    at: at * 1000,
    message: `${name} ${at}`,
    fields: { _SYSTEMD_UNIT: `${name}.service`, _UID: name === 'other' ? '1' : '0' },
  });

  test.each([
    ['alone', "-u 'postfix@*'", /^postfix@/],
    ['beside a unit that has entries already', "-u 'postfix@*' -u ssh + _UID=1", /^(post|ssh|oth)/],
    ['that overlap', "-u 'postfix@*' + _SYSTEMD_UNIT=*@b.service _UID=0 + -u 'p*'", /^(p|.*@b)/],
  ])(
    'bring each entry once and in order, of units that appear, too: %s',
    async (_, text, wanted) => {
      await using follow = new Follow();
      const live = follow.write('system.journal');
      const entries = [unit('postfix@a', 1), unit('ssh', 2), unit('other', 3)];
      live.append(entries);
      await stored(follow, entries.length);
      follow.open(HEAD, match(text));
      for (let round = 1; round <= 5; round++) {
        // More units than libsystemd is given values.
        const names = ['postfix@a', 'ssh', 'postfix@b', 'other', 'x@b', ...Array(6).keys()];
        const more = names.map((name, i) =>
          unit(typeof name === 'number' ? `postfix@${round}-${name}` : name, 10 * 2 * round + i),
        );
        live.append(more);
        entries.push(...more);
        if (round % 2 === 0) await stored(follow, entries.length);
        follow.turn(3);
      }
      const expected = entries
        .map(({ message }) => message as string)
        .filter((message) => wanted.test(message));
      expect(await follow.see(expected.length)).toEqual(expected);
    },
  );

  test('say of what others log that it concerns nobody, and of every entry of the unit that it does', async () => {
    await using follow = new Follow();
    const live = follow.write('system.journal');
    live.append([unit('other', 1)]);
    await stored(follow, 1);
    // Of all that is appended nothing passes the gate, as the first lines of a connection do not.
    follow.open(HEAD, match("-u 'postfix@*'"), { literals: ['authentication failed'], fields: [] });
    /** Whether others alone were heard until all was read. */
    const heard = async (...names: readonly string[]) => {
      while (follow.next().read > 0);
      live.append(names.map((name, i) => unit(name, 10 + i)));
      await live.settled();
      const told: unknown[] = [];
      for (let batch = follow.next(); batch.read > 0; batch = follow.next())
        told.push(batch.isOfOthers);
      return told;
    };
    expect(await heard('other')).toEqual([true]);
    expect(await heard('postfix@a')).toEqual([undefined]);
    expect(await heard('other', 'postfix@a', 'other')).toEqual([true, undefined, true]);
    const many = Array.from({ length: 100 }, () => 'other');
    expect(new Set(await heard(...many))).toEqual(new Set([true]));
    expect((await heard(...many)).length).toBeLessThan(20);
  });
});
