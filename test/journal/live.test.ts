import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { describe, expect } from '@jest/globals';
import type { Entry, EntrySource, Position } from '../../src/core/entry.js';
import { OperatorError } from '../../src/core/errors.js';
import { type MatchExpression, WHOLE_JOURNAL } from '../../src/core/match.js';
import { cursor, sourceId } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { createSource } from '../../src/journal/source.js';
import {
  canWrite,
  exportStream,
  LiveJournal,
  numbered,
  Scratch,
  T0,
  writeJournal,
} from '../support/journal-files.js';
import { hasCommand, needs } from '../support/require.js';
import { stays, until } from '../support/until.js';
import { ALL, drain, HEAD, match, messages } from './contract.js';

const test = needs(...canWrite);
const id = sourceId('test');
const texts = (count: number, from = 0) =>
  numbered(count, from).map((entry) => entry.message as string);

/** A directory that is written to, and a reader of it that keeps what it reads. */
class Follow implements AsyncDisposable {
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

  open(position: Position = HEAD, selection: MatchExpression = WHOLE_JOURNAL): { gap: boolean } {
    this.#source?.close();
    this.#source = createSource({ kind: 'directory', path: this.scratch.path }, id);
    return this.#source.open(selection, ALL, position);
  }

  /** One idle turn: what is new. */
  turn(max = 500): readonly Entry[] {
    const source = this.#source;
    if (source === undefined) throw new Error('not open');
    source.poll();
    const batch = source.next(max);
    this.seen.push(...batch.entries);
    this.notices.push(...batch.notices);
    if (batch.position !== undefined) this.positions.push(batch.position.time);
    expect(batch.ended).toBe(false);
    return batch.entries;
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

/** Takes all descriptors of this process until it is disposed of. */
class NoDescriptors implements Disposable {
  readonly #taken: number[] = [];
  readonly #before = /^Max open files\s+(\d+)/m.exec(
    readFileSync('/proc/self/limits', 'utf8'),
  )?.[1];

  constructor() {
    this.#limit(String(readdirSync('/proc/self/fd').length + 64));
    expect(() => {
      for (;;) this.#taken.push(openSync('/dev/null', 'r'));
    }).toThrow('EMFILE');
  }

  /** Gives so many back. */
  free(count: number): void {
    for (const descriptor of this.#taken.splice(0, count)) closeSync(descriptor);
  }

  [Symbol.dispose](): void {
    this.free(this.#taken.length);
    this.#limit(this.#before ?? '');
  }

  #limit(soft: string): void {
    spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${soft}:`]);
  }
}

/** Waits until the file holds so many entries. */
async function stored(follow: Follow, count: number): Promise<void> {
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

  test('takes in a file that came while there was no descriptor left, and that nobody writes any more', async () => {
    await using follow = new Follow();
    follow.write('system.journal').append(numbered(3));
    await stored(follow, 3);
    follow.open();
    await follow.see(3);
    const other = follow.write('user-1000.journal');
    {
      using _ = new NoDescriptors();
      other.append(numbered(3, 3));
      await until('the file is there', () => existsSync(follow.scratch.file('user-1000.journal')));
      await stays('nothing of it is seen', () => follow.turn().length === 0, 1_500);
    }
    expect(await follow.see(6)).toEqual(texts(6));
  });

  test('takes in what is older than the last entry in a file that came while there was no descriptor left, and repeats nothing', async () => {
    await using follow = new Follow();
    const live = follow.write('system.journal');
    live.append(numbered(3));
    await stored(follow, 3);
    follow.open();
    await follow.see(3);
    const other = follow.write('user-1000.journal');
    {
      using _ = new NoDescriptors();
      other.append(numbered(3, 3));
      await until('the file is there', () => existsSync(follow.scratch.file('user-1000.journal')));
      await stays('nothing of it is seen', () => follow.turn().length === 0, 1_500);
      live.append(numbered(3, 6));
      expect(await follow.see(6)).toEqual([...texts(3), ...texts(3, 6)]);
    }
    await until('all is seen', () => {
      follow.turn(1);
      return follow.seen.length >= 9;
    });
    expect(await follow.see(9)).toEqual([...texts(3), ...texts(3, 6), ...texts(3, 3)]);
    expect(follow.positions).toEqual([...follow.positions].sort());
    live.append(numbered(3, 9));
    expect((await follow.see(12)).slice(9)).toEqual(texts(3, 9));
    expect(follow.notices).toEqual([]);
  });

  test.each([
    ['to watch', 1],
    ['to list the directory', 2],
    ['for one of the files', 3],
  ])(
    'keeps the files that it has while descriptors come back, but only enough %s',
    async (_, count) => {
      await using follow = new Follow();
      const live = follow.write('system.journal');
      live.append(numbered(3));
      await stored(follow, 3);
      follow.open();
      await follow.see(3);
      const other = follow.write('user-1000.journal');
      {
        using none = new NoDescriptors();
        other.append(numbered(3, 6));
        await until('the file is there', () =>
          existsSync(follow.scratch.file('user-1000.journal')),
        );
        await stays('nothing of it is seen', () => follow.turn().length === 0, 1_500);
        none.free(count);
        await stays('nothing of it is seen', () => follow.turn().length === 0, 1_500);
        live.append(numbered(3, 3));
        expect(await follow.see(6)).toEqual(texts(6));
      }
      expect(await follow.see(9)).toEqual(texts(9));
      expect(follow.notices).toEqual([]);
    },
  );

  test('reads nothing older than asked for when all files are opened anew before any entry came', async () => {
    await using follow = new Follow();
    const live = follow.write('system.journal');
    live.append(numbered(3));
    await stored(follow, 3);
    follow.open({ at: 'time', time: epochMicros(T0 + 1_000_000) });
    {
      using _ = new NoDescriptors();
      await stays('there is nothing', () => follow.turn().length === 0, 1_500);
    }
    await stays('there is nothing', () => follow.turn().length === 0, 2_500);
    live.append(numbered(2, 2_000_000));
    expect(await follow.see(2)).toEqual(texts(2, 2_000_000));
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
  const unit = (name: string, at: number) => ({
    at: at * 1000,
    message: `${name} ${at}`,
    fields: { _SYSTEMD_UNIT: `${name}.service` },
  });

  test('are those that the journal has, and those that appear, with what they said before they were noticed', async () => {
    await using follow = new Follow();
    const live = follow.write('system.journal');
    live.append([unit('postfix@a', 1), unit('ssh', 2)]);
    await stored(follow, 2);
    follow.open(HEAD, match("-u 'postfix@*'"));
    expect(await follow.see(1)).toEqual(['postfix@a 1']);
    live.append([unit('postfix@b', 3), unit('postfix@a', 4), unit('ssh', 5), unit('postfix@b', 6)]);
    await follow.see(2);
    await until('the new unit is noticed', () => {
      follow.turn();
      return follow.seen.length >= 4;
    });
    live.append([unit('postfix@b', 7)]);
    await follow.see(5);
    expect(messages(follow.seen).sort()).toEqual([
      'postfix@a 1',
      'postfix@a 4',
      'postfix@b 3',
      'postfix@b 6',
      'postfix@b 7',
    ]);
  });
});
